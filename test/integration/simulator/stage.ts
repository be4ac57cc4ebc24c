// A simulated runtime on a socket of its own with a client, for one test.
import { status as Code } from '@grpc/grpc-js';
import type { ProfileName } from '../../../src/simulator/profile.ts';
import {
  type SimulatedRuntime,
  type SimulatedRuntimeOptions,
  startSimulatedRuntime,
} from '../../../src/simulator/runtime.ts';
import { CriClient, CriError } from '../../support/cri-client.ts';
import type { Request, Rpc } from '../../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig, type PodTraits } from '../../support/cri-configs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

/** The image every simulated runtime has. */
export const BUSYBOX = 'localhost/busybox:1.36';

/** Values of PodSandboxState and ContainerState. */
export const READY = 0;
export const NOT_READY = 1;
export const CREATED = 0;
export const RUNNING = 1;
export const EXITED = 2;

/** Makes a call, lets its client leave once the runtime has it, and resolves when the runtime noticed. */
export async function leaveDuring(at: Stage, rpc: string, call: (signal: AbortSignal) => Promise<unknown>) {
  const leaving = new AbortController();
  const outcome = call(leaving.signal).catch((error: { code: number }) => error.code);
  const entry = () => at.runtime.journal.findLast((one) => one.method === rpc);
  await until(() => entry() !== undefined, `${rpc} arrives`);
  leaving.abort();
  await until(() => entry()?.ended === 'CANCELLED', 'the runtime notices');
  return outcome;
}

/** The code of a call, OK included. */
export async function codeOf<R extends Rpc>(at: Stage, rpc: R, request: Request<R>): Promise<string> {
  try {
    await at.client.call(rpc, request);
    return 'OK';
  } catch (error: unknown) {
    if (!(error instanceof CriError)) throw error;
    return Code[error.code];
  }
}

export interface Stage extends AsyncDisposable {
  readonly runtime: SimulatedRuntime;
  /** Speaks the newest version the runtime serves. */
  readonly client: CriClient;
  /** One more client with a connection of its own. */
  another(version?: 'v1' | 'v1alpha2'): CriClient;
  /** Runs a pod and gives its sandbox id. */
  pod(traits?: PodTraits, runtimeHandler?: string): Promise<string>;
  /** Creates a container and gives its id. */
  container(podSandboxId: string, name?: string, command?: readonly string[]): Promise<string>;
  /** As container(), and starts it. */
  running(podSandboxId: string, name?: string, command?: readonly string[]): Promise<string>;
}

export async function stage(
  profile: ProfileName,
  options: Partial<SimulatedRuntimeOptions> = {},
): Promise<Stage> {
  const dir = await tempDir();
  const runtime = await startSimulatedRuntime({ ...options, profile, socket: dir.file('cri.sock') });
  const clients: CriClient[] = [];
  const another = (version?: 'v1' | 'v1alpha2') => {
    const newest = profile === 'containerd-1.4' ? 'v1alpha2' : 'v1';
    const client = new CriClient(runtime.socket, { version: version ?? newest });
    clients.push(client);
    return client;
  };
  const client = another();
  const container = async (podSandboxId: string, name = 'main', command: readonly string[] = ['server']) => {
    const config = aContainerConfig({ image: BUSYBOX, name, command });
    const sandboxConfig = aPodSandboxConfig();
    return (await client.call('CreateContainer', { podSandboxId, config, sandboxConfig })).containerId;
  };
  return {
    runtime,
    client,
    another,
    container,
    async pod(traits, runtimeHandler = '') {
      return (await client.call('RunPodSandbox', { config: aPodSandboxConfig(traits), runtimeHandler }))
        .podSandboxId;
    },
    async running(podSandboxId, name, command) {
      const containerId = await container(podSandboxId, name, command);
      await client.call('StartContainer', { containerId });
      return containerId;
    },
    async [Symbol.asyncDispose]() {
      for (const each of clients) each.close();
      await runtime.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}
