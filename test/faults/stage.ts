// What a fault is played on: runtimes in processes of their own, the built Switchyard in front of them, and a load like
// a kubelet's that goes on through all of it.
import type { CriClient } from '../support/cri-client.ts';
import { SimulatedProcess } from '../support/simulated-process.ts';
import { SwitchyardProcess } from '../support/switchyard-process.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import type { LoadBackend } from './checked-calls.ts';
import { KubeletLoad, type LoadOptions } from './kubelet-load.ts';

/** What faults need of a runtime's process; Containerd and SimulatedProcess have it. */
export interface RuntimeProcess {
  /** A client of its own socket. */
  readonly cri: CriClient;
  readonly socket: string;
  readonly pid: number;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  pause(): Promise<void>;
  resume(): void;
}

export interface StageBackend<Process extends RuntimeProcess> extends LoadBackend {
  readonly runtime: Process;
}

export interface Stage<Process extends RuntimeProcess = RuntimeProcess> {
  readonly switchyard: SwitchyardProcess;
  readonly load: KubeletLoad;
  readonly backends: readonly StageBackend<Process>[];
}

export interface SimulatedStage extends Stage<SimulatedProcess>, AsyncDisposable {
  readonly dir: TempDir;
  backend(name: string): StageBackend<SimulatedProcess>;
}

/** The backends of a simulated stage: three different runtimes; the first is the default backend. */
const SIMULATED = [
  { name: 'first', profile: 'containerd-2.1', handler: '' },
  { name: 'second', profile: 'containerd-1.7', handler: 'second' },
  { name: 'third', profile: 'cri-o', handler: 'third' },
] as const;

export interface SimulatedStageOptions {
  /** What the load does other than usual. */
  readonly load?: Partial<LoadOptions>;
  /** Further keys of Switchyard's config. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** A backend's socket as Switchyard is to see it; default its own. */
  readonly socketSeen?: (name: string, socket: string) => string;
  /** Beside Switchyard's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly dir?: TempDir;
}

/** Starts three simulated runtimes and a Switchyard; the load is made but not started. */
export async function simulatedStage(options: SimulatedStageOptions = {}): Promise<SimulatedStage> {
  const stack = new Disposals();
  try {
    const dir = options.dir ?? stack.use(await tempDir());
    const backends = await Promise.all(
      SIMULATED.map(async ({ name, profile, handler }) => {
        const socket = dir.file(`${name}.sock`);
        const runtime = await SimulatedProcess.start({
          name,
          profile,
          socket,
          logFile: dir.file(`${name}.log`),
        });
        return { name, handler, runtime: stack.use(runtime) };
      }),
    );
    const switchyard = stack.use(
      await SwitchyardProcess.start({
        dir: dir.file('sy'),
        backends: backends.map(({ name, handler, runtime }) => ({
          name,
          endpoint: `unix://${options.socketSeen?.(name, runtime.socket) ?? runtime.socket}`,
          handlers: { [handler]: '' },
          ...(handler === '' && { default: true }),
        })),
        more: { log: { format: 'json' }, ...options.config },
        ...(options.env !== undefined && { env: options.env }),
      }),
    );
    const cri = switchyard.connect();
    stack.defer(() => cri.close());
    const load = new KubeletLoad({
      cri,
      backends: backends.map(({ name, handler }) => ({ name, handler })),
      image: 'localhost/busybox:1.36',
      command: ['sleep', '86400'],
      stayingPods: 3,
      workers: 2,
      listEveryMs: 100,
      probeEveryMs: 50,
      pauseMs: 50,
      ...options.load,
    });
    stack.defer(() => load.stop());
    await until(async () => (await absentBackends(switchyard)).length === 0, 'all backends are ready');
    return {
      dir,
      switchyard,
      load,
      backends,
      backend(name) {
        const found = backends.find((backend) => backend.name === name);
        if (found === undefined) throw new Error(`no backend ${name}`);
        return found;
      },
      [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
    };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** What was begun, ended in reverse order. */
export class Disposals implements AsyncDisposable {
  private readonly ends: (() => unknown)[] = [];

  use<Part extends AsyncDisposable>(part: Part): Part {
    this.ends.push(() => part[Symbol.asyncDispose]());
    return part;
  }

  defer(end: () => unknown): void {
    this.ends.push(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let end = this.ends.pop(); end !== undefined; end = this.ends.pop()) await end();
  }
}

/** The backends that Switchyard cannot call now. */
export async function absentBackends(switchyard: SwitchyardProcess): Promise<string[]> {
  const metrics = await switchyard.metrics();
  return [...metrics.matchAll(/^switchyard_backend_up\{backend="([^"]+)"\} 0$/gm)].map(
    ([, name]) => name ?? '',
  );
}
