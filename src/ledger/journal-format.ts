// The journal's file as bytes: a header, then records. A record is a head with a checksum of its own, the payload, and the
// payload's checksum. So damage is known as damage wherever it is, and what is behind it can be found again.
import { crc32 } from 'node:zlib';

/** One entry: what its payload means is for its type to say. */
export interface JournalEntry {
  /** 0 to 255. */
  readonly type: number;
  readonly payload: Buffer;
}

/** An entry to be written. */
export interface NewEntry extends JournalEntry {
  /** The rest of the payload: a long message that is written from where it lies. */
  readonly message?: Buffer;
}

/**
 * Of the format that is written. A file of another one is moved aside, but for format 1, which is read: its heads had no
 * checksum, and it did not say how far it was written.
 */
export const FORMAT = 2;

export const MAGIC = Buffer.from('SWYDJRNL');
export const FORMAT_AT = 8;
/** Where the flags lie: four bytes that are all alike, so that no flipped bit makes one of the other. */
export const FLAGS_AT = 12;
export const COMPLETE = 0;
export const INCOMPLETE = 0xffff_ffff;
/** The key is there twice, with checksums: without it nothing can be read. */
export const KEYS_AT = [16, 24] as const;
/** Where it is written how far the file is. */
export const WRITTEN_AT = 32;
/** Magic, format, flags, twice the key, how far it is written. */
export const HEADER_BYTES = 40;

/** No file is longer, whatever memory there is. */
export const JOURNAL_LIMIT_BYTES = 512 * 1024 * 1024;

/** In a head: length of the payload, type, where in the file the record was written, checksum of these. */
export const TYPE_OFFSET = 4;
export const PLACE_OFFSET = 5;
export const HEAD_BYTES = 13;
export const CHECKSUM_BYTES = 4;
/** Of the head, what its checksum is of. */
export const SUMMED_BYTES = HEAD_BYTES - CHECKSUM_BYTES;

/**
 * The key of a new file. All its checksums begin with it: neither what an older file left on the disk nor what somebody
 * put into an annotation is taken for a record.
 */
export function newKey(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** What a number of the header is, part of its checksum: a CRC of four bytes alone says no more than their XOR with its key. */
export type HeaderField = 'key' | 'written';

/** The checksum of a number that stands in the header. */
export function headerSum(header: Buffer, at: number, key: number, what: HeaderField): number {
  return crc32(what, crc32(header.subarray(at, at + 4), key));
}

/** The header of a file that is written up to `endBytes`, by default a new one. */
export function encodeHeader(key: number, endBytes = HEADER_BYTES): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT, FORMAT_AT);
  for (const at of KEYS_AT) writeSummed(header, at, key, 0, 'key');
  writeSummed(header, WRITTEN_AT, endBytes, key, 'written');
  return header;
}

/** What stands at FLAGS_AT. */
export function encodeFlags(flags: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(flags);
  return bytes;
}

/** What stands at WRITTEN_AT once the file is written up to there. */
export function encodeWritten(endBytes: number, key: number): Buffer {
  const written = Buffer.allocUnsafe(8);
  writeSummed(written, 0, endBytes, key, 'written');
  return written;
}

/** The record of an entry that is written at this byte of the file, in parts; the payload is not copied. */
export function encodeRecord({ type, payload, message }: NewEntry, key: number, at: number): Buffer[] {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32LE(payload.length + (message?.length ?? 0), 0);
  head.writeUInt8(type, TYPE_OFFSET);
  const headSum = finishHead(head, 0, key, at);
  const checksum = Buffer.allocUnsafe(CHECKSUM_BYTES);
  const payloadSum = crc32(payload, headSum);
  checksum.writeUInt32LE(message === undefined ? payloadSum : crc32(message, payloadSum), 0);
  return message === undefined ? [head, payload, checksum] : [head, payload, message, checksum];
}

/** Makes whole records those of another file, or of another place in it. Writes to the bytes. */
export function moveRecords(records: Buffer, key: number, at: number): void {
  for (let start = 0; start < records.length; ) {
    const end = start + HEAD_BYTES + records.readUInt32LE(start);
    const headSum = finishHead(records, start, key, at + start);
    records.writeUInt32LE(crc32(records.subarray(start + HEAD_BYTES, end), headSum), end);
    start = end + CHECKSUM_BYTES;
  }
}

function finishHead(target: Buffer, start: number, key: number, at: number): number {
  target.writeUInt32LE(at, start + PLACE_OFFSET);
  const sum = crc32(target.subarray(start, start + SUMMED_BYTES), key);
  target.writeUInt32LE(sum, start + SUMMED_BYTES);
  return sum;
}

function writeSummed(target: Buffer, at: number, value: number, key: number, what: HeaderField): void {
  target.writeUInt32LE(value, at);
  target.writeUInt32LE(headerSum(target, at, key, what), at + 4);
}
