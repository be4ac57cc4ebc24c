// Which lists and replies of the snapshots go to the journal, and when: they are long and come every second, so each is
// written at most every ten seconds unless it shows something that nothing on file does, and one that has not changed
// is only confirmed.
import { crc32 } from 'node:zlib';
import type { BackendSnapshot, KeptReply } from '../backends/snapshot.ts';
import type { SnapshotList } from '../backends/snapshot-change.ts';
import type { ListStart } from '../backends/snapshot-list.ts';
import type { Clock, Timer } from '../clock.ts';
import type { LedgerEntry } from './journal-entries.ts';

const INTERVAL_MS = 10_000;

type Rpc = SnapshotList | KeptReply;

interface Written {
  readonly atMs: number;
  readonly checksum: number;
  /** Set while a newer message waits for its time. */
  due: Timer | undefined;
}

export interface JournalMessagesOptions {
  readonly clock: Clock;
  readonly snapshots: ReadonlyMap<string, BackendSnapshot>;
  write(entry: LedgerEntry): void;
}

export class JournalMessages {
  private readonly options: JournalMessagesOptions;
  /** By backend, then by RPC: what was written last. */
  private readonly written = new Map<string, Map<Rpc, Written>>();

  constructor(options: JournalMessagesOptions) {
    this.options = options;
  }

  /**
   * There is a newer message: it, or one still newer, is written when its time comes; the first at once, and any that
   * `isUrgent`.
   */
  expect(backend: string, rpc: Rpc, isUrgent: boolean): void {
    const last = this.written.get(backend)?.get(rpc);
    if (last === undefined || isUrgent) {
      this.write(backend, rpc);
      return;
    }
    if (last.due !== undefined) return;
    const { clock } = this.options;
    const waitMs = Math.max(0, last.atMs + INTERVAL_MS - clock.now());
    last.due = clock.after(waitMs, () => this.write(backend, rpc));
  }

  /** The entry of a message that goes to the journal now. */
  entryOf(backend: string, rpc: Rpc, message: Buffer, start: ListStart): LedgerEntry {
    const { clock } = this.options;
    let ofBackend = this.written.get(backend);
    if (ofBackend === undefined) {
      ofBackend = new Map();
      this.written.set(backend, ofBackend);
    }
    const last = ofBackend.get(rpc);
    ofBackend.set(rpc, { atMs: clock.now(), checksum: crc32(message), due: last?.due });
    return { kind: 'message', backend, rpc, seq: start.seq, wallMs: this.wallMs(start), message };
  }

  /** Writes what waits for its time. */
  finish(): void {
    for (const [backend, ofBackend] of this.written) {
      for (const [rpc, { due }] of ofBackend) if (due !== undefined) this.write(backend, rpc);
    }
  }

  private write(backend: string, rpc: Rpc): void {
    const { clock, snapshots, write } = this.options;
    const last = this.written.get(backend)?.get(rpc);
    last?.due?.cancel();
    if (last !== undefined) last.due = undefined;
    const found = snapshots.get(backend)?.messageOf(rpc);
    if (found === undefined) return;
    const { message, start } = found;
    const checksum = crc32(message);
    if (last?.checksum !== checksum) {
      write(this.entryOf(backend, rpc, message, start));
      return;
    }
    this.written.get(backend)?.set(rpc, { atMs: clock.now(), checksum, due: undefined });
    write({ kind: 'confirmed', backend, rpc, seq: start.seq, wallMs: this.wallMs(start), checksum });
  }

  private wallMs(start: ListStart): number {
    const { clock } = this.options;
    return Math.round(clock.wallMs() - (clock.now() - start.atMs));
  }
}
