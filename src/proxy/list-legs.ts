// A list put to several backends at once: each one's part, from itself or from its snapshot, in the order of the backends.
import type { Backend } from '../backends/backend.ts';
import type { Call } from './call.ts';
import { absence, askLeg, fromSnapshot, type LegResult, type ListQuestion } from './list-leg.ts';
import type { ProxyParts } from './parts.ts';

/** Asks all `backends`; `done` gets the results when the last is there, unless the client leaves before. */
export function askLegs(
  parts: ProxyParts,
  call: Call,
  backends: readonly Backend[],
  questionFor: (backend: Backend) => ListQuestion,
  done: (results: readonly LegResult[]) => void,
): void {
  const results = new Array<LegResult>(backends.length);
  let left = backends.length;
  backends.forEach((backend, position) => {
    const arrive = (result: LegResult) => {
      results[position] = result;
      left--;
      if (left === 0) done(results);
    };
    if (!backend.isAbsent) {
      askLeg(parts, call, backend, questionFor(backend), arrive);
      return;
    }
    const records = fromSnapshot(parts, backend, questionFor(backend).method, call.message);
    arrive(records === undefined ? absence(backend) : { kind: 'records', backend, parts: records });
  });
}
