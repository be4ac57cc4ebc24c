// A new file with everything that is live, written beside the old one: in chunks, one in each turn of the event loop, or
// all at once before there are calls.
import { closeSync, renameSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createFile, writeAt } from './journal-file.ts';
import { encodeHeader, encodeRecord, moveRecords, type NewEntry, newKey } from './journal-format.ts';
import { clearPlace } from './journal-place.ts';
import { longestFileBytes, refuseLongerThan } from './journal-size.ts';
import { JournalWriter } from './journal-writer.ts';

/** Size of a chunk, about. */
const CHUNK_BYTES = 64 * 1024;

/** The new file, open. */
export class JournalCopy {
  private readonly fd: number;
  private readonly key = newKey();
  private readonly file: string;
  private readonly longestBytes = longestFileBytes();
  private writtenBytes: number;

  /** Begins it. Throws with nothing left. */
  constructor(file: string, wallMs: number) {
    this.file = file;
    clearPlace(file, wallMs);
    this.fd = createFile(file);
    try {
      this.writtenBytes = writeAt(this.fd, [encodeHeader(this.key)], 0);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** How large it is. */
  get sizeBytes(): number {
    return this.writtenBytes;
  }

  /** Writes the entries, in one go. */
  writeNow(live: Iterable<NewEntry>): void {
    for (const chunk of this.chunksOf(live)) this.write(chunk);
  }

  /** Writes the entries over several turns of the event loop. Rejects when `isClosed` has come to hold meanwhile. */
  async writeSlowly(live: Iterable<NewEntry>, isClosed: () => boolean): Promise<void> {
    for (const chunk of this.chunksOf(live)) {
      this.write(chunk);
      await nextTurn();
      if (isClosed()) throw new Error('the journal was closed');
    }
  }

  /**
   * Puts it where the journal is. `records`: what was made for the old file and follows; not to be used any more.
   * `makeRoom` is called last. Throws with the old file in its place, unless room was made.
   */
  takePlace(journal: string, records: Buffer, makeRoom: () => void): JournalWriter {
    const writer = new JournalWriter(this.fd, this.key, this.writtenBytes);
    moveRecords(records, this.key, this.writtenBytes);
    writer.append([records]);
    makeRoom();
    renameSync(this.file, journal);
    return writer;
  }

  /** Closes and removes one that is not wanted. Never throws: the next start removes what is left. */
  discard(): void {
    try {
      closeSync(this.fd);
      rmSync(this.file, { force: true });
    } catch {
      // The disk that failed fails here too.
    }
  }

  private write(parts: readonly Buffer[]): void {
    refuseLongerThan(this.longestBytes, this.writtenBytes);
    this.writtenBytes += writeAt(this.fd, parts, this.writtenBytes);
  }

  private *chunksOf(live: Iterable<NewEntry>): Generator<Buffer[]> {
    let chunk: Buffer[] = [];
    let chunkBytes = 0;
    for (const entry of live) {
      for (const part of encodeRecord(entry, this.key, this.writtenBytes + chunkBytes)) {
        chunk.push(part);
        chunkBytes += part.length;
      }
      if (chunkBytes < CHUNK_BYTES) continue;
      yield chunk;
      chunk = [];
      chunkBytes = 0;
    }
    yield chunk;
  }
}
