// A connection limit for tests that are about something else, or choose it small.
import { ConnectionLimit } from '../../src/listeners/connection-limit.ts';
import type { Listener, Metrics } from '../../src/telemetry/metrics.ts';
import { FakeClock } from './fake-clock.ts';
import { type LogLine, recorder } from './proxy-world.ts';

const NO_COUNTS = { connectionOpened() {}, connectionClosed() {}, connectionTurnedAway() {} };

export function limitFor(
  listener: Listener,
  counts: Pick<Metrics, keyof typeof NO_COUNTS> = NO_COUNTS,
  atMost = 10_000,
  lines: LogLine[] = [],
): ConnectionLimit {
  return new ConnectionLimit({ listener, atMost, clock: new FakeClock(), log: recorder(lines), counts });
}
