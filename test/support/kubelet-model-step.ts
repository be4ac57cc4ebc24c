// The steps of a model test as plain values: calls of a kubelet, and trouble. They name objects by numbers that are
// looked up when the step is taken, so that a sequence still means something after some of its steps are left out.
import fc from 'fast-check';

/** One call. `pick` chooses among the objects of its kind that are known then. */
export type CallStep =
  | {
      readonly rpc: 'RunPodSandbox';
      /** A pod that is known already, or a new one. */
      readonly pick: number | 'new';
      /** The backend whose runtime handler is asked for. */
      readonly backend: number;
      /** Whether it asks for the attempt that the pod's last sandbox has, instead of the next. */
      readonly isRepeated: boolean;
    }
  | { readonly rpc: OwnedRpc; readonly pick: number; readonly isRepeated?: boolean }
  | {
      readonly rpc: 'ListPodSandbox' | 'ListContainers';
      readonly by: 'nothing' | 'id' | 'short-id' | 'sandbox' | 'uid';
      /** By the streaming RPC that gives the same records. */
      readonly isStreamed?: boolean;
      readonly pick: number;
      readonly state: number | undefined;
    }
  | { readonly rpc: 'PullImage'; readonly image: number; readonly pick: number | 'none' }
  | {
      readonly rpc: 'RemoveImage';
      readonly image: number;
      readonly by: 'name' | 'id';
      readonly backend: number;
    }
  | { readonly rpc: 'ImageStatus'; readonly image: number }
  | { readonly rpc: 'ListImages' }
  | { readonly rpc: 'Status' };

export type OwnedRpc =
  | 'CreateContainer'
  | 'StopPodSandbox'
  | 'RemovePodSandbox'
  | 'PodSandboxStatus'
  | 'StartContainer'
  | 'StopContainer'
  | 'RemoveContainer'
  | 'ContainerStatus';

/** Trouble; that of a backend lasts until `calm`, `revive` or `heal`. */
export type TroubleStep =
  /** Its process goes, or comes back with the state it had. */
  | { readonly does: 'crash' | 'revive'; readonly backend: number }
  | { readonly does: 'hang'; readonly backend: number; readonly calls: 'lists' | 'all' }
  /** The faults of a backend end; a process that is gone stays so. */
  | { readonly does: 'calm'; readonly backend: number }
  /** Its connections are cut at once. */
  | { readonly does: 'cut'; readonly backend: number }
  /** The next call of an RPC meets a fault. */
  | {
      readonly does: 'break';
      readonly backend: number;
      readonly rpc: string;
      readonly how: 'cut' | 'crash' | 'hang' | 'delay' | 'refuse';
      readonly when: 'before' | 'after';
    }
  /** The proxy ends and starts again. */
  | { readonly does: 'restart'; readonly how: 'stop' | 'kill' }
  /** The proxy is killed and started again, and a bit of its journal was flipped meanwhile. */
  | { readonly does: 'damage'; readonly pick: number }
  /** Waits until the proxy says of each backend that it is there, or not, as it is. */
  | { readonly does: 'notice' }
  /** All trouble ends; waits until the proxy shows exactly the truth. */
  | { readonly does: 'heal' };

/** What happens in a runtime without the proxy: a container ends by itself, or somebody else is at work there. */
export interface OutsideStep {
  readonly act: 'run' | 'create' | 'stop' | 'remove' | 'exit';
  readonly backend: number;
  /** Among the sandboxes of the backend. */
  readonly pick: number;
}

export type Step =
  | { readonly kind: 'call'; readonly call: CallStep }
  /** Calls made at the same time. */
  | { readonly kind: 'together'; readonly calls: readonly CallStep[] }
  /** The proxy ends and starts again when the backend has done what the call asks for, and not answered yet. */
  | { readonly kind: 'interrupted'; readonly call: CallStep; readonly how: 'stop' | 'kill' }
  | { readonly kind: 'outside'; readonly outside: OutsideStep }
  | { readonly kind: 'trouble'; readonly trouble: TroubleStep };

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const one = <const T>(value: T) => fc.constant(value);
const oneOf = <const T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Mostly what is new: with that most things happen. */
const pick = fc.oneof(often(3, fc.nat(2)), often(2, fc.nat(30)));
const image = fc.nat(2);
const restart = oneOf('stop', 'kill');

const BREAKABLE = [
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'StopContainer',
  'RemoveContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
  'PodSandboxStatus',
  'ContainerStatus',
  'ListPodSandbox',
  'ListContainers',
  'ListImages',
  'StreamPodSandboxes',
  'StreamContainers',
  'PullImage',
  'RemoveImage',
  'Status',
] as const;

