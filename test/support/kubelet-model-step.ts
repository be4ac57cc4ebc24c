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
  /** A container ends by itself. */
  | { readonly does: 'exit'; readonly pick: number; readonly code: number }
  /** The proxy ends and starts again. */
  | { readonly does: 'restart'; readonly how: 'stop' | 'kill' }
  /** Waits until the proxy says of each backend that it is there, or not, as it is. */
  | { readonly does: 'notice' }
  /** All trouble ends; waits until the proxy shows exactly the truth. */
  | { readonly does: 'heal' };

export type Step =
  | { readonly kind: 'call'; readonly call: CallStep }
  /** Calls made at the same time. */
  | { readonly kind: 'together'; readonly calls: readonly CallStep[] }
  | { readonly kind: 'trouble'; readonly trouble: TroubleStep };

const pick = fc.nat(30);
const backend = fc.nat(2);
const image = fc.nat(2);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });

const owned = (...rpcs: OwnedRpc[]) => fc.record({ rpc: fc.constantFrom(...rpcs), pick });
const place = fc.record({
  rpc: fc.constant('RunPodSandbox' as const),
  pick: fc.oneof(often(3, fc.constant('new' as const)), often(2, pick)),
  backend,
  isRepeated: fc.nat(3).map((number) => number === 0),
});
const create = fc.record({
  rpc: fc.constant('CreateContainer' as const),
  pick,
  isRepeated: fc.nat(5).map((number) => number === 0),
});
const list = fc.record({
  rpc: fc.constantFrom('ListPodSandbox' as const, 'ListContainers' as const),
  by: fc.oneof(
    often(4, fc.constant('nothing' as const)),
    often(3, fc.constantFrom('id' as const, 'short-id' as const, 'sandbox' as const, 'uid' as const)),
  ),
  pick,
  state: fc.oneof(often(3, fc.constant(undefined)), often(1, fc.nat(2))),
});
const ofPods = fc.oneof(
  often(6, place),
  often(6, create),
  often(5, owned('StartContainer')),
  often(4, owned('StopPodSandbox', 'StopContainer')),
  often(4, owned('RemovePodSandbox', 'RemoveContainer')),
  often(3, owned('PodSandboxStatus', 'ContainerStatus')),
  often(10, list),
  often(1, fc.constant({ rpc: 'Status' as const })),
);
const ofImages = fc.oneof(
  often(
    2,
    fc.record({
      rpc: fc.constant('PullImage' as const),
      image,
      pick: fc.oneof(pick, fc.constant('none' as const)),
    }),
  ),
  often(
    1,
    fc.record({
      rpc: fc.constant('RemoveImage' as const),
      image,
      by: fc.constantFrom('name' as const, 'id' as const),
      backend,
    }),
  ),
  often(1, fc.record({ rpc: fc.constant('ImageStatus' as const), image })),
  often(3, fc.constant({ rpc: 'ListImages' as const })),
);

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
  'PullImage',
  'RemoveImage',
  'Status',
];
const trouble: fc.Arbitrary<TroubleStep> = fc.oneof(
  often(3, fc.record({ does: fc.constant('crash' as const), backend })),
  often(3, fc.record({ does: fc.constant('revive' as const), backend })),
  often(
    2,
    fc.record({
      does: fc.constant('hang' as const),
      backend,
      calls: fc.constantFrom('lists' as const, 'all' as const),
    }),
  ),
  often(2, fc.record({ does: fc.constant('calm' as const), backend })),
  often(2, fc.record({ does: fc.constant('cut' as const), backend })),
  often(
    8,
    fc.record({
      does: fc.constant('break' as const),
      backend,
      rpc: fc.constantFrom(...BREAKABLE),
      how: fc.oneof(
        often(4, fc.constant('cut' as const)),
        often(3, fc.constant('delay' as const)),
        often(3, fc.constantFrom('crash' as const, 'hang' as const, 'refuse' as const)),
      ),
      when: fc.oneof(often(3, fc.constant('after' as const)), often(1, fc.constant('before' as const))),
    }),
  ),
  often(2, fc.record({ does: fc.constant('exit' as const), pick, code: fc.nat(2) })),
  often(
    2,
    fc.record({
      does: fc.constant('restart' as const),
      how: fc.constantFrom('stop' as const, 'kill' as const),
    }),
  ),
  often(2, fc.constant({ does: 'notice' as const })),
  often(3, fc.constant({ does: 'heal' as const })),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  often(
    14,
    ofPods.map((call) => ({ kind: 'call' as const, call })),
  ),
  often(
    2,
    ofImages.map((call) => ({ kind: 'call' as const, call })),
  ),
  often(
    2,
    fc.array(ofPods, { minLength: 2, maxLength: 5 }).map((calls) => ({ kind: 'together' as const, calls })),
  ),
  often(
    6,
    trouble.map((one) => ({ kind: 'trouble' as const, trouble: one })),
  ),
);

/** A running container on each backend, so that there is something to lie about from the beginning. */
const PRELUDE: readonly Step[] = [0, 1, 2].flatMap((position) => [
  { kind: 'call', call: { rpc: 'RunPodSandbox', pick: 'new', backend: position, isRepeated: false } },
  { kind: 'call', call: { rpc: 'CreateContainer', pick: position } },
  { kind: 'call', call: { rpc: 'StartContainer', pick: position } },
]);

/** The sequence of a seed: a running container on each backend, and `length` steps by chance. */
export function stepsOf(seed: number, length: number): Step[] {
  const [steps] = fc.sample(fc.array(step, { minLength: length, maxLength: length }), { seed, numRuns: 1 });
  return [...PRELUDE, ...(steps ?? [])];
}
