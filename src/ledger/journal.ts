// An append-only file that outlives a kill of Switchyard. What was handed to the kernel survives, so there is no fsync:
// a power cut would also end every container the entries speak of. Trouble with the disk never reaches a call.
import { closeSync, ftruncateSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../clock.ts';
import { makeDirectory } from '../made-directory.ts';
import { Repeater } from '../repeater.ts';
import { copyLive, discardCopy, type JournalCopy } from './journal-copy.ts';
import {
  isFileAt,
  type JournalReading,
  markIncomplete,
  moveAside,
  openFile,
  readJournal,
  textOf,
  writeAt,
} from './journal-file.ts';
import { encodeHeader, type NewEntry } from './journal-format.ts';
import { JournalQueue } from './journal-queue.ts';

export interface JournalOptions {
  readonly file: string;
  /** Of the entries' meaning; a file of another version is moved aside. */
  readonly version: number;
  readonly clock: Clock;
  /** The file is not made smaller below this size. Default 4 MiB. */
  readonly smallBytes?: number;
  /** Makes sure that the directory is this process's alone, also when it was made anew; rejects when another has it. */
  readonly claim?: () => Promise<void>;
  /** The disk fails; told once until it works again. Calls are not affected. */
  onTrouble(reason: string): void;
  /** The disk works again, and the file holds everything. */
  onRecovered(): void;
}

const SMALL_BYTES = 4 * 1024 * 1024;
/** While the disk fails, it is tried again this often; while it works, it is looked whether file and lock are there. */
const RETRY_MS = 5_000;

export class Journal {
  private readonly options: JournalOptions;
  private fd: number | undefined;
  private sizeBytes = 0;
  private compactAboveBytes: number;
  private readonly queue = new JournalQueue();
  private isFlushDue = false;
  private live: (() => Iterable<NewEntry>) | undefined;
  private compaction: Promise<void> | undefined;
  /** While a new file is written: what was appended meanwhile and must follow in it. */
  private tail: Buffer[] | undefined;
  /** Entries are being lost: nothing more is appended until a new file holds everything. */
  private isGappy: boolean;
  /** Why there is a file that must not be written over; undefined when there is none. */
  private obstacle: string | undefined;
  private reason: string | undefined;
  private retry: Timer | undefined;
  private look: Repeater | undefined;
  private isClosed = false;

  private constructor(options: JournalOptions, reading: JournalReading) {
    this.options = options;
    this.compactAboveBytes = options.smallBytes ?? SMALL_BYTES;
    this.sizeBytes = reading.endBytes;
    this.isGappy = !reading.isComplete;
    this.obstacle = reading.isInTheWay ? reading.remarks.join('; ') : undefined;
  }

  /** Reads the file of an earlier run. Nothing is written before attach, so that a start that fails changes nothing. */
  static async open(options: JournalOptions): Promise<{ journal: Journal; reading: JournalReading }> {
    const reading = await readJournal(options.file, options.version, options.clock.wallMs());
    return { journal: new Journal(options, reading), reading };
  }

  /** Why entries cannot be kept at present; undefined when all is well. */
  get trouble(): string | undefined {
    return this.reason;
  }

  /** Size of the file. */
  get fileBytes(): number {
    return this.sizeBytes;
  }

  /**
   * From now on entries are written, behind those that were read, and the file is compacted when it has grown: `live`
   * gives entries that add up to the present state. It is read over several turns of the event loop, and what is appended
   * meanwhile follows behind; so entries must be such that an older state followed by all changes since gives the
   * present one, even where it shows some of them already. Never throws: without a usable disk it only reports.
   */
  attach(live: () => Iterable<NewEntry>): void {
    this.live = live;
    try {
      this.begin();
    } catch (error) {
      this.fail(error);
    }
    this.flush();
    if (this.isGappy || this.sizeBytes > this.compactAboveBytes) void this.compact();
    this.look = new Repeater(this.options.clock, RETRY_MS, () => this.lookAtFile());
  }

  /** Queues an entry. All of one turn of the event loop are written together, in order. The payload may not change after. */
  append(entry: NewEntry): void {
    if (this.isClosed) return;
    this.queue.push(entry);
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    setImmediate(() => this.flush());
  }

  /** Hands everything queued to the kernel now. For what must be on record before a reply leaves. Never throws. */
  flush(): void {
    this.isFlushDue = false;
    if (!this.queue.isEmpty && this.live !== undefined) this.queue.drain((parts) => this.write(parts));
  }

  private write(parts: readonly Buffer[]): void {
    if (this.tail !== undefined) this.tail.push(Buffer.concat(parts));
    if (this.fd === undefined || this.isGappy) return;
    try {
      this.sizeBytes += writeAt(this.fd, parts, this.sizeBytes);
    } catch (error) {
      this.loseEntries(this.fd);
      this.fail(error);
      return;
    }
    if (this.sizeBytes > this.compactAboveBytes) void this.compact();
  }

  /** Writes a new file from the live entries and puts it in the old one's place. Never rejects; failure is reported. */
  compact(): Promise<void> {
    const { live } = this;
    if (live === undefined || this.isClosed) return Promise.resolve();
    this.compaction ??= this.rewrite(live).finally(() => {
      this.compaction = undefined;
    });
    return this.compaction;
  }

  /** Writes what is queued and closes the file. */
  async close(): Promise<void> {
    this.flush();
    this.isClosed = true;
    this.retry?.cancel();
    this.look?.stop();
    await this.compaction;
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private begin(): void {
    const { file, version } = this.options;
    if (this.obstacle !== undefined) throw new Error(this.obstacle);
    makeDirectory(path.dirname(file));
    // What a compaction left that did not come to its end; the file itself holds the same.
    rmSync(`${file}.new`, { force: true });
    const fd = openFile(file);
    try {
      ftruncateSync(fd, this.sizeBytes);
      if (this.sizeBytes === 0) this.sizeBytes = writeAt(fd, [encodeHeader(version)], 0);
      if (this.isGappy) markIncomplete(fd);
      this.fd = fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private async rewrite(live: () => Iterable<NewEntry>): Promise<void> {
    const { file, version } = this.options;
    const newFile = `${file}.new`;
    let copy: JournalCopy | undefined;
    this.retry?.cancel();
    this.tail = [];
    try {
      // What changes in this turn may not be in the live entries yet.
      await nextTurn();
      await this.options.claim?.();
      makeDirectory(path.dirname(file));
      copy = await copyLive(newFile, version, live(), () => this.isClosed);
      const { fd, sizeBytes: liveBytes } = copy;
      const sizeBytes = liveBytes + writeAt(fd, this.tail, liveBytes);
      this.moveOldAside();
      renameSync(newFile, file);
      if (this.fd !== undefined) closeSync(this.fd);
      this.fd = fd;
      this.sizeBytes = sizeBytes;
      this.compactAboveBytes = Math.max(this.options.smallBytes ?? SMALL_BYTES, 2 * liveBytes);
      this.tail = undefined;
      this.recover();
    } catch (error) {
      this.tail = undefined;
      if (copy !== undefined) discardCopy(copy.fd, newFile);
      if (!this.isClosed) this.fail(error);
    }
  }

  /** Removed or replaced, the file takes what is written and nobody will ever read it. Then all goes into a new one. */
  private async lookAtFile(): Promise<void> {
    const { file, claim } = this.options;
    if (this.reason !== undefined || this.compaction !== undefined || this.fd === undefined) return;
    try {
      if (!isFileAt(this.fd, file)) throw new Error('it was removed or replaced while Switchyard ran');
      await claim?.();
    } catch (error) {
      if (this.isClosed) return;
      this.isGappy = true;
      this.fail(error);
      await this.compact();
    }
  }

  /** A file that could not be read at the start is not written over. */
  private moveOldAside(): void {
    if (this.obstacle === undefined) return;
    moveAside(this.options.file, this.options.clock.wallMs());
    this.obstacle = undefined;
  }

  private loseEntries(fd: number): void {
    this.isGappy = true;
    try {
      markIncomplete(fd);
      ftruncateSync(fd, this.sizeBytes);
    } catch {
      // The file could not even be marked. A later start takes what is in it for the whole truth up to its last entry.
    }
  }

  private fail(error: unknown): void {
    const { file, clock, onTrouble } = this.options;
    this.compactAboveBytes = Math.max(this.compactAboveBytes, 2 * this.sizeBytes);
    this.retry?.cancel();
    this.retry = clock.after(RETRY_MS, () => void this.compact());
    if (this.reason !== undefined) return;
    this.reason = `the journal ${file} cannot be written: ${textOf(error)}`;
    onTrouble(this.reason);
  }

  private recover(): void {
    this.isGappy = false;
    this.retry?.cancel();
    if (this.reason === undefined) return;
    this.reason = undefined;
    this.options.onRecovered();
  }
}
