// Keeps a line that peers can cause from filling the log: a few of it in a second, then one that says how many were left out.
import type { Clock } from '../clock.ts';

export interface LogThrottleOptions {
  readonly clock: Clock;
  /** Default: 5. */
  readonly linesPerSecond?: number;
  /** Called at the end of a second in which `count` lines were left out; only then. */
  readonly onLeftOut: (count: number) => void;
}

const LINES_PER_SECOND = 5;

/** The throttle of one kind of line. */
export class LogThrottle {
  private readonly options: LogThrottleOptions;
  private readonly linesPerSecond: number;
  private count = 0;
  private isCounting = false;

  constructor(options: LogThrottleOptions) {
    this.options = options;
    this.linesPerSecond = options.linesPerSecond ?? LINES_PER_SECOND;
  }

  /** Counts a line; whether it may be written. */
  allows(): boolean {
    if (!this.isCounting) {
      this.isCounting = true;
      this.options.clock.after(1000, this.endSecond);
    }
    return ++this.count <= this.linesPerSecond;
  }

  private readonly endSecond = () => {
    const leftOut = this.count - this.linesPerSecond;
    this.count = 0;
    this.isCounting = false;
    if (leftOut > 0) this.options.onLeftOut(leftOut);
  };
}
