// A Switchyard as a target, with a hand on each runtime behind it: for what must hold of several runtimes as one.
import { expect } from 'vitest';
import type { CriClient } from '../../support/cri-client.ts';
import { until } from '../../support/until.ts';
import type { Bench } from './bench.ts';
import type { Place, Plan, Target } from './target.ts';

export interface SwitchyardTarget extends Target {
  /** A client on the runtime's own socket: to see what really is there. The test closes it. */
  direct(place: Place): CriClient;
  /** The runtime dies; its containers go on. */
  kill(place: Place): Promise<void>;
  /** It is there again, after `kill`, and finds its containers. */
  startAgain(place: Place): Promise<void>;
  /** It stands still: its socket is there, and it answers nothing. */
  hang(place: Place): Promise<void>;
  /** It goes on after `hang`. */
  resume(place: Place): Promise<void>;
  /** Stops Switchyard and starts it, while `down` is dead; with `forgetting` it has lost what it kept on disk. */
  restart(down: Place, memory: 'remembering' | 'forgetting'): Promise<void>;
}

export interface SwitchyardPlan extends Plan {
  readonly target: () => SwitchyardTarget;
}

/** What only the runtime itself can do; of its pods' statuses there is a memory. */
const COMMAND = { cmd: ['true'], timeout: 1 };

/** Waits until Switchyard says of the pods of a place what it says of those that it cannot reach. */
export async function untilAway(bench: Bench): Promise<void> {
  const { containerId } = await bench.shared();
  await until(
    async () => (await bench.code('ExecSync', { ...COMMAND, containerId })) === 'UNAVAILABLE',
    `${bench.place.name} is away`,
  );
}

/** Waits until the pods of a place are reached. */
export async function untilBack(bench: Bench): Promise<void> {
  const { containerId } = await bench.shared();
  await until(
    async () => (await bench.code('ExecSync', { ...COMMAND, containerId })) === 'OK',
    `${bench.place.name} is back`,
    30_000,
  );
}

/** The ids of all pod sandboxes and containers, in order; the same in lists whole and in parts. */
export async function listedIds(bench: Bench): Promise<{ pods: string[]; containers: string[] }> {
  const pods = (await bench.cri.call('ListPodSandbox', {})).items.map(({ id }) => id).sort();
  const list = await bench.cri.call('ListContainers', {});
  const containers = list.containers.map(({ id }) => id).sort();
  const podParts = await bench.all('StreamPodSandboxes', {});
  expect(podParts.flatMap(({ podSandboxes }) => podSandboxes.map(({ id }) => id)).sort()).toEqual(pods);
  const parts = await bench.all('StreamContainers', {});
  expect(parts.flatMap((part) => part.containers.map(({ id }) => id)).sort()).toEqual(containers);
  return { pods, containers };
}

/** What `listedIds` must give when there is nothing but the shared pods of these benches. */
export async function sharedIds(
  benches: readonly Bench[],
): Promise<{ pods: string[]; containers: string[] }> {
  const shared = await Promise.all(benches.map((bench) => bench.shared()));
  return {
    pods: shared.map(({ podSandboxId }) => podSandboxId).sort(),
    containers: shared.map(({ containerId }) => containerId).sort(),
  };
}
