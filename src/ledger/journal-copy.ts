// A new file with everything that is live, written beside the old one in chunks, one in each turn of the event loop.
import { closeSync, constants, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openFile, writeAt } from './journal-file.ts';
import { encodeHeader, encodeRecord, type NewEntry } from './journal-format.ts';

/** Size of a chunk, about. */
const CHUNK_BYTES = 64 * 1024;

/** The new file, open. */
export interface JournalCopy {
  readonly fd: number;
  readonly sizeBytes: number;
}

/** Writes the header and the entries. Rejects with nothing left; also when `isClosed` has come to hold meanwhile. */
export async function copyLive(
  file: string,
  version: number,
  live: Iterable<NewEntry>,
  isClosed: () => boolean,
): Promise<JournalCopy> {
  const fd = openFile(file, constants.O_TRUNC);
  try {
    let sizeBytes = writeAt(fd, [encodeHeader(version)], 0);
    let chunk: Buffer[] = [];
    let chunkBytes = 0;
    for (const entry of live) {
      for (const part of encodeRecord(entry)) {
        chunk.push(part);
        chunkBytes += part.length;
      }
      if (chunkBytes < CHUNK_BYTES) continue;
      sizeBytes += writeAt(fd, chunk, sizeBytes);
      chunk = [];
      chunkBytes = 0;
      await nextTurn();
      if (isClosed()) throw new Error('the journal was closed');
    }
    sizeBytes += writeAt(fd, chunk, sizeBytes);
    return { fd, sizeBytes };
  } catch (error) {
    discardCopy(fd, file);
    throw error;
  }
}

/** Closes and removes one that is not wanted. Never throws: the next start removes what is left. */
export function discardCopy(fd: number, file: string): void {
  try {
    closeSync(fd);
    rmSync(file, { force: true });
  } catch {
    // The disk that failed fails here too.
  }
}
