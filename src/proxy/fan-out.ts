// One call put to several backends at once. Each gets the client's remaining time; the outcomes come back together,
// in the order of the backends.
import type { Backend } from '../backends/backend.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { StatusName } from '../errors.ts';
import { statusName } from '../grpc/status.ts';
import type { Call } from './call.ts';
import { collect } from './collect.ts';
import type { ProxyParts } from './parts.ts';
import { nameBackends } from './who-answered.ts';

/** What became of the call on one backend. */
export interface BackendOutcome {
  readonly backend: Backend;
  readonly outcome: UnaryOutcome;
}

export interface FanOutOptions {
  /** True when the call may be made again after a lost connection. */
  readonly isRetryable: boolean;
  /** The framed request; default: the client's own. */
  readonly body?: Buffer;
  /** The framed request for one backend, by its place among them, where they do not all get the same. */
  readonly bodyFor?: (backend: Backend, position: number) => Buffer;
  /** Default: the client's own RPC. */
  readonly rpc?: string;
  /** True when a backend that turns out to hang counts as one that failed; one that is only slow is waited for. */
  readonly givesUpOnHang?: boolean;
}

/**
 * Asks all `backends` and calls `done` when the last has answered or failed.
 * When the client leaves, the backends are told and `done` is not called.
 */
export function fanOut(
  parts: ProxyParts,
  call: Call,
  backends: readonly Backend[],
  options: FanOutOptions,
  done: (outcomes: readonly BackendOutcome[]) => void | Promise<void>,
): void {
  const { clock, config, metrics } = parts;
  const { bodyFor, givesUpOnHang, ...rest } = options;
  const common = {
    body: call.body,
    limitBytes: config.limits.messageSizeBytes,
    ...(givesUpOnHang && { hangClock: clock }),
    ...rest,
  };
  const outcomes = new Array<BackendOutcome>(backends.length);
  const startedAtMs = clock.now();
  nameBackends(
    call,
    backends.map(({ name }) => name),
  );
  let left = backends.length;
  if (left === 0) {
    void done(outcomes);
    return;
  }
  backends.forEach((backend, position) => {
    const body = bodyFor?.(backend, position) ?? common.body;
    collect(call, backend, { ...common, body }, (outcome) => {
      metrics.partFinished(backend.name, codeOf(outcome), clock.now() - startedAtMs);
      outcomes[position] = { backend, outcome };
      left--;
      if (left === 0 && !call.isOver) return done(outcomes);
    });
  });
}

function codeOf(outcome: UnaryOutcome): StatusName {
  if (outcome.kind === 'answered') return 'OK';
  return outcome.kind === 'status' ? statusName(outcome.code) : 'UNAVAILABLE';
}
