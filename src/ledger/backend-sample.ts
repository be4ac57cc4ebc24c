// A backend as a scrape of the metrics sees it.
import type { Backend } from '../backends/backend.ts';
import { SNAPSHOT_LISTS } from '../backends/snapshot-change.ts';
import type { Clock } from '../clock.ts';
import type { BackendSample } from '../telemetry/metrics.ts';
import type { Ledger } from './ledger.ts';

/** Its state now, and what the ledger and its snapshot know of it; the rest of the sample is known elsewhere. */
export function sampleOf(
  backend: Backend,
  ledger: Ledger,
  clock: Clock,
): Omit<BackendSample, 'hasOddCgroupDriver'> {
  const { state, snapshot } = backend;
  return {
    name: backend.name,
    isUp: state.kind === 'ready',
    state: state.kind,
    isImageServiceUp: backend.hasOwnImages ? backend.images.state.kind === 'ready' : undefined,
    absentMs: backend.absentMs,
    sandboxes: ledger.count('sandbox', backend),
    containers: ledger.count('container', backend),
    callsInFlight: backend.callsInFlight,
    snapshotAgesMs: SNAPSHOT_LISTS.filter((list) => snapshot.has(list)).map(
      (list) => [list, snapshot.ageMs(list, clock.now())] as const,
    ),
  };
}
