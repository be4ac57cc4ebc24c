// A look that changes nothing: what each backend of a config is and holds, as its own socket says.
import { setTimeout as delay } from 'node:timers/promises';
import type { BackendConfig, Config } from '../config/config.ts';
import { RuntimeService } from '../cri/gen/runtime/v1/runtime_service_pb.ts';
import { CriClient, describeStatus, statusOf } from './cri-client.ts';

/** One backend, seen on its own socket. */
export type BackendView =
  | {
      readonly kind: 'answers';
      readonly backend: BackendConfig;
      readonly runtime: string;
      readonly pods: number;
      readonly containers: number;
    }
  | { readonly kind: 'silent'; readonly backend: BackendConfig; readonly reason: string };

/** Backends connect beside the start; this long is enough for one that is there. */
const COMPLETE_WITHIN_MS = 3_000;
const ASK_AGAIN_MS = 50;

/** Waits until Switchyard's list of pods is complete, which takes all backends. Returns why it is not, when the time is over. */
export async function waitUntilComplete(socket: string): Promise<string | undefined> {
  using client = new CriClient(socket);
  const deadline = performance.now() + COMPLETE_WITHIN_MS;
  for (;;) {
    try {
      await client.call(RuntimeService.method.listPodSandbox, {});
      return undefined;
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined) throw error;
      if (performance.now() > deadline) return describeStatus(status);
      await delay(ASK_AGAIN_MS);
    }
  }
}

/** Asks every backend what it is and what it holds. */
export function lookAround(config: Config): Promise<readonly BackendView[]> {
  return Promise.all(config.backends.map(view));
}

async function view(backend: BackendConfig): Promise<BackendView> {
  using client = new CriClient(backend.socket);
  try {
    const version = await client.call(RuntimeService.method.version, {});
    const { items } = await client.call(RuntimeService.method.listPodSandbox, {});
    const { containers } = await client.call(RuntimeService.method.listContainers, {});
    return {
      kind: 'answers',
      backend,
      runtime: `${version.runtimeName} ${version.runtimeVersion}`,
      pods: items.length,
      containers: containers.length,
    };
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    return { kind: 'silent', backend, reason: describeStatus(status) };
  }
}
