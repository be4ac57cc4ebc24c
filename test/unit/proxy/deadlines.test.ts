import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/proxy/call.ts';
import type { CallEnd } from '../../../src/proxy/call-host.ts';
import { Deadlines } from '../../../src/proxy/deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** As much of a call as deadlines touch. */
class WatchedCall {
  deadlineSlot = -1;
  rpc = 'ExecSync';
  expiredAtMs: number | undefined;
  private watcher: CallEnd = () => {};
  readonly deadlineAtMs: number;
  private readonly clock: FakeClock;

  constructor(clock: FakeClock, deadlineAtMs: number) {
    this.clock = clock;
    this.deadlineAtMs = deadlineAtMs;
  }

  watch(watcher: CallEnd): void {
    this.watcher = watcher;
  }

  end(): void {
    this.watcher(this as unknown as Call, 0, '');
  }

  expire(): void {
    this.expiredAtMs = this.clock.now();
    this.end();
  }
}

describe('Deadlines', () => {
  function watched(spansMs: readonly number[]) {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const calls = spansMs.map((spanMs) => new WatchedCall(clock, clock.now() + spanMs));
    for (const call of calls) deadlines.watch(call as unknown as Call);
    return { clock, calls };
  }

  it('end a call within 20 ms of its deadline, and no call before', () => {
    const { clock, calls } = watched([50, 500, 130]);
    const start = clock.now();
    clock.advance(1_000);
    const lateMs = calls.map(({ expiredAtMs, deadlineAtMs }) => (expiredAtMs ?? start) - deadlineAtMs);
    for (const late of lateMs) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(20);
    }
  });

  it('leave alone what ended before, in whatever order calls end', () => {
    const { clock, calls } = watched([100, 100, 100, 100]);
    calls[1]?.end();
    calls[3]?.end();
    clock.advance(200);
    expect(calls.map(({ expiredAtMs }) => expiredAtMs !== undefined)).toEqual([true, false, true, false]);
  });
});
