// One call put to several backends at once. Each gets the client's remaining time; the outcomes come back together,
// in the order of the backends.
import type { Backend } from '../backends/backend.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { Call } from './call.ts';
import { type CollectOptions, collect } from './collect.ts';

/** What became of the call on one backend. */
export interface BackendOutcome {
  readonly backend: Backend;
  readonly outcome: UnaryOutcome;
}

/** What is asked: the client's own request unless a body is given. */
export type FanOutOptions = Omit<CollectOptions, 'body'> & { readonly body?: Buffer };

/**
 * Asks all `backends` and calls `done` when the last has answered or failed.
 * When the client leaves, the backends are told and `done` is not called.
 */
export function fanOut(
  call: Call,
  backends: readonly Backend[],
  options: FanOutOptions,
  done: (outcomes: readonly BackendOutcome[]) => void | Promise<void>,
): void {
  const outcomes = new Array<BackendOutcome>(backends.length);
  let left = backends.length;
  backends.forEach((backend, position) => {
    collect(call, backend, { body: call.body, ...options }, (outcome) => {
      outcomes[position] = { backend, outcome };
      left--;
      if (left === 0 && !call.isOver) return done(outcomes);
    });
  });
}
