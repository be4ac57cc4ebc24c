// What can happen to a journal's file: flipped bits, and bytes or whole records that are lost, doubled, moved or
// overwritten.
import fc from 'fast-check';
import { HEAD_BYTES, HEADER_BYTES } from '../../src/ledger/journal-format.ts';

/** One damage; the numbers say where, whatever the size of the file. */
export type Damage = readonly [
  kind: (typeof KINDS)[number],
  isOfRecords: boolean,
  first: number,
  firstSize: number,
  second: number,
  secondSize: number,
];

const KINDS = ['flip', 'flip', 'flip', 'drop', 'double', 'swap', 'truncate', 'zeros', 'noise'] as const;

/** Short ones mostly, and now and then one as long as half the file. */
const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2_000 }) },
);
const place = fc.nat();

/** One damage to a file, or up to three. */
export const damages: fc.Arbitrary<readonly Damage[]> = fc.array(
  fc.tuple(fc.constantFrom(...KINDS), fc.boolean(), place, size, place, size),
  { minLength: 1, maxLength: 3 },
);

/** The file with these damages, one after the other. */
export function damaged(bytes: Buffer, all: readonly Damage[]): Buffer {
  return all.reduce(damagedOnce, bytes);
}

function damagedOnce(bytes: Buffer, damage: Damage): Buffer {
  const [kind, isOfRecords, first, firstSize, second, secondSize] = damage;
  if (bytes.length === 0) return bytes;
  const rangeOf = isOfRecords ? recordsAt : bytesAt;
  const one = rangeOf(bytes, first, firstSize);
  const part = bytes.subarray(one.start, one.end);
  const before = bytes.subarray(0, one.start);
  const behind = bytes.subarray(one.end);
  switch (kind) {
    case 'flip': {
      const flipped = Buffer.from(bytes);
      const at = one.start;
      flipped.writeUInt8((flipped[at] ?? 0) ^ (1 << (second % 8)), at);
      return flipped;
    }
    case 'drop':
      return Buffer.concat([before, behind]);
    case 'double': {
      const at = rangeOf(bytes, second, 1).start;
      return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
    }
    case 'swap': {
      const other = rangeOf(bytes, second, secondSize);
      const [a, b] = one.start <= other.start ? [one, other] : [other, one];
      if (a.end > b.start) return bytes;
      return Buffer.concat([
        bytes.subarray(0, a.start),
        bytes.subarray(b.start, b.end),
        bytes.subarray(a.end, b.start),
        bytes.subarray(a.start, a.end),
        bytes.subarray(b.end),
      ]);
    }
    case 'truncate':
      return before;
    case 'zeros':
      return Buffer.concat([before, Buffer.alloc(part.length), behind]);
    case 'noise':
      return Buffer.concat([before, part.map((byte, index) => byte ^ (second >> (index % 8))), behind]);
    default:
      return kind satisfies never;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function bytesAt(bytes: Buffer, pick: number, sizeBytes: number): Range {
  const start = pick % bytes.length;
  return { start, end: Math.min(bytes.length, start + sizeBytes) };
}

/** Whole records, up to the first damage. */
function recordsAt(bytes: Buffer, pick: number, sizeBytes: number): Range {
  const starts: number[] = [];
  let at = HEADER_BYTES;
  while (at + HEAD_BYTES <= bytes.length) {
    starts.push(at);
    at += HEAD_BYTES + bytes.readUInt32LE(at) + 4;
  }
  const index = pick % Math.max(1, starts.length);
  const start = starts[index] ?? 0;
  const end = starts[index + 1 + (sizeBytes % 3)] ?? bytes.length;
  return { start: Math.min(start, bytes.length - 1), end: Math.min(end, bytes.length) };
}
