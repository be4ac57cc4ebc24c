// The text of /metrics. Making it takes milliseconds in which no call is served, so that is done a few times a second at
// most; who asks more often gets the last one.
import type { Registry } from 'prom-client';
import type { Clock } from '../clock.ts';

/** More than any number of honest scrapers needs. */
const TEXTS_PER_SECOND = 10;

export class Scrapes {
  readonly #registry: Registry;
  readonly #clock: Pick<Clock, 'now'>;
  #last: Promise<string> | undefined;
  #secondStartedAtMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(registry: Registry, clock: Pick<Clock, 'now'>) {
    this.#registry = registry;
    this.#clock = clock;
  }

  text(): Promise<string> {
    const now = this.#clock.now();
    if (now - this.#secondStartedAtMs >= 1_000) {
      this.#secondStartedAtMs = now;
      this.#count = 0;
    }
    const isFresh = this.#count++ < TEXTS_PER_SECOND;
    if (isFresh || this.#last === undefined) this.#last = this.#registry.metrics();
    return this.#last;
  }
}
