// The text of /metrics. Making it takes milliseconds in which no call is served, so that is done a few times a second at
// most; who asks more often gets the last one, in the same memory, and beyond a hundred times a second nothing.
import type { Registry } from 'prom-client';
import type { Clock } from '../clock.ts';

/** More than any number of honest scrapers needs. */
const TEXTS_PER_SECOND = 10;
/** Of all clients: even a copy in the kernel takes its time. */
const SCRAPES_PER_SECOND = 100;

export class Scrapes {
  readonly #registry: Registry;
  readonly #clock: Pick<Clock, 'now'>;
  #last: Promise<Buffer> | undefined;
  #secondStartedAtMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(registry: Registry, clock: Pick<Clock, 'now'>) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Undefined: there were too many in this second. */
  text(): Promise<Buffer> | undefined {
    const now = this.#clock.now();
    if (now - this.#secondStartedAtMs >= 1_000) {
      this.#secondStartedAtMs = now;
      this.#count = 0;
    }
    if (this.#count++ >= SCRAPES_PER_SECOND) return undefined;
    if (this.#count <= TEXTS_PER_SECOND || this.#last === undefined)
      this.#last = this.#registry.metrics().then((text) => Buffer.from(text));
    return this.#last;
  }
}
