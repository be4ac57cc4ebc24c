// Targets of simulated runtimes: one asked directly, and Switchyard over one or several. The runtimes stand on a clock of
// the test's own, so nothing waits.
import type { Config } from '../../../src/config/config.ts';
import { profileOf } from '../../../src/simulator/quirks.ts';
import { type SimulatedRuntimeOptions, startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { CriClient, type CriClientOptions } from '../../support/cri-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import type { SwitchyardTarget } from './switchyard-target.ts';
import { CallRecord, type Place, RecordingClient, type Target } from './target.ts';
import { throughSwitchyard } from './through-switchyard.ts';
import { type RuntimeKind, TRAITS } from './traits.ts';

const PULLABLE = 'registry.test/app:1';
const REGISTRY = [{ references: [PULLABLE], uid: 1000 }];

/** The runtimes that the simulator plays from life. */
export const REAL_KINDS: readonly RuntimeKind[] = [
  'containerd-2.1',
  'containerd-1.4',
  'containerd-1.6',
  'containerd-1.7',
  'cri-o',
  'cri-dockerd',
];

/** And the one that serves every RPC. */
export const ALL_KINDS: readonly RuntimeKind[] = [...REAL_KINDS, 'reference'];

/** A target that is stopped when the tests are over. */
export type StartedTarget = Target & AsyncDisposable;

function ownHandlerOf(kind: RuntimeKind): string {
  return profileOf(kind).handlers[0] ?? '';
}

/** A runtime as it is reached directly. */
export function directPlace(kind: RuntimeKind): Place {
  const handler = ownHandlerOf(kind);
  return { name: kind, handler, ownHandler: handler, traits: TRAITS[kind] };
}

/** Runtimes as they are reached through a Switchyard over all of them. */
export function placesThrough(
  kinds: readonly RuntimeKind[],
  version: 'v1' | 'v1alpha2' = 'v1',
): readonly Place[] {
  const all = kinds.map((kind) => TRAITS[kind]);
  return kinds.map((kind) => ({
    name: kind,
    handler: `to-${kind.replace('.', '')}`,
    ownHandler: ownHandlerOf(kind),
    traits: throughSwitchyard(TRAITS[kind], all, version),
  }));
}

/** The clock stands still, and no event of a runtime is older than those who listen: that would be a backlog. */
const DAY_MS = 24 * 60 * 60 * 1_000;

const runtimeOptions = (clock: FakeClock): Partial<SimulatedRuntimeOptions> => ({
  clock,
  registry: REGISTRY,
});

/** What all simulated targets share. */
const shared = (clock: FakeClock, logs: string) => ({
  image: SIMULATED_IMAGE,
  pullable: PULLABLE,
  cgroupParent: '/conformance',
  logs,
  pass: (spanMs: number) => clock.advance(spanMs),
});

/** A simulated runtime, asked directly. */
export async function startDirect(kind: RuntimeKind): Promise<StartedTarget> {
  const dir = await tempDir();
  const clock = new FakeClock(Date.now() + DAY_MS);
  const socket = dir.file('cri.sock');
  const runtime = await startSimulatedRuntime({ ...runtimeOptions(clock), profile: kind, socket });
  const options: CriClientOptions = { version: profileOf(kind).apis[0] ?? 'v1' };
  const calls = new CallRecord();
  const cri = new RecordingClient(socket, calls, options);
  return {
    ...shared(clock, dir.file('logs')),
    cri,
    calls,
    connect: () => new RecordingClient(socket, calls, options),
    async [Symbol.asyncDispose]() {
      cri.close();
      await runtime.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** A Switchyard over simulated runtimes. */
export interface SimulatedSwitchyard extends SwitchyardTarget, AsyncDisposable {
  readonly world: ProxyWorld;
}

/** Starts a Switchyard over simulated runtimes of these kinds; each backend has the name of its kind. */
export async function startSwitchyardOver(
  kinds: readonly RuntimeKind[],
  version: 'v1' | 'v1alpha2' = 'v1',
  change?: (config: Config) => Config,
): Promise<SimulatedSwitchyard> {
  const clock = new FakeClock(Date.now() + DAY_MS);
  const backends = placesThrough(kinds).map(({ name, handler, ownHandler }, position) => ({
    name,
    profile: kinds[position] ?? 'reference',
    handlers: { ...(position === 0 && { '': '' }), [handler]: ownHandler },
    timeouts: { listMs: 600, statusMs: 600 },
    runtime: runtimeOptions(clock),
  }));
  const world = await proxyWorld(backends, change);
  const calls = new CallRecord();
  const { socket } = world.switchyard;
  const connect = () => new RecordingClient(socket, calls, { version });
  const cri = connect();
  return {
    ...shared(clock, world.dir.file('logs')),
    world,
    cri,
    calls,
    connect,
    direct: ({ name }) => {
      const version = profileOf(world.runtime(name).profile).apis[0] ?? 'v1';
      return new CriClient(world.socketOf(name), { version });
    },
    kill: async ({ name }) => world.runtime(name).crash(),
    startAgain: ({ name }) => world.runtime(name).restart(),
    hang: async ({ name }) => void world.runtime(name).faults.add('*', { kind: 'hang' }),
    resume: async ({ name }) => world.runtime(name).faults.clear(),
    async restart({ name }, memory) {
      await world.restart(name, memory);
      await cri.ready();
    },
    async [Symbol.asyncDispose]() {
      cri.close();
      await world[Symbol.asyncDispose]();
    },
  };
}
