// What a journal's file holds, as far as it can be read: also one that was damaged, or written in the format before.
import {
  COMPLETE,
  FLAGS_AT,
  FORMAT,
  FORMAT_AT,
  HEADER_BYTES,
  type HeaderField,
  headerSum,
  INCOMPLETE,
  KEYS_AT,
  MAGIC,
  WRITTEN_AT,
} from './journal-format.ts';
import { readFormatOne } from './journal-format-one.ts';
import { type JournalRecords, readRecords } from './journal-records.ts';

/** What a file turned out to be. */
export type JournalContent =
  /** There is nothing in it, or less than a header. */
  | { readonly kind: 'empty' }
  /** Not a journal, or one of a format that is not known here. */
  | { readonly kind: 'foreign'; readonly reason: string }
  | ({
      readonly kind: 'journal';
      /** Entries were lost while the file could not be written. */
      readonly isIncomplete: boolean;
    } & JournalRecords);

/** That of format 1: magic, format, flags. */
const SHORTEST_HEADER_BYTES = 16;

/** Reads a whole file; never throws. */
export function decodeJournal(bytes: Buffer): JournalContent {
  const known = Math.min(bytes.length, MAGIC.length);
  if (!bytes.subarray(0, known).equals(MAGIC.subarray(0, known))) {
    return { kind: 'foreign', reason: 'it is not a journal of Switchyard' };
  }
  if (bytes.length < SHORTEST_HEADER_BYTES) return { kind: 'empty' };
  const format = bytes.readUInt32LE(FORMAT_AT);
  const isIncomplete = bytes.readUInt32LE(FLAGS_AT) !== COMPLETE;
  if (format === 1) return { kind: 'journal', isIncomplete, ...readFormatOne(bytes) };
  if (format !== FORMAT) {
    const reason = `its format has version ${format}, and this Switchyard reads versions 1 and ${FORMAT}`;
    return { kind: 'foreign', reason };
  }
  if (bytes.length < HEADER_BYTES) return { kind: 'empty' };
  const keys = KEYS_AT.map((at) => readSummed(bytes, at, 0, 'key'));
  const key = keys.find((each) => each !== undefined);
  if (key === undefined) return { kind: 'foreign', reason: 'its header is damaged' };
  const written = readSummed(bytes, WRITTEN_AT, key, 'written');
  const records = readRecords(bytes, key, written);
  if (isHeaderWhole(bytes, keys)) return { kind: 'journal', isIncomplete, ...records };
  return { kind: 'journal', isIncomplete, ...records, shape: 'damaged', damageAt: FLAGS_AT, key: undefined };
}

function isHeaderWhole(bytes: Buffer, keys: readonly (number | undefined)[]): boolean {
  const flags = bytes.readUInt32LE(FLAGS_AT);
  return (flags === COMPLETE || flags === INCOMPLETE) && keys.every((key) => key !== undefined);
}

function readSummed(bytes: Buffer, at: number, key: number, what: HeaderField): number | undefined {
  const isWhole = headerSum(bytes, at, key, what) === bytes.readUInt32LE(at + 4);
  return isWhole ? bytes.readUInt32LE(at) : undefined;
}
