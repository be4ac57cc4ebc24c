// The line in the log when a backend comes, goes or hangs.
import type { Logger } from '../telemetry/log.ts';
import type { Backend } from './backend.ts';
import { type BackendState, isAbsentState } from './state.ts';

/** Says that a backend's state has turned, as loudly as it matters. */
export function logState(log: Logger, backend: Backend, state: BackendState): void {
  logTurn(log, 'backend', { backend: backend.name, ...(state.kind === 'ready' && backend.version) }, state);
}

/** The same of an image service that has a socket of its own. */
export function logImageState(log: Logger, { name, config }: Backend, state: BackendState): void {
  logTurn(log, 'image service', { backend: name, socket: config.imageSocket }, state);
}

function logTurn(log: Logger, what: string, who: object, state: BackendState): void {
  const line = { ...who, state: state.kind, ...('reason' in state && { reason: state.reason }) };
  if (state.kind === 'ready') log.info({ ...line, api: state.apiVersion }, `${what} is ready`);
  else if (isAbsentState(state) && state.kind !== 'closed') log.warn(line, `${what} is absent`);
  else log.debug(line, `${what} changes`);
}
