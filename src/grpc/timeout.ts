// The grpc-timeout header: at most eight digits and a unit.
import { Buffer } from 'node:buffer';
import { readAmount } from '../http2/amount.ts';
import { Field, KNOWN } from '../http2/field.ts';

/** Character codes of the units. */
const UNIT = {
  hour: 0x48,
  minute: 0x4d,
  second: 0x53,
  millisecond: 0x6d,
  microsecond: 0x75,
  nanosecond: 0x6e,
} as const;
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

/** Milliseconds of a grpc-timeout field, with fractions; undefined when its value is none. */
export function timeoutMsOf(field: Field): number | undefined {
  const amount = field.amount ?? readAmount(Buffer.from(field.value, 'latin1'), 0, field.value.length);
  if (amount === undefined) return undefined;
  const { count, unit } = amount;
  switch (unit) {
    case UNIT.hour:
      return count * 3_600_000;
    case UNIT.minute:
      return count * 60_000;
    case UNIT.second:
      return count * 1000;
    case UNIT.millisecond:
      return count;
    case UNIT.microsecond:
      return count * 1e-3;
    case UNIT.nanosecond:
      return count * 1e-6;
    default:
      return undefined;
  }
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
