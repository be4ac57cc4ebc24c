// What Switchyard does at this moment, for the log: for people whose node hangs and who cannot reach the admin side.
import type { Backend } from '../backends/backend.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Call } from './call.ts';

/** So many calls are shown; of thousands that hang, the oldest tell why. */
const CALLS_SHOWN = 50;

/** Where the report looks. */
export interface ReportSources {
  readonly backends: readonly Backend[];
  /** Calls that are not answered yet, in any order. */
  readonly calls: readonly Call[];
  readonly clock: Clock;
}

/** Writes a line for each backend and for each of the oldest calls, however little the log shows otherwise. */
export function reportState(log: Logger, { backends, calls, clock }: ReportSources): void {
  const level = (['info', 'warn', 'error'] as const).find((each) => log.isLevelEnabled(each)) ?? 'error';
  for (const backend of backends) {
    const { name, state, callsInFlight, callsWaiting } = backend;
    const since = new Date(state.sinceMs).toISOString();
    const reason = 'reason' in state ? { reason: state.reason } : {};
    const line = { backend: name, state: state.kind, since, ...reason, callsInFlight, callsWaiting };
    log[level](line, 'state of a backend');
  }
  const oldest = [...calls].sort((a, b) => a.startedAtMs - b.startedAtMs).slice(0, CALLS_SHOWN);
  for (const { rpc, backendName, startedAtMs, pod, objectId } of oldest) {
    const line = {
      method: rpc,
      backend: backendName,
      ageMs: Math.round(clock.now() - startedAtMs),
      ...(pod !== undefined && { pod }),
      ...(objectId !== undefined && { id: objectId }),
    };
    log[level](line, 'call in flight');
  }
  log[level]({ callsInFlight: calls.length, shown: oldest.length }, 'state as asked for by SIGUSR1');
}
