// The part in a streamed list of a backend that has no such stream: its unary list, whose bytes are the same records. Where
// it lacks that too, statistics of pods are made of those of its containers.
import type { Backend } from '../backends/backend.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { ListMethod } from '../cri/methods.ts';
import type { Call } from './call.ts';
import { lacksRpc } from './lacks-rpc.ts';
import { askLeg } from './list-leg.ts';
import { makePodStats } from './made-pod-stats.ts';
import type { ProxyParts } from './parts.ts';

export type StreamlessPart =
  | { readonly kind: 'records'; readonly records: readonly Buffer[] }
  | { readonly kind: 'refused'; readonly outcome: UnaryOutcome }
  | { readonly kind: 'lack'; readonly why: string; readonly isUnimplemented: boolean };

/** `done` gets the part once, unless the client leaves before. Gives what ends the question before that. */
export function askWithoutStream(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  { list, isFull }: { readonly list: ListMethod; readonly isFull: boolean },
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
  const question = { method: list, isFull, body: call.body, rpc: list.name };
  const cancelAsking = askLeg(parts, call, backend, question, (result) => {
    if (result.kind === 'records') {
      done({ kind: 'records', records: result.parts });
      return;
    }
    const { outcome, why, isRefusal } = result;
    const isUnimplemented = lacksRpc(outcome);
    if (isRefusal) done({ kind: 'refused', outcome });
    else if (isUnimplemented && list.setsMode) make();
    else done({ kind: 'lack', why, isUnimplemented });
  });
  return () => {
    cancelAsking();
    cancelMaking?.();
  };
}
