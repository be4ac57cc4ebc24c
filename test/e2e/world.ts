// What most end-to-end tests start from: three real containerds of different versions, an image registry, and the built
// Switchyard in front of them.

import { whyNoProgram } from '../support/built-program.ts';
import { Containerd, versionOf } from '../support/containerd.ts';
import type { CriClient } from '../support/cri-client.ts';
import { beginRun, type E2eRun } from '../support/e2e-leftovers.ts';
import { whyNoContainers } from '../support/e2e-requirements.ts';
import { ImageRegistry } from '../support/image-registry.ts';
import { E2E_IMAGES, REGISTRY_IMAGE, writeOciArchive } from '../support/oci-image.ts';
import { SwitchyardProcess } from '../support/switchyard-process.ts';

/** Why these tests cannot run here. */
export function whyNoWorld(): string | undefined {
  return whyNoContainers() ?? whyNoProgram();
}

export interface World extends AsyncDisposable {
  readonly run: E2eRun;
  /** The default backend `old`, also for handler `runc`: containerd 1.6, serving both API versions. */
  readonly old: Containerd;
  /** The backend `new`, for handler `runc2`, which it calls `runc`: containerd 2, serving v1 only. */
  readonly new: Containerd;
  /** The backend `middle`, for handler `runc17`, which it calls `runc`: containerd 1.7, serving both API versions. */
  readonly middle: Containerd;
  readonly switchyard: SwitchyardProcess;
  /** A client of Switchyard's socket. */
  readonly cri: CriClient;
  /** The name by which an image can be pulled. */
  readonly pullable: string;
}

/** The annotation by which pods may choose their backend by name, in namespaces that begin with `build-`. */
export const BACKEND_ANNOTATION = 'switchyard.dev/backend';
/** The annotation that a rule of the config matches, in namespaces that begin with `ci-`: pods go to `new`. */
export const RULE_ANNOTATION = 'build.example.com/needs';

/** Starts everything; when it throws, all is stopped again. `more` are further keys of Switchyard's config. */
export async function startWorld(more: Readonly<Record<string, unknown>> = {}): Promise<World> {
  const stack: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(part: T): T => {
    stack.push(part);
    return part;
  };
  const dispose = async () => {
    for (let part = stack.pop(); part !== undefined; part = stack.pop()) await part[Symbol.asyncDispose]();
  };
  try {
    const run = keep(await beginRun());
    const archive = writeOciArchive(run.path, E2E_IMAGES);
    const registry = keep(await ImageRegistry.start(run));
    const pullable = registry.push(REGISTRY_IMAGE, 'pulled/app:1');
    const old = keep(await Containerd.start(run, '1.6', archive));
    const newer = keep(await Containerd.start(run, '2', archive));
    const middle = keep(await Containerd.start(run, '1.7', archive));
    console.log(
      `containerd: backend old ${versionOf('1.6')}, middle ${versionOf('1.7')}, new ${versionOf('2')}`,
    );
    const switchyard = keep(
      await SwitchyardProcess.start({
        dir: run.file('sy'),
        backends: [
          {
            name: 'old',
            endpoint: `unix://${old.socket}`,
            default: true,
            isolation: 'shared',
            handlers: { '': '', runc: 'runc' },
          },
          {
            name: 'new',
            endpoint: `unix://${newer.socket}`,
            isolation: 'shared',
            handlers: { runc2: 'runc' },
          },
          {
            name: 'middle',
            endpoint: `unix://${middle.socket}`,
            isolation: 'shared',
            handlers: { runc17: 'runc' },
          },
        ],
        rules: [
          {
            name: 'ci pods that need the new one',
            match: { namespaces: ['ci-*'], annotations: { [RULE_ANNOTATION]: 'new' } },
            backend: 'new',
          },
        ],
        more: { annotation: { key: BACKEND_ANNOTATION, namespaces: ['build-*'] }, ...more },
      }),
    );
    const cri = switchyard.connect();
    keep({ [Symbol.asyncDispose]: async () => cri.close() });
    return { run, old, new: newer, middle, switchyard, cri, pullable, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The ids of the pod sandboxes that a socket shows, in order. */
export async function sandboxIds(cri: CriClient): Promise<string[]> {
  const { items } = await cri.call('ListPodSandbox', {});
  return items.map(({ id }) => id).sort();
}