const owned = (...rpcs: OwnedRpc[]) => fc.record({ rpc: fc.constantFrom(...rpcs), pick });

/** Any step; most of the trouble is about one backend, so that one thing comes to another. */
function stepOf(victim: number): fc.Arbitrary<Step> {
  const backend = fc.oneof(often(3, one(victim)), often(2, fc.nat(2)));
  const place = fc.record({
    rpc: one('RunPodSandbox'),
    pick: fc.oneof(often(3, one('new')), often(2, pick)),
    backend,
    isRepeated: fc.nat(3).map((number) => number === 0),
  });
  const create = fc.record({
    rpc: one('CreateContainer'),
    pick,
    isRepeated: fc.nat(5).map((number) => number === 0),
  });
  const list = fc.record({
    rpc: oneOf('ListPodSandbox', 'ListContainers'),
    isStreamed: fc.nat(3).map((number) => number === 0),
    by: fc.oneof(often(4, one('nothing')), often(3, oneOf('id', 'short-id', 'sandbox', 'uid', 'uid'))),
    pick,
    state: fc.oneof(often(3, one(undefined)), often(1, fc.nat(2))),
  });
  const changing = fc.oneof(
    often(6, place),
    often(6, create),
    often(5, owned('StartContainer')),
    often(4, owned('StopPodSandbox', 'StopContainer')),
    often(4, owned('RemovePodSandbox', 'RemoveContainer')),
  );
  const ofPods = fc.oneof(
    often(25, changing),
    often(3, owned('PodSandboxStatus', 'ContainerStatus')),
    often(10, list),
    often(1, fc.record({ rpc: one('Status') })),
  );
  const ofImages = fc.oneof(
    often(2, fc.record({ rpc: one('PullImage'), image, pick: fc.oneof(pick, one('none')) })),
    often(1, fc.record({ rpc: one('RemoveImage'), image, by: oneOf('name', 'id'), backend })),
    often(1, fc.record({ rpc: one('ImageStatus'), image })),
    often(3, fc.record({ rpc: one('ListImages') })),
  );
  const broken = fc.record({
    does: one('break'),
    backend,
    rpc: oneOf(...BREAKABLE),
    how: fc.oneof(often(4, one('cut')), often(3, one('delay')), often(3, oneOf('crash', 'hang', 'refuse'))),
    when: fc.oneof(often(3, one('after')), often(1, one('before'))),
  });
  const trouble = fc.oneof(
    often(3, fc.record({ does: one('crash'), backend })),
    often(3, fc.record({ does: one('revive'), backend })),
    often(2, fc.record({ does: one('hang'), backend, calls: oneOf('lists', 'all') })),
    often(2, fc.record({ does: one('calm'), backend })),
    often(2, fc.record({ does: one('cut'), backend })),
    often(8, broken),
    often(2, fc.record({ does: one('restart'), how: restart })),
    often(1, fc.record({ does: one('damage'), pick: fc.nat(1_000_000) })),
    often(2, fc.record({ does: one('notice') })),
    often(2, fc.record({ does: one('heal') })),
  );
  const act = oneOf('run', 'create', 'stop', 'remove', 'exit', 'exit', 'exit');
  return fc.oneof(
    often(28, fc.record({ kind: one('call'), call: ofPods })),
    often(4, fc.record({ kind: one('call'), call: ofImages })),
    often(4, fc.record({ kind: one('together'), calls: fc.array(ofPods, { minLength: 2, maxLength: 5 }) })),
    often(1, fc.record({ kind: one('interrupted'), call: changing, how: restart })),
    often(2, fc.record({ kind: one('outside'), outside: fc.record({ act, backend, pick }) })),
    often(12, fc.record({ kind: one('trouble'), trouble })),
  );
}

/** A running container on each backend, so that there is something to lie about from the beginning. */
const PRELUDE: readonly Step[] = [0, 1, 2].flatMap((position) => [
  { kind: 'call', call: { rpc: 'RunPodSandbox', pick: 'new', backend: position, isRepeated: false } },
  { kind: 'call', call: { rpc: 'CreateContainer', pick: position } },
  { kind: 'call', call: { rpc: 'StartContainer', pick: position } },
]);

/** The sequence of a seed: a running container on each backend, and `length` steps by chance. */
export function stepsOf(seed: number, length: number): Step[] {
  const sequence = fc
    .nat(2)
    .chain((victim) => fc.array(stepOf(victim), { minLength: length, maxLength: length }));
  const [steps] = fc.sample(sequence, { seed, numRuns: 1 });
  return [...PRELUDE, ...(steps ?? [])];
}
