// The records of a journal's file, also of a damaged one. Each says where in the file it was written: so records that are
// lost, doubled or in another order are noticed, and those behind damage are put where they belong.
import { crc32 } from 'node:zlib';
import {
  CHECKSUM_BYTES,
  HEAD_BYTES,
  HEADER_BYTES,
  JOURNAL_LIMIT_BYTES,
  type JournalEntry,
  PLACE_OFFSET,
  SUMMED_BYTES,
  TYPE_OFFSET,
} from './journal-format.ts';

/** What was read of a file that is a journal. */
export interface JournalRecords {
  /** Views on the file's bytes, in the order in which they were written. */
  readonly entries: readonly JournalEntry[];
  /**
   * `torn`: the file ends inside a record, and is as it was written up to there. `damaged`: anything else that nobody
   * wrote.
   */
  readonly shape: 'clean' | 'torn' | 'damaged';
  /** The first byte that is not as it was written; the size of the file when all is. */
  readonly damageAt: number;
  /** What was written and is not here: nothing, the last records, or some or all of them. */
  readonly lacks: 'nothing' | 'end' | 'records';
  /** The key of the file, when records can be added to it as it is. */
  readonly key: number | undefined;
}

/**
 * How much of damage is searched for the records behind it, in bytes that are passed over and bytes that are checksummed in
 * vain: about a second. Whatever is behind that counts as lost, so that no damage holds up a start.
 */
export const SEARCH_LIMIT_BYTES = 32 * 1024 * 1024;

/** What is left of that for this file. */
interface Search {
  leftBytes: number;
}

/** A whole record. */
interface Found {
  readonly entry: JournalEntry;
  /** Where it was written, which is elsewhere than where it is now if bytes were lost or added. */
  readonly writtenAt: number;
  readonly sizeBytes: number;
}

/** Reads what is behind the header. `written`: how far the file was written for certain; undefined when not known. */
export function readRecords(bytes: Buffer, key: number, written: number | undefined): JournalRecords {
  const found: Found[] = [];
  const search: Search = { leftBytes: SEARCH_LIMIT_BYTES };
  let damageAt: number | undefined;
  let isTorn = false;
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    let record = recordAt(bytes, at, key, search);
    if (typeof record === 'string') {
      const next = nextRecord(bytes, at + 1, key, search);
      isTorn = record === 'cut' && next === undefined && damageAt === undefined && search.leftBytes > 0;
      damageAt ??= at;
      if (next === undefined) break;
      at = next.at;
      record = next.record;
    }
    if (record.writtenAt !== at) damageAt ??= at;
    found.push(record);
    at += record.sizeBytes;
  }
  if (damageAt !== undefined) found.sort((a, b) => a.writtenAt - b.writtenAt);
  const { entries, endBytes, hasHole } = inOrder(found);
  if (written === undefined) damageAt ??= HEADER_BYTES;
  // Records after that place are complete: a kill between the two writes of append() leaves it so.
  const isShort = written === undefined || written > endBytes;
  const lacks = hasHole || written === undefined ? 'records' : isShort ? 'end' : 'nothing';
  const shape = damageAt === undefined ? 'clean' : isTorn ? 'torn' : 'damaged';
  const isWhole = shape === 'clean' && lacks === 'nothing';
  return { entries, shape, damageAt: damageAt ?? bytes.length, lacks, key: isWhole ? key : undefined };
}

/** Records by where they were written, each once, and whether any is missing in between. */
function inOrder(found: readonly Found[]): { entries: JournalEntry[]; endBytes: number; hasHole: boolean } {
  const entries: JournalEntry[] = [];
  let endBytes = HEADER_BYTES;
  let hasHole = false;
  for (const { entry, writtenAt, sizeBytes } of found) {
    if (writtenAt < endBytes) continue;
    if (writtenAt > endBytes) hasHole = true;
    entries.push(entry);
    endBytes = writtenAt + sizeBytes;
  }
  return { entries, endBytes, hasHole };
}

/** The record there; `cut` when its head is whole, or may be, and the file ends within it; `broken` when it is none. */
function recordAt(bytes: Buffer, at: number, key: number, search: Search): Found | 'cut' | 'broken' {
  if (at + HEAD_BYTES > bytes.length) return 'cut';
  const headSum = crc32(bytes.subarray(at, at + SUMMED_BYTES), key);
  if (headSum !== bytes.readUInt32LE(at + SUMMED_BYTES)) {
    search.leftBytes -= SUMMED_BYTES;
    return 'broken';
  }
  const start = at + HEAD_BYTES;
  const end = start + bytes.readUInt32LE(at);
  if (end + CHECKSUM_BYTES > bytes.length) return 'cut';
  const payload = bytes.subarray(start, end);
  if (crc32(payload, headSum) !== bytes.readUInt32LE(end)) {
    search.leftBytes -= payload.length;
    return 'broken';
  }
  return {
    entry: { type: bytes.readUInt8(at + TYPE_OFFSET), payload },
    writtenAt: bytes.readUInt32LE(at + PLACE_OFFSET),
    sizeBytes: HEAD_BYTES + payload.length + CHECKSUM_BYTES,
  };
}

/** The next whole record. What cannot be one by its numbers is passed over without a checksum, for damage may be long. */
function nextRecord(
  bytes: Buffer,
  from: number,
  key: number,
  search: Search,
): { at: number; record: Found } | undefined {
  const lastAt = bytes.length - HEAD_BYTES - CHECKSUM_BYTES;
  for (let at = from; at <= lastAt && search.leftBytes > 0; at++) {
    search.leftBytes--;
    if (bytes.readUInt32LE(at) > lastAt - at) continue;
    const writtenAt = bytes.readUInt32LE(at + PLACE_OFFSET);
    if (writtenAt < HEADER_BYTES || writtenAt > JOURNAL_LIMIT_BYTES) continue;
    const record = recordAt(bytes, at, key, search);
    if (typeof record !== 'string') return { at, record };
  }
  return undefined;
}
