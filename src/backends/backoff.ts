// How long to wait before a backend is connected again: full jitter under a ceiling that doubles with each attempt that
// fails, and with each connection that ends soon after it was made.

const FIRST_CEILING_MS = 100;
const LAST_CEILING_MS = 3_000;
/** A connection that lived this long, or served so many calls, was worth making. */
const LONG_LIFE_MS = 5_000;
const LONG_LIFE_CALLS = 100;

/** Waits for connection attempts. The first is at most 100 ms, none is over 3 s. */
export class Backoff {
  private ceilingMs = FIRST_CEILING_MS;
  /** Connections in a row that ended soon after they were ready. */
  private shortLives = 0;
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

  /** A backend has answered: the next trouble starts from the beginning, unless its connections keep ending soon. */
  ready(): void {
    if (this.shortLives === 0) this.ceilingMs = FIRST_CEILING_MS;
  }

  /** A connection that was ready has ended; true when calls may wait for the next one, false when it will not last either. */
  ended(lifeMs: number, calls: number): boolean {
    if (lifeMs < LONG_LIFE_MS && calls < LONG_LIFE_CALLS) return ++this.shortLives === 1;
    this.shortLives = 0;
    this.ceilingMs = FIRST_CEILING_MS;
    return true;
  }
}
