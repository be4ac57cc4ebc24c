// One backend's part in a list over several. Where that is of the statistics of pods, and the backend ends it with an error
// of its own, the part is made of the statistics of its containers: containerd ends the whole list for one pod that has
// none, and the others would count as using nothing when pods are evicted.
import type { Backend } from '../backends/backend.ts';
import { readListFilter } from '../backends/list-filter.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { ListMethod } from '../cri/methods.ts';
import type { Call } from './call.ts';
import { lacksRpc } from './lacks-rpc.ts';
import { askLeg, type LegResult, type ListQuestion, type TroubleResult } from './list-leg.ts';
import { makePodStats } from './made-pod-stats.ts';
import type { ProxyParts } from './parts.ts';

/**
 * Whether parts of this list are made for backends that end it with an error. Where one backend answers alone, or one pod
 * is asked for, the error is the answer, as it is of a runtime without Switchyard.
 */
export function isMadeUp(method: ListMethod, backends: readonly Backend[], request: Buffer): boolean {
  return method.setsMode && backends.length > 1 && !readListFilter(method, request)?.id;
}

/** As askLeg, with a made part where the question allows it. */
export function askPodStatsLeg(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  question: ListQuestion,
  done: (result: LegResult) => void,
): () => void {
  if (!question.isMadeUp) return askLeg(parts, call, backend, question, done);
  const { podStatsAlarm } = parts.statistics;
  let cancelMaking: (() => void) | undefined;
  const cancelAsking = askLeg(parts, call, backend, question, (result) => {
    if (!isOwnError(result)) {
      if (question.isFull && result.kind === 'records') podStatsAlarm.given(backend);
      done(result);
      return;
    }
    if (question.isFull) podStatsAlarm.failed(backend, result.outcome);
    cancelMaking = makePodStats(parts, call, backend, (made) => {
      if (Buffer.isBuffer(made)) done({ kind: 'records', backend, parts: [made] });
      else done({ ...result, why: `${result.why}; ${made.why}` });
    });
  });
  return () => {
    cancelAsking();
    cancelMaking?.();
  };
}

type OwnError = TroubleResult & { readonly outcome: Extract<UnaryOutcome, { readonly kind: 'status' }> };

/** Whether the backend is there, has the RPC, and says by an error of its own that it cannot give the list. */
function isOwnError(result: LegResult): result is OwnError {
  return (
    result.kind === 'trouble' &&
    !result.isRefusal &&
    result.outcome.kind === 'status' &&
    !lacksRpc(result.outcome)
  );
}
