// The few figures the bench draws from its samples. Pure.

/** The value below which the share `rank` (0 to 1) of the samples lies. `sorted` is in ascending order and not empty. */
export function quantile(sorted: ArrayLike<number>, rank: number): number {
  const place = (sorted.length - 1) * rank;
  const below = Math.floor(place);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return low + (high - low) * (place - below);
}

/** A median with the quartiles around it: how far the rounds disagree. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** How many rounds it is drawn from. */
  readonly rounds: number;
}

/** The median and quartiles of `values`, or undefined when there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  return {
    low: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    high: quantile(sorted, 0.75),
    rounds: sorted.length,
  };
}

/** The items in an order that differs from turn to turn, so that no one always runs first or after the same one. */
export function rotated<T>(items: readonly T[], turn: number): T[] {
  const start = items.length === 0 ? 0 : turn % items.length;
  const order = [...items.slice(start), ...items.slice(0, start)];
  return Math.floor(turn / Math.max(items.length, 1)) % 2 === 0 ? order : order.reverse();
}
