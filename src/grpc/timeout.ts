// The grpc-timeout header: at most eight digits and a unit.

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const MOST = 99_999_999;
// From fine to coarse, each as (units per millisecond, letter).
const FINE_UNITS = [
  [1e6, 'n'],
  [1e3, 'u'],
  [1, 'm'],
  [1e-3, 'S'],
  [1 / 60_000, 'M'],
  [1 / 3_600_000, 'H'],
] as const;

/** Milliseconds, with fractions; undefined when the value is none. */
export function parseTimeout(value: string): number | undefined {
  const unit = UNIT_MS[value.charAt(value.length - 1)];
  const digits = value.length - 1;
  if (unit === undefined || digits < 1 || digits > 8) return undefined;
  let count = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    count = count * 10 + digit;
  }
  return count * unit;
}

/** The finest value that fits and is not longer than what remains; "1n" when nothing remains. */
export function formatTimeout(remainingMs: number): string {
  for (const [perMs, unit] of FINE_UNITS) {
    const count = Math.floor(remainingMs * perMs);
    if (count < 1) return '1n';
    if (count <= MOST) return `${count}${unit}`;
  }
  return `${MOST}H`;
}
