// An error that ends a list with a filter: is it about what was asked for, or about the backend? Status codes do not tell,
// for a runtime in Go says UNKNOWN of a name that it cannot parse, and of a database that it cannot open. So the backend
// is asked for the same list without a filter. If it gives that one, the error is the client's.
import type { Backend } from '../backends/backend.ts';
import type { ListMethod } from '../cri/methods.ts';
import { framed, PREFIX_BYTES } from '../grpc/message.ts';
import { releaseMemory } from '../grpc/message-memory.ts';
import { STATUS } from '../grpc/status.ts';
import type { Call } from './call.ts';
import { callTimer } from './call-timer.ts';
import { collect } from './collect.ts';
import type { ProxyParts } from './parts.ts';

const NO_FILTER = framed(new Uint8Array(0));

/** A backend that is short of something, or time; nothing that a filter could do. UNIMPLEMENTED is about the RPC. */
const NEVER_OF_FILTERS: ReadonlySet<number> = new Set([
  STATUS.OK,
  STATUS.CANCELLED,
  STATUS.DEADLINE_EXCEEDED,
  STATUS.RESOURCE_EXHAUSTED,
  STATUS.ABORTED,
  STATUS.UNIMPLEMENTED,
  STATUS.UNAVAILABLE,
  STATUS.UNAUTHENTICATED,
]);

/** Whether a list that ended so may have been refused for its filter. */
export function mayBeRefusal(code: number): boolean {
  return !NEVER_OF_FILTERS.has(code);
}

/**
 * Finds out whether the backend refuses the filter; a backend that does not say so within its list budget does not.
 * `done` gets it once, unless what this gives is called before or the client leaves.
 */
export function findRefusal(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  method: ListMethod,
  done: (isRefusal: boolean) => void,
): () => void {
  const options = {
    body: NO_FILTER,
    rpc: method.name,
    limitBytes: parts.config.limits.messageSizeBytes,
    isRetryable: true,
  };
  // The call may be refused before collect() returns.
  let cancel: (() => void) | undefined;
  const timer = callTimer(parts.clock, call, backend.config.timeouts.listMs, () => {
    cancel?.();
    done(false);
  });
  call.onLeave(() => timer.cancel());
  cancel = collect(call, backend, options, (outcome) => {
    timer.cancel();
    if (outcome.kind === 'answered') {
      call.keep(-(PREFIX_BYTES + outcome.message.length));
      releaseMemory(outcome.message);
    }
    done(outcome.kind === 'answered');
  });
  return () => {
    timer.cancel();
    cancel();
  };
}
