// Two real containerds of different versions, the built Switchyard in front of them, and a load like a kubelet's.
import { Containerd } from '../support/containerd.ts';
import { beginRun, type E2eRun } from '../support/e2e-leftovers.ts';
import { E2E_IMAGES, IMAGES, writeOciArchive } from '../support/oci-image.ts';
import { SwitchyardProcess } from '../support/switchyard-process.ts';
import { KubeletLoad, type LoadOptions } from './kubelet-load.ts';
import { Disposals, type Stage } from './stage.ts';

export interface RealStage extends Stage<Containerd>, AsyncDisposable {
  readonly run: E2eRun;
}

/** The backends; the first is the default backend. */
const REAL = [
  { name: 'first', version: '1.7', handler: '' },
  { name: 'second', version: '2', handler: 'second' },
] as const;

/** Starts both and Switchyard; the load is made but not started. */
export async function realStage(
  load: Pick<LoadOptions, 'stayingPods' | 'workers'> & Partial<LoadOptions>,
): Promise<RealStage> {
  const stack = new Disposals();
  try {
    const run = stack.use(await beginRun());
    const archive = writeOciArchive(run.path, E2E_IMAGES);
    const backends = [];
    for (const { name, version, handler } of REAL)
      backends.push({ name, handler, runtime: stack.use(await Containerd.start(run, version, archive)) });
    const switchyard = stack.use(
      await SwitchyardProcess.start({
        dir: run.file('sy'),
        backends: backends.map(({ name, handler, runtime }) => ({
          name,
          endpoint: `unix://${runtime.socket}`,
          handlers: { [handler]: '' },
          ...(handler === '' && { default: true }),
        })),
      }),
    );
    const cri = switchyard.connect();
    stack.defer(() => cri.close());
    const kubelet = new KubeletLoad({
      cri,
      backends: backends.map(({ name, handler }) => ({ name, handler })),
      image: IMAGES.app,
      // Ends at once when it is asked to, as a good container does.
      args: ['-c', 'trap "exit 0" TERM; sleep 86400 & wait'],
      cgroupParent: run.cgroupParent,
      listEveryMs: 250,
      probeEveryMs: 1_000,
      pauseMs: 250,
      deadlineMs: 60_000,
      ...load,
    });
    stack.defer(() => kubelet.stop());
    return {
      run,
      switchyard,
      load: kubelet,
      backends,
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}
