// Sizes as people write them in the config: 16MiB, 512KiB, 1048576.

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** A whole number with a binary unit. Decimal units are left out: MB next to MiB is read wrong by half its readers. */
export const SIZE = /^\d+(KiB|MiB|GiB)?$/;

/** The size in bytes; undefined when `text` is not one. */
export function parseSize(text: string): number | undefined {
  if (!SIZE.test(text)) return undefined;
  const [, amount, unit] = /^(\d+)(.*)$/.exec(text) ?? [];
  return Number(amount) * (UNIT_BYTES.get(unit ?? '') ?? Number.NaN);
}
