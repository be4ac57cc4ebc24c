// The line in the log when a backend comes, goes or hangs.
import type { Logger } from '../telemetry/log.ts';
import type { Backend } from './backend.ts';
import { type BackendState, isAbsentState } from './state.ts';

/** Says that a backend's state has turned, as loudly as it matters. */
export function logState(log: Logger, backend: Backend, state: BackendState): void {
  const line = {
    backend: backend.name,
    state: state.kind,
    ...('reason' in state && { reason: state.reason }),
  };
  if (state.kind === 'ready')
    log.info({ ...line, ...backend.version, api: state.apiVersion }, 'backend is ready');
  else if (isAbsentState(state) && state.kind !== 'closed') log.warn(line, 'backend is absent');
  else log.debug(line, 'backend changes');
}
