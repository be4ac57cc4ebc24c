// The line in the log when a backend comes, goes or hangs.
import type { Logger } from '../telemetry/log.ts';
import type { Backend } from './backend.ts';
import { type BackendState, isAbsentState } from './state.ts';
import { describeCause, type UnlistedCause, unlistedHint } from './unlisted-hint.ts';

/** Kinds of reasons that are logged of one absence; a socket that says something else each time does not fill the log. */
const KINDS_AT_MOST = 8;

/** An absence, and the kinds of reasons that were logged of it. */
interface Absence {
  readonly sinceMs: number;
  readonly logged: Set<string>;
}

export class StateLog {
  readonly #log: Logger;
  readonly #causeOf: (backend: Backend) => UnlistedCause;
  readonly #absences = new Map<Backend, Absence>();
  readonly #imageAbsences = new Map<Backend, Absence>();

  /** `causeOf`: why there is no list of a backend that has none. */
  constructor(log: Logger, causeOf: (backend: Backend) => UnlistedCause) {
    this.#log = log;
    this.#causeOf = causeOf;
  }

  /** Says that a backend's state has turned, as loudly as it matters; of an absence each kind of reason once. */
  backendTurned(backend: Backend, state: BackendState): void {
    if (!isNews(this.#absences, backend, state)) return;
    const who = {
      backend: backend.name,
      ...(state.kind === 'ready' && backend.version),
      ...('reason' in state && !backend.isListed && unlistedBackend(backend, this.#causeOf(backend))),
    };
    logTurn(this.#log, 'backend', who, state);
  }

  /** The same of an image service that has a socket of its own. */
  imagesTurned(backend: Backend, state: BackendState): void {
    const who = { backend: backend.name, socket: backend.config.imageSocket };
    if (isNews(this.#imageAbsences, backend, state)) logTurn(this.#log, 'image service', who, state);
  }
}

/** What is lost while it is absent: more than its own pods. */
function unlistedBackend(backend: Backend, cause: UnlistedCause): object {
  return {
    effect: `it ${describeCause(cause)}: until it answers once, every list of pods fails, and Switchyard is not ready`,
    hint: unlistedHint(backend, cause),
  };
}

function isNews(absences: Map<Backend, Absence>, backend: Backend, state: BackendState): boolean {
  if (!('reason' in state)) return true;
  let absence = absences.get(backend);
  if (absence?.sinceMs !== state.sinceMs) {
    absence = { sinceMs: state.sinceMs, logged: new Set() };
    absences.set(backend, absence);
  }
  // What it quotes and counts is not its kind.
  const kind = `${state.kind} ${state.reason.replaceAll(/".*?"|\d+/gs, '')}`;
  if (absence.logged.has(kind) || absence.logged.size >= KINDS_AT_MOST) return false;
  absence.logged.add(kind);
  return true;
}

function logTurn(log: Logger, what: string, who: object, state: BackendState): void {
  const line = { ...who, state: state.kind, ...('reason' in state && { reason: state.reason }) };
  if (state.kind === 'ready') log.info({ ...line, api: state.apiVersion }, `${what} is ready`);
  else if (isAbsentState(state) && state.kind !== 'closed') log.warn(line, `${what} is absent`);
  else log.debug(line, `${what} changes`);
}
