// Which statuses go to the journal, and when: each that says something else than the one before, at once as long as an
// object has few in ten seconds. A backend whose statuses are never the same twice does not fill the disk.
import type { SnapshotStatuses } from '../backends/snapshot-statuses.ts';
import type { KeptStatus, StatusObject } from '../backends/status-memory.ts';
import { type Clock, type Moment, momentOf, type Timer } from '../clock.ts';
import type { StatusEntry } from './journal-status-entry.ts';

const SPAN_MS = 10_000;
/** A container is created, runs and ends. */
const AT_ONCE = 3;

export interface JournalStatusesOptions {
  readonly clock: Clock;
  write(entry: StatusEntry): void;
}

export class JournalStatuses {
  private readonly options: JournalStatusesOptions;
  /** How many of an object were written in this span of time. */
  private readonly written = new Map<string, number>();
  /** Those that wait for the next one. */
  private readonly due = new Map<string, () => void>();
  private timer: Timer | undefined;

  constructor(options: JournalStatusesOptions) {
    this.options = options;
  }

  /** There is another status of an object: it, or one still newer, is written now or when its time comes. */
  expect(backend: string, statuses: SnapshotStatuses, object: StatusObject, id: string): void {
    const key = `${backend} ${object} ${id}`;
    const write = () => {
      const kept = statuses.kept(object, id) ?? nothing(momentOf(this.options.clock));
      this.options.write(entryOf(backend, object, id, kept));
    };
    const count = this.written.get(key) ?? 0;
    this.written.set(key, count + 1);
    if (count < AT_ONCE) write();
    else this.due.set(key, write);
    this.timer ??= this.options.clock.after(SPAN_MS, () => this.beginSpan());
  }

  /** Writes what waits for its time. */
  finish(): void {
    this.timer?.cancel();
    this.beginSpan();
  }

  private beginSpan(): void {
    this.timer = undefined;
    this.written.clear();
    for (const write of this.due.values()) write();
    this.due.clear();
  }
}

/** The entry of a status that goes to the journal now. */
export function entryOf(backend: string, object: StatusObject, id: string, kept: KeptStatus): StatusEntry {
  const { status, checksum, given } = kept;
  return { kind: 'status', backend, object, id, wallMs: given.wallMs, checksum, status };
}

/** What is written where nothing is kept any more. */
function nothing(seen: Moment): KeptStatus {
  return { status: Buffer.alloc(0), checksum: 0, given: seen, seen };
}
