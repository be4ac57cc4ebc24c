// An append-only file that outlives a kill of Switchyard. What was handed to the kernel survives, so there is no fsync:
// a power cut would also end every container the entries speak of. Trouble with the disk never reaches a call.
import type { Stats } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Timer } from '../clock.ts';
import { makeDirectory } from '../made-directory.ts';
import { Repeater } from '../repeater.ts';
import { JournalCopy } from './journal-copy.ts';
import { textOf } from './journal-file.ts';
import type { NewEntry } from './journal-format.ts';
import type { JournalOptions } from './journal-options.ts';
import { clearPlace, leaveMark, makeRoom } from './journal-place.ts';
import { JournalQueue } from './journal-queue.ts';
import { type JournalReading, readJournal } from './journal-reading.ts';
import { sizeToCompactAt } from './journal-size.ts';
import { JournalWriter, markOldIncomplete } from './journal-writer.ts';

const SMALL_BYTES = 4 * 1024 * 1024;
/** While the disk fails, it is tried again this often; while it works, it is looked whether file and lock are there. */
const RETRY_MS = 5_000;

export class Journal {
  private readonly options: JournalOptions;
  private writer: JournalWriter | undefined;
  /** Where the file that was read goes on; undefined when a new one must be begun. */
  private end: JournalReading['end'];
  private readonly hasOldEntries: boolean;
  private compactAboveBytes: number;
  private readonly queue = new JournalQueue();
  private isFlushDue = false;
  private live: (() => Iterable<NewEntry>) | undefined;
  private compaction: Promise<void> | undefined;
  /** While a new file is written: what was appended meanwhile and must follow in it. */
  private tail: Buffer[] | undefined;
  /** Entries are being lost: nothing more is appended until a new file holds everything. */
  private isGappy = false;
  /** Why there is a file that must not be written over; undefined when there is none. */
  private obstacle: string | undefined;
  private reason: string | undefined;
  private retry: Timer | undefined;
  private look: Repeater | undefined;
  private isClosed = false;

  private constructor(options: JournalOptions, reading: JournalReading) {
    this.options = options;
    this.compactAboveBytes = options.smallBytes ?? SMALL_BYTES;
    this.end = reading.end;
    this.hasOldEntries = reading.entries.length > 0;
    if (reading.end !== undefined) this.queue.startAt(reading.end.key, reading.end.sizeBytes);
    this.obstacle = reading.isInTheWay ? reading.remarks.join('; ') : undefined;
  }

  /** Reads the file of an earlier run. Nothing is written before attach, so that a start that fails changes nothing. */
  static open(options: JournalOptions): { journal: Journal; reading: JournalReading } {
    const reading = readJournal(options.file, options.clock.wallMs());
    return { journal: new Journal(options, reading), reading };
  }

  /** Why entries cannot be kept at present; undefined when all is well. */
  get trouble(): string | undefined {
    return this.reason;
  }

  /** Size of the file. */
  get fileBytes(): number {
    return this.writer?.sizeBytes ?? this.end?.sizeBytes ?? 0;
  }

  /** Nothing is added to the file that was read: attach begins a new one. */
  beginAnew(): void {
    this.end = undefined;
  }

  /**
   * From now on entries are written, behind those that were read or in a new file, which is compacted when it has grown.
   * `live` gives entries that add up to the present state. It is read over several turns of the event loop, and what is
   * appended meanwhile follows behind; so an older state followed by all changes since must give the present one, even
   * where it shows some of them already. Never throws: without a usable disk it only reports.
   */
  attach(live: () => Iterable<NewEntry>): void {
    this.live = live;
    try {
      this.begin(live);
    } catch (error) {
      this.isGappy = true;
      this.fail(error);
    }
    this.flush();
    if (this.fileBytes > this.compactAboveBytes) void this.compact();
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
    const { writer } = this;
    if (writer === undefined || this.isGappy) return;
    try {
      writer.append(parts);
    } catch (error) {
      this.isGappy = true;
      writer.lose();
      this.fail(error);
      return;
    }
    if (writer.sizeBytes > this.compactAboveBytes) void this.compact();
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
    this.writer?.close();
    this.writer = undefined;
  }

  private begin(live: () => Iterable<NewEntry>): void {
    const { file, clock } = this.options;
    if (this.obstacle !== undefined) throw new Error(this.obstacle);
    makeDirectory(path.dirname(file));
    // What a compaction left that did not come to its end; the file itself holds the same.
    clearPlace(`${file}.new`, clock.wallMs());
    if (this.end === undefined) this.beginNew(live);
    else this.writer = JournalWriter.resume(file, this.end);
    leaveMark(file);
  }

  /** At once: nothing may be added to the old file, and what is learnt from now on must be on record. */
  private beginNew(live: () => Iterable<NewEntry>): void {
    const { file, clock } = this.options;
    let copy: JournalCopy | undefined;
    try {
      copy = new JournalCopy(`${file}.new`, clock.wallMs());
      copy.writeNow(live());
      const waiting: Buffer[] = [];
      this.queue.drain((parts) => waiting.push(Buffer.concat(parts)));
      this.takeOver(copy, waiting);
    } catch (error) {
      copy?.discard();
      if (this.hasOldEntries) markOldIncomplete(file);
      throw error;
    }
  }

  private async rewrite(live: () => Iterable<NewEntry>): Promise<void> {
    const { file, clock } = this.options;
    let copy: JournalCopy | undefined;
    this.retry?.cancel();
    this.tail = [];
    try {
      // What changes in this turn may not be in the live entries yet.
      await nextTurn();
      await this.options.claim?.();
      makeDirectory(path.dirname(file));
      copy = new JournalCopy(`${file}.new`, clock.wallMs());
      await copy.writeSlowly(live(), () => this.isClosed);
      // So that nothing waits that was made for the old file.
      this.flush();
      this.takeOver(copy, this.tail);
      this.recover();
    } catch (error) {
      copy?.discard();
      if (!this.isClosed) this.fail(error);
    } finally {
      this.tail = undefined;
    }
  }

  /** The new file takes the place of the old one. `waiting`: records that were made for the old one and follow. */
  private takeOver(copy: JournalCopy, waiting: readonly Buffer[]): void {
    const { file, clock, smallBytes = SMALL_BYTES, onRemark } = this.options;
    const liveBytes = copy.sizeBytes;
    const old = this.writer;
    const isOurs = (found: Stats) => this.obstacle === undefined && (old === undefined || old.isThis(found));
    this.writer = copy.takePlace(file, Buffer.concat(waiting), () => {
      for (const remark of makeRoom(file, clock.wallMs(), isOurs)) onRemark(remark);
      this.obstacle = undefined;
    });
    leaveMark(file);
    this.queue.startAt(this.writer.key, this.writer.sizeBytes);
    this.compactAboveBytes = sizeToCompactAt(liveBytes, smallBytes);
    old?.close();
  }

  /** Removed or replaced, the file takes what is written and nobody will ever read it. Then all goes into a new one. */
  private async lookAtFile(): Promise<void> {
    const { options, writer } = this;
    if (writer === undefined || this.reason !== undefined || this.compaction !== undefined) return;
    try {
      writer.check(options.file);
      await options.claim?.();
    } catch (error) {
      if (this.isClosed) return;
      this.isGappy = true;
      this.fail(error);
      await this.compact();
    }
  }

  private fail(error: unknown): void {
    const { file, clock, onTrouble } = this.options;
    this.compactAboveBytes = Math.max(this.compactAboveBytes, 2 * this.fileBytes);
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
