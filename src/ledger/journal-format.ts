// The journal's file as bytes: a header, then records of length, type, payload and checksum. A record that was not
// written whole, or was damaged since, does not pass its checksum; it and all behind it are not read.
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

/** Magic, version, flags. */
const HEADER_BYTES = 16;
/** Where the flags lie, and the flag that says that entries are missing from the file. */
export const FLAGS_AT = 12;
export const INCOMPLETE = 1;

const MAGIC = Buffer.from('SWYDJRNL');
const HEAD_BYTES = 5;
const CHECKSUM_BYTES = 4;

/** What a file turned out to be. */
export type JournalContent =
  /** There is nothing in it, or less than a header. */
  | { readonly kind: 'empty' }
  /** Not a journal, or one of another version. */
  | { readonly kind: 'foreign'; readonly reason: string }
  | {
      readonly kind: 'journal';
      /** Views on the file's bytes, in order. */
      readonly entries: readonly JournalEntry[];
      /** Where the last good record ends. */
      readonly endBytes: number;
      /** `torn`: the file ends inside a record. `damaged`: a whole record does not pass its checksum. */
      readonly tail: 'clean' | 'torn' | 'damaged';
      /** Entries were lost while the file could not be written. */
      readonly isIncomplete: boolean;
    };

/** The header of a new file. */
export function encodeHeader(version: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(version, MAGIC.length);
  return header;
}

/** The record of an entry in parts; the payload is not copied. */
export function encodeRecord({ type, payload, message }: NewEntry): Buffer[] {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32LE(payload.length + (message?.length ?? 0), 0);
  head.writeUInt8(type, 4);
  const checksum = Buffer.allocUnsafe(CHECKSUM_BYTES);
  const payloadSum = crc32(payload, crc32(head));
  checksum.writeUInt32LE(message === undefined ? payloadSum : crc32(message, payloadSum), 0);
  return message === undefined ? [head, payload, checksum] : [head, payload, message, checksum];
}

/** Reads a whole file; never throws. */
export function decodeJournal(bytes: Buffer, version: number): JournalContent {
  const expected = encodeHeader(version);
  if (bytes.length < HEADER_BYTES) {
    const isBegun = bytes.equals(expected.subarray(0, bytes.length));
    return isBegun ? { kind: 'empty' } : { kind: 'foreign', reason: 'it is not a journal of Switchyard' };
  }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    return { kind: 'foreign', reason: 'it is not a journal of Switchyard' };
  }
  const found = bytes.readUInt32LE(MAGIC.length);
  if (found !== version) {
    return {
      kind: 'foreign',
      reason: `its format has version ${found}, and this Switchyard reads version ${version}`,
    };
  }
  const entries: JournalEntry[] = [];
  let at = HEADER_BYTES;
  let tail: 'clean' | 'torn' | 'damaged' = 'clean';
  while (at < bytes.length) {
    const payloadStart = at + HEAD_BYTES;
    const payloadEnd = payloadStart > bytes.length ? payloadStart : payloadStart + bytes.readUInt32LE(at);
    if (payloadEnd + CHECKSUM_BYTES > bytes.length) {
      tail = 'torn';
      break;
    }
    if (crc32(bytes.subarray(at, payloadEnd)) !== bytes.readUInt32LE(payloadEnd)) {
      tail = 'damaged';
      break;
    }
    entries.push({ type: bytes.readUInt8(at + 4), payload: bytes.subarray(payloadStart, payloadEnd) });
    at = payloadEnd + CHECKSUM_BYTES;
  }
  const isIncomplete = bytes.readUInt32LE(FLAGS_AT) !== 0;
  return { kind: 'journal', entries, endBytes: at, tail, isIncomplete };
}
