// Plain counters that a call bumps. They stand on the hot path of every call, so they are numbers in objects:
// no label hashing, no allocation after the first call of a kind. telemetry/exposition.ts turns them into metrics.

/**
 * Upper bounds of the duration buckets in seconds. By hand: small calls take well under a millisecond, ExecSync
 * and RunPodSandbox up to seconds, and the kubelet gives up after two minutes.
 */
export const DURATION_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
];

const BOUNDS_MS = DURATION_BUCKETS.map((seconds) => seconds * 1000);

/** Durations in buckets: how many, how long in all, and how they spread. */
export class DurationTally {
  /** Calls per bucket, not cumulative; the last place is for what is longer than all bounds. */
  readonly counts: number[] = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  count = 0;
  sumMs = 0;

  add(durationMs: number): void {
    let at = 0;
    while (at < BOUNDS_MS.length && durationMs > (BOUNDS_MS[at] as number)) at++;
    this.counts[at] = (this.counts[at] as number) + 1;
    this.count++;
    this.sumMs += durationMs;
  }
}

/** What is counted for one method, backend and code. */
export class CallTally extends DurationTally {
  requestBytes = 0;
  responseBytes = 0;
}

/** The calls of one method: those in flight, and those that ended by backend and code. */
export class MethodTally {
  inFlight = 0;
  /** In the order in which they came up. Few, so that going through them is faster than a look-up by two names. */
  readonly ends: { readonly backend: string; readonly code: string; readonly tally: CallTally }[] = [];

  /** The tally of calls that ended so. */
  at(backend: string, code: string): CallTally {
    for (const end of this.ends) if (end.code === code && end.backend === backend) return end.tally;
    const tally = new CallTally();
    this.ends.push({ backend, code, tally });
    return tally;
  }
}

/** Tallies under two or three names, made when first asked for. */
export class TallyTree<T> {
  readonly #roots = new Map<string, Map<string, Map<string, T>>>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  /** The tally under these names. Costs three Map lookups once it exists. */
  at(first: string, second: string, third = ''): T {
    const found = this.#roots.get(first)?.get(second)?.get(third);
    return found === undefined ? this.#add(first, second, third) : found;
  }

  /** All tallies with their names, in the order in which they came up. */
  *[Symbol.iterator](): Generator<readonly [first: string, second: string, third: string, tally: T]> {
    for (const [first, seconds] of this.#roots) {
      for (const [second, thirds] of seconds) {
        for (const [third, tally] of thirds) yield [first, second, third, tally];
      }
    }
  }

  #add(first: string, second: string, third: string): T {
    const tally = this.#create();
    const seconds = this.#roots.get(first) ?? new Map<string, Map<string, T>>();
    const thirds = seconds.get(second) ?? new Map<string, T>();
    this.#roots.set(first, seconds.set(second, thirds.set(third, tally)));
    return tally;
  }
}

/** A count that goes up, or up and down, by one. */
export interface Count {
  value: number;
}
