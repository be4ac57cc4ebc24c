// Kinds of Prometheus metrics whose values are kept elsewhere and read at each scrape.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DURATION_BUCKETS, type DurationTally } from './tally.ts';

type Labels<L extends string> = Partial<Record<L, string>>;
type Values<L extends string, V> = () => Iterable<[Labels<L>, V]>;

/** A counter that reads its values whenever it is asked. */
export function counter<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  values: Values<L, number>,
): void {
  new Counter<L>({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of values()) this.inc(labels, value);
    },
  });
}

/** A gauge that reads its values whenever it is asked. */
export function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  values: Values<L, number>,
): void {
  new Gauge<L>({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of values()) this.set(labels, value);
    },
  });
}

/** A histogram whose buckets are counted elsewhere: prom-client's own can only be filled call by call. */
export class TalliedHistogram<L extends string> extends Histogram<L> {
  readonly #name: string;
  readonly #help: string;
  readonly #values: Values<L, DurationTally>;

  constructor(
    registry: Registry,
    name: string,
    help: string,
    labelNames: readonly L[],
    values: Values<L, DurationTally>,
  ) {
    super({ name, help, labelNames: [...labelNames], buckets: [...DURATION_BUCKETS], registers: [registry] });
    this.#name = name;
    this.#help = help;
    this.#values = values;
  }

  /** What prom-client's registry and its own get() read; the shape is that of its own histogram. */
  async getForPromString(): Promise<unknown> {
    const values: SampleLine[] = [];
    for (const [labels, tally] of this.#values()) {
      const add = (suffix: string, value: number, le?: number | '+Inf') => {
        const metricName = `${this.#name}${suffix}`;
        values.push({ metricName, labels: le === undefined ? {} : { le }, sharedLabels: labels, value });
      };
      let total = 0;
      for (const [at, bound] of DURATION_BUCKETS.entries()) {
        total += tally.counts[at] ?? 0;
        add('_bucket', total, bound);
      }
      add('_bucket', tally.count, '+Inf');
      add('_sum', tally.sumMs / 1000);
      add('_count', tally.count);
    }
    return { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }
}

interface SampleLine {
  readonly metricName: string;
  readonly labels: { readonly le?: number | '+Inf' };
  readonly sharedLabels: Labels<string>;
  readonly value: number;
}
