// Time in a model test: a clock that runs faster than the machine's, so that back-off and ages pass sooner, and a watch
// for the moments when the machine has no time for us.
import type { Clock } from '../../src/clock.ts';

/** Time `factor` times as fast; the time of day stays as it is. */
export function fastClock(factor: number): Clock {
  return {
    now: () => performance.now() * factor,
    wallMs: () => Date.now(),
    after(delayMs, run) {
      const handle = setTimeout(run, delayMs / factor);
      handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}

/** Notes when the event loop of this process comes round late. */
export class LateLoop implements Disposable {
  private readonly timer: NodeJS.Timeout;
  private readonly gaps: { readonly endMs: number; readonly sizeMs: number }[] = [];
  private lastMs = performance.now();

  constructor() {
    this.timer = setInterval(() => {
      const endMs = performance.now();
      if (endMs - this.lastMs > NOTICEABLE_MS) this.gaps.push({ endMs, sizeMs: endMs - this.lastMs });
      this.lastMs = endMs;
    }, LOOK_MS);
    this.timer.unref();
  }

  /** The longest time without a turn, of those that ended after this moment of performance.now(). */
  longestSince(startMs: number): number {
    const current = performance.now() - this.lastMs;
    const since = this.gaps.filter(({ endMs }) => endMs > startMs).map(({ sizeMs }) => sizeMs);
    return Math.max(current, ...since);
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}

const LOOK_MS = 5;
const NOTICEABLE_MS = 15;
