// The journal's file while it is written: records go behind each other, and the header says how far they are written.
import { closeSync, fstatSync, ftruncateSync, lstatSync, readSync, type Stats } from 'node:fs';
import { closeToOthers, openForWriting, unfitness, writeAt } from './journal-file.ts';
import {
  CHECKSUM_BYTES,
  encodeFlags,
  encodeHeader,
  encodeWritten,
  FLAGS_AT,
  HEADER_BYTES,
  INCOMPLETE,
  WRITTEN_AT,
} from './journal-format.ts';
import { longestFileBytes, refuseLongerThan } from './journal-size.ts';

export class JournalWriter {
  /** Of the records. */
  readonly key: number;
  private readonly fd: number;
  private readonly longestBytes = longestFileBytes();
  private endBytes: number;
  /** What stood at the end when the file was last looked at. */
  private end: { at: number; bytes: Buffer } | undefined;

  /** Takes over an open file that is written up to `endBytes`. */
  constructor(fd: number, key: number, endBytes: number) {
    this.fd = fd;
    this.key = key;
    this.endBytes = endBytes;
    this.end = this.readEnd();
  }

  /** Goes on where an earlier run ended. Throws when the file cannot be written. */
  static resume(file: string, { key, sizeBytes }: { key: number; sizeBytes: number }): JournalWriter {
    const fd = openForWriting(file);
    try {
      // A kill may have come between records and this.
      writeAt(fd, [encodeWritten(sizeBytes, key)], WRITTEN_AT);
      return new JournalWriter(fd, key, sizeBytes);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
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

  /** Whether this is the file that is being written. */
  isThis({ dev, ino }: Stats): boolean {
    const open = fstatSync(this.fd);
    return dev === open.dev && ino === open.ino;
  }

  /**
   * Throws when a start would not find under this path what was written, or not use it. A file that was cut off and then
   * written on is long enough again, but has zeros where something stood: so its header is read, and the end that it had
   * when this was last called.
   */
  check(file: string): void {
    const named = lstatSync(file, { throwIfNoEntry: false });
    const isThis = named !== undefined && this.isThis(named);
    if (isThis && named.isFile() && named.size !== this.endBytes) {
      throw new Error(`it has ${named.size} bytes, of which Switchyard has written ${this.endBytes}`);
    }
    const why = named && unfitness(named);
    if (why !== undefined) throw new Error(why);
    if (!isThis) throw new Error('it was removed or replaced while Switchyard ran');
    const { end } = this;
    const isHeaderSame = this.readAt(0, HEADER_BYTES).equals(encodeHeader(this.key, this.endBytes));
    if (!isHeaderSame || (end !== undefined && !this.readAt(end.at, end.bytes.length).equals(end.bytes))) {
      throw new Error('it was cut off or written over while Switchyard ran');
    }
    closeToOthers(this.fd);
    this.end = this.readEnd();
  }

  /** The last checksum of a record. */
  private readEnd(): { at: number; bytes: Buffer } | undefined {
    const at = this.endBytes - CHECKSUM_BYTES;
    return at < HEADER_BYTES ? undefined : { at, bytes: this.readAt(at, CHECKSUM_BYTES) };
  }

  private readAt(position: number, sizeBytes: number): Buffer {
    const bytes = Buffer.alloc(sizeBytes);
    readSync(this.fd, bytes, 0, sizeBytes, position);
    return bytes;
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
