// The part in a streamed list of a backend that has no such stream: its unary list, whose bytes are the same records. Where
// it lacks that too, statistics of pods are made of those of its containers.
import type { Backend } from '../backends/backend.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { ListMethod } from '../cri/methods.ts';
import type { Call } from './call.ts';
import { lacksRpc } from './lacks-rpc.ts';
import { makePodStats } from './made-pod-stats.ts';
import type { ProxyParts } from './parts.ts';
import { askPodStatsLeg, isMadeUp } from './pod-stats-leg.ts';

export type StreamlessPart =
  | { readonly kind: 'records'; readonly records: readonly Buffer[] }
  | { readonly kind: 'refused'; readonly outcome: UnaryOutcome }
  | { readonly kind: 'lack'; readonly why: string; readonly isUnimplemented: boolean };

export interface StreamlessQuestion {
  readonly list: ListMethod;
  /** True when the request has no filter. */
  readonly isFull: boolean;
  /** All that are asked. */
  readonly backends: readonly Backend[];
}

/** `done` gets the part once, unless the client leaves before. Gives what ends the question before that. */
export function askWithoutStream(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  { list, isFull, backends }: StreamlessQuestion,
  done: (part: StreamlessPart) => void,
): () => void {
  let cancelMaking: (() => void) | undefined;
  const make = () => {
    cancelMaking = makePodStats(parts, call, backend, (made) =>
      done(
        Buffer.isBuffer(made)
          ? { kind: 'records', records: [made] }
          : { kind: 'lack', why: made.why, isUnimplemented: false },
      ),
    );
  };
  const question = {
    ...{ method: list, isFull, body: call.body, rpc: list.name },
    isMadeUp: isMadeUp(list, backends, call.message),
  };
  const cancelAsking = askPodStatsLeg(parts, call, backend, question, (result) => {
    if (result.kind === 'records') {
      done({ kind: 'records', records: result.parts });
      return;
    }
    const { outcome, why, isRefusal } = result;
    const isUnimplemented = lacksRpc(outcome);
    // A list of one backend ends as that ends it.
    const isFinal = isRefusal || (backends.length === 1 && outcome.kind === 'status' && !isUnimplemented);
    if (isFinal) done({ kind: 'refused', outcome });
    else if (isUnimplemented && list.setsMode) make();
    else done({ kind: 'lack', why, isUnimplemented });
  });
  return () => {
    cancelAsking();
    cancelMaking?.();
  };
}
