// Sizes as people write them in the config: 512KiB, 16MiB, 1GiB.

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** A whole number with a binary unit. Decimal units are left out: half of all readers take MB for MiB. */
export const SIZE = /^(\d+)(KiB|MiB|GiB)$/;

/** The size in bytes; undefined when `text` is not one. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit] = SIZE.exec(text) ?? [];
  const unitBytes = UNIT_BYTES.get(unit ?? '');
  return unitBytes === undefined ? undefined : Number(amount) * unitBytes;
}
