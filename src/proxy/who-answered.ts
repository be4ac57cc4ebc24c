// Whom metrics and the log name for a call: the backend that answers it, or for whose sake it is refused. The label of a
// metric has one name, so that series stay few; a line of the log has all of them.
import type { Call } from './call.ts';

/** A backend, or what is known of one. */
interface Named {
  readonly name: string;
}

/** The name of the only one, or `several`. */
export function labelOf(backends: readonly Named[]): string {
  const [only] = backends;
  return backends.length === 1 && only !== undefined ? only.name : 'several';
}

/** The call is the affair of these. */
export function nameBackends(call: Call, names: readonly string[]): void {
  const distinct = [...new Set(names)];
  call.backendName = labelOf(distinct.map((name) => ({ name })));
  call.backendNames = distinct.length > 1 ? distinct : undefined;
}
