// The grpc-timeout header: at most eight digits and a unit.
import { Field, KNOWN } from '../http2/field.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const MOST = 99_999_999;
/** From here on whole milliseconds: a caller that always allows the same time then makes the same header each time. */
const WHOLE_MS_FROM = 1000;
/** Fields of whole milliseconds that are kept, each in the place of its lowest bits. */
const KEPT_FIELDS = 64;
const keptFields: (Field | undefined)[] = new Array<Field | undefined>(KEPT_FIELDS).fill(undefined);
const keptMs: number[] = new Array<number>(KEPT_FIELDS).fill(-1);
interface FineUnit {
  readonly perMs: number;
  readonly unit: string;
}
// From fine to coarse.
const FINE_UNITS: readonly FineUnit[] = [
  { perMs: 1e6, unit: 'n' },
  { perMs: 1e3, unit: 'u' },
  { perMs: 1, unit: 'm' },
  { perMs: 1e-3, unit: 'S' },
  { perMs: 1 / 60_000, unit: 'M' },
  { perMs: 1 / 3_600_000, unit: 'H' },
];

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

/** The grpc-timeout field for what remains. Often the same object for the same time, which the encoder knows again. */
export function timeoutField(remainingMs: number): Field {
  if (!(remainingMs >= WHOLE_MS_FROM && remainingMs <= MOST)) return newField(remainingMs);
  const ms = Math.floor(remainingMs);
  const slot = ms & (KEPT_FIELDS - 1);
  const kept = keptFields[slot];
  if (kept !== undefined && keptMs[slot] === ms) return kept;
  const field = newField(ms);
  keptFields[slot] = field;
  keptMs[slot] = ms;
  return field;
}

function newField(remainingMs: number): Field {
  return new Field('grpc-timeout', formatTimeout(remainingMs), false, KNOWN.grpcTimeout);
}

/** A value that fits, is not longer than what remains and less than a thousandth shorter; "1n" when nothing remains. */
export function formatTimeout(remainingMs: number): string {
  for (let i = 0; i < FINE_UNITS.length; i++) {
    const { perMs, unit } = FINE_UNITS[i] as FineUnit;
    const count = Math.floor(remainingMs * perMs);
    if (count < 1) return '1n';
    if (count <= MOST && !(remainingMs >= WHOLE_MS_FROM && perMs > 1)) return `${count}${unit}`;
  }
  return `${MOST}H`;
}
