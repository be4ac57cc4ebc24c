// What Switchyard does at this moment, for the log: for people whose node hangs and who cannot reach the admin side.
import type { BackendRegistry } from '../backends/registry.ts';
import type { Clock } from '../clock.ts';
import { type Logger, subjectFields } from '../telemetry/log.ts';
import type { Call } from './call.ts';

/** So many calls are shown; of thousands that hang, the oldest tell why. */
const CALLS_SHOWN = 50;

/** Where the report looks. */
export interface ReportSources {
  readonly registry: BackendRegistry;
  /** Calls that are not answered yet, in any order. */
  readonly calls: readonly Call[];
  readonly clock: Clock;
  /** What /readyz says; the reason why not, if it is not ready. */
  readonly readiness: () => { readonly reason?: string };
}

/** Writes a line for each backend and for each of the oldest calls, however little the log shows otherwise. */
export function reportState(log: Logger, { registry, calls, clock, readiness }: ReportSources): void {
  const level = (['info', 'warn', 'error'] as const).find((each) => log.isLevelEnabled(each)) ?? 'error';
  for (const backend of registry.all) {
    const { name, state, isListed, callsInFlight, callsWaiting } = backend;
    const since = new Date(state.sinceMs).toISOString();
    const reason = 'reason' in state ? { reason: state.reason } : {};
    const line = {
      backend: name,
      state: state.kind,
      since,
      ...reason,
      isListed,
      callsInFlight,
      callsWaiting,
    };
    log[level](line, 'state of a backend');
  }
  const oldest = [...calls].sort((a, b) => a.startedAtMs - b.startedAtMs).slice(0, CALLS_SHOWN);
  for (const { rpc, backendName, backendNames, startedAtMs, pod, objectId, image } of oldest) {
    const line = {
      method: rpc,
      backend: backendName,
      ...(backendNames !== undefined && { backends: backendNames }),
      ageMs: Math.round(clock.now() - startedAtMs),
      ...subjectFields({ pod, id: objectId, image }),
    };
    log[level](line, 'call in flight');
  }
  const { reason } = readiness();
  const summary = {
    isReady: reason === undefined,
    ...(reason !== undefined && { reason }),
    callsInFlight: calls.length,
    shown: oldest.length,
  };
  log[level](summary, 'state as asked for by SIGUSR1');
}
