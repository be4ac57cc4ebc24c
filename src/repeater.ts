// Work that is done every so often, for example a look at a file; each time begins when the one before has ended.
import type { Clock, Timer } from './clock.ts';

export class Repeater {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #work: () => Promise<void>;
  #timer: Timer | undefined;
  #isStopped = false;

  /** Begins after one period. `work` must not reject. */
  constructor(clock: Clock, periodMs: number, work: () => Promise<void>) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#work = work;
    this.#next();
  }

  /** Work that has begun goes on to its end. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #next(): void {
    if (this.#isStopped) return;
    this.#timer = this.#clock.after(this.#periodMs, () => {
      void this.#work().finally(() => this.#next());
    });
  }
}
