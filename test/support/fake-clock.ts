// A clock that stands still until a test turns it.
import type { Clock, Timer } from '../../src/clock.ts';

export class FakeClock implements Clock {
  private nowMs = 1_000;
  private readonly timers = new Set<{ at: number; run: () => void }>();
  private readonly wallFromMs: number;

  constructor(wallFromMs = 1_700_000_000_000) {
    this.wallFromMs = wallFromMs;
  }

  now(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.wallFromMs + this.nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.nowMs + delayMs, run };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  /** Moves time on and fires what falls due, in order. */
  advance(spanMs: number): void {
    const until = this.nowMs + spanMs;
    for (;;) {
      const due = [...this.timers].filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.delete(due);
      this.nowMs = Math.max(this.nowMs, due.at);
      due.run();
    }
    this.nowMs = until;
  }
}
