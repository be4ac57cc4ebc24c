// Durations as people write them in the config: 500ms, 2s, 1m30s.

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** One or more numbers with a unit (ms, s, m, h) and nothing between them. */
export const DURATION = /^(\d+(\.\d+)?(ms|s|m|h))+$/;

/** The duration in milliseconds; undefined when `text` is not one. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    sumMs += Number(amount) * (UNIT_MS.get(unit ?? '') ?? Number.NaN);
  }
  return sumMs;
}
