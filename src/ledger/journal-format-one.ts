// A journal as Switchyards before format 2 wrote it: records of length, type, payload and checksum. It is read once, at the
// first start of a newer one, and carried over into a new file.
import { crc32 } from 'node:zlib';
import type { JournalEntry } from './journal-format.ts';
import type { JournalRecords } from './journal-records.ts';

const HEADER_BYTES = 16;
const HEAD_BYTES = 5;
const CHECKSUM_BYTES = 4;

/** Reads a whole file up to its first fault. A record that seems cut off may as well have a damaged length. */
export function readFormatOne(bytes: Buffer): JournalRecords {
  const entries: JournalEntry[] = [];
  let at = HEADER_BYTES;
  while (at + HEAD_BYTES + CHECKSUM_BYTES <= bytes.length) {
    const start = at + HEAD_BYTES;
    const end = start + bytes.readUInt32LE(at);
    if (end + CHECKSUM_BYTES > bytes.length) break;
    if (crc32(bytes.subarray(at, end)) !== bytes.readUInt32LE(end)) break;
    entries.push({ type: bytes.readUInt8(at + 4), payload: bytes.subarray(start, end) });
    at = end + CHECKSUM_BYTES;
  }
  const isWhole = at === bytes.length;
  return {
    entries,
    shape: isWhole ? 'clean' : 'damaged',
    damageAt: at,
    lacks: isWhole ? 'nothing' : 'records',
    key: undefined,
  };
}
