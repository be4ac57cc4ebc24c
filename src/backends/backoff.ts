// How long to wait before a backend is connected again: full jitter under a ceiling that doubles.

const FIRST_CEILING_MS = 100;
const LAST_CEILING_MS = 3_000;

/** Waits for connection attempts. The first is at most 100 ms, none is over 3 s. */
export class Backoff {
  private ceilingMs = FIRST_CEILING_MS;
  private readonly random: () => number;

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const delayMs = this.random() * this.ceilingMs;
    this.ceilingMs = Math.min(this.ceilingMs * 2, LAST_CEILING_MS);
    return delayMs;
  }

  /** A backend has answered: the next trouble starts from the beginning. */
  reset(): void {
    this.ceilingMs = FIRST_CEILING_MS;
  }
}
