// A list put to several backends at once: each one's part, from itself or from its snapshot, in the order of the backends.
import type { Backend } from '../backends/backend.ts';
import { BackendUnavailableError } from '../errors.ts';
import type { Call } from './call.ts';
import { callTimer } from './call-timer.ts';
import { patienceMs } from './hang-watch.ts';
import {
  absence,
  type LegResult,
  type ListQuestion,
  messageOf,
  type TroubleResult,
  trouble,
} from './list-leg.ts';
import type { ProxyParts } from './parts.ts';
import { askPodStatsLeg } from './pod-stats-leg.ts';
import { fromSnapshot } from './snapshot-answer.ts';

/**
 * Asks all `backends`; `done` gets the results when the last is there, unless the client leaves before. A list that may
 * lack backends does not wait for ever for a slow one: when its patience is over, what is there is given.
 */
export function askLegs(
  parts: ProxyParts,
  call: Call,
  backends: readonly Backend[],
  questionFor: (backend: Backend) => ListQuestion,
  done: (results: readonly LegResult[]) => void,
): void {
  const questions = backends.map((backend) => [backend, questionFor(backend)] as const);
  const results = new Map<Backend, LegResult>();
  const cancels = new Map<Backend, () => void>();
  /** Those that had their time. */
  const late = new Set<Backend>();
  let isOver = false;
  const look = () => {
    if (isOver || call.isOver) return;
    const open = backends.filter((backend) => !results.has(backend));
    const hasRecords = [...results.values()].some(({ kind }) => kind === 'records');
    if (open.length > 0 && !(hasRecords && open.every((backend) => late.has(backend)))) return;
    isOver = true;
    for (const timer of timers) timer.cancel();
    done(questions.map(([backend, question]) => results.get(backend) ?? lateResult(backend, question)));
    for (const backend of open) cancels.get(backend)?.();
  };
  const isPartial = questions.some(([, { method }]) => method.whenBackendAbsent === 'partial');
  const timers = (isPartial && backends.length > 1 ? backends : []).map((backend) =>
    callTimer(parts.clock, call, patienceMs(backend, parts.lateLists), () => {
      late.add(backend);
      look();
    }),
  );
  call.onLeave(() => {
    for (const timer of timers) timer.cancel();
  });
  for (const [backend, question] of questions) {
    const arrive = (result: LegResult) => {
      results.set(backend, result);
      look();
    };
    if (!backend.endpointOf(question.method.service).isAbsent) {
      cancels.set(backend, askPodStatsLeg(parts, call, backend, question, arrive));
      continue;
    }
    const records = fromSnapshot(parts, backend, question.method, messageOf(question));
    arrive(
      records === undefined
        ? absence(backend, question.method)
        : { kind: 'records', backend, parts: records },
    );
  }
}

/** The result of a backend that lives and has not answered while others have. */
function lateResult(backend: Backend, { rpc }: ListQuestion): TroubleResult {
  const why = `backend ${backend.name} has not answered ${rpc} in time`;
  const error = new BackendUnavailableError(why);
  return trouble(backend, why, { kind: 'failed', error, loss: 'other' });
}
