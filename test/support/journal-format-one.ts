// A journal's file as Switchyards before format 2 wrote it.
import { crc32 } from 'node:zlib';
import type { JournalEntry } from '../../src/ledger/journal-format.ts';

/** The whole file, with flags. */
export function formatOneFile(entries: readonly JournalEntry[], flags = 0): Buffer {
  const header = Buffer.alloc(16);
  header.write('SWYDJRNL');
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(flags, 12);
  return Buffer.concat([header, ...entries.flatMap(recordOf)]);
}

function recordOf({ type, payload }: JournalEntry): Buffer[] {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(payload.length);
  head.writeUInt8(type, 4);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(payload, crc32(head)));
  return [head, payload, checksum];
}
