// A journal's file made of entries, as the program writes it.
import {
  encodeHeader,
  encodeRecord,
  encodeWritten,
  HEADER_BYTES,
  type JournalEntry,
  WRITTEN_AT,
} from '../../src/ledger/journal-format.ts';

/** Of the files that are made here. */
export const KEY = 0x5eed;

/** The whole file. */
export function journalBytes(entries: readonly JournalEntry[]): Buffer {
  const parts: Buffer[] = [encodeHeader(KEY)];
  let at = HEADER_BYTES;
  for (const entry of entries) {
    const record = Buffer.concat(encodeRecord(entry, KEY, at));
    parts.push(record);
    at += record.length;
  }
  const bytes = Buffer.concat(parts);
  encodeWritten(at, KEY).copy(bytes, WRITTEN_AT);
  return bytes;
}
