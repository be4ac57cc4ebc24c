// The journal's file while it is written: records go behind each other, and the header says how far they are written.
import { closeSync, fstatSync, ftruncateSync, statSync } from 'node:fs';
import { openForWriting, writeAt } from './journal-file.ts';
import { encodeFlags, encodeWritten, FLAGS_AT, INCOMPLETE, WRITTEN_AT } from './journal-format.ts';
import { longestFileBytes, refuseLongerThan } from './journal-size.ts';

export class JournalWriter {
  /** Of the records. */
  readonly key: number;
  private readonly fd: number;
  private readonly longestBytes = longestFileBytes();
  private endBytes: number;

  /** Takes over an open file that is written up to `endBytes`. */
  constructor(fd: number, key: number, endBytes: number) {
    this.fd = fd;
    this.key = key;
    this.endBytes = endBytes;
  }

  /** Goes on where an earlier run ended. Throws when the file cannot be written. */
  static resume(file: string, { key, sizeBytes }: { key: number; sizeBytes: number }): JournalWriter {
    return new JournalWriter(openForWriting(file), key, sizeBytes);
  }

  /** Size of the file. */
  get sizeBytes(): number {
    return this.endBytes;
  }

  /** Writes records that were made for this place. Throws when not all could be written; then lose() is to follow. */
  append(records: readonly Buffer[]): void {
    const recordBytes = records.reduce((sum, part) => sum + part.length, 0);
    refuseLongerThan(this.longestBytes, this.endBytes + recordBytes);
    const endBytes = this.endBytes + writeAt(this.fd, records, this.endBytes);
    // A file that was cut off later, even between two records, is known by this.
    writeAt(this.fd, [encodeWritten(endBytes, this.key)], WRITTEN_AT);
    this.endBytes = endBytes;
  }

  /** Says in the file that entries are missing from it. Never throws. */
  lose(): void {
    try {
      markIncomplete(this.fd);
      ftruncateSync(this.fd, this.endBytes);
    } catch {
      // The file could not even be marked. A later start takes what is in it for the whole truth up to its last entry.
    }
  }

  /** Whether it still is the file that the path names. */
  isAt(file: string): boolean {
    const named = statSync(file, { throwIfNoEntry: false });
    const open = fstatSync(this.fd);
    return named?.dev === open.dev && named.ino === open.ino;
  }

  /** Never throws: all that was written is with the kernel. */
  close(): void {
    try {
      closeSync(this.fd);
    } catch {
      // It is closed all the same.
    }
  }
}

/** A file that is there and is not written to any more lacks what is learnt from now on. Never throws. */
export function markOldIncomplete(file: string): void {
  try {
    const fd = openForWriting(file);
    try {
      markIncomplete(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // As in lose().
  }
}

/** Overwrites in place, which works on a full disk too. */
function markIncomplete(fd: number): void {
  writeAt(fd, [encodeFlags(INCOMPLETE)], FLAGS_AT);
}
