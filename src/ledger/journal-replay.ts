// The journal of an earlier run, played again: what the ledger and the snapshots held when it ended, as plain values.
// Whatever is doubtful is left out or marked, because a list from here must not be shorter than the truth.
import { crc32 } from 'node:zlib';
import { BackendSnapshot } from '../backends/snapshot.ts';
import { SNAPSHOT_LISTS } from '../backends/snapshot-change.ts';
import type { ListStart } from '../backends/snapshot-list.ts';
import { decodeEntry, type LedgerEntry, type NoteName } from './journal-entries.ts';
import type { JournalEntry } from './journal-format.ts';
import type { JournalRecords } from './journal-records.ts';
import { replayRemarks } from './journal-remarks.ts';
import type { ObjectKind } from './ledger.ts';
import { REMEMBERED_IDS } from './locate.ts';
import type { Origin, RecordedDeparture, RecordedObject, RecordedState } from './recorded-state.ts';

export interface ReplayOptions {
  /** Name to socket of the backends in the config; entries of others are left out. */
  readonly sockets: ReadonlyMap<string, string>;
  /** Of the machine; '' when not known. */
  readonly bootId: string;
  /** Which entries are missing. */
  readonly lacks: JournalRecords['lacks'];
  /** The clock's now(), and the same moment as milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly wallMs: number;
}

/** Plays entries in order. Never throws: an entry that cannot be read is left out and mentioned. */
export function replayJournal(entries: readonly JournalEntry[], options: ReplayOptions): RecordedState {
  const replay = new Replay(options);
  for (const entry of entries) replay.play(entry);
  return replay.finish();
}

class Replay {
  private readonly options: ReplayOptions;
  private readonly objects = {
    sandbox: new Map<string, RecordedObject>(),
    container: new Map<string, RecordedObject>(),
  };
  private readonly gone = new Map<string, RecordedDeparture>();
  private readonly snapshots = new Map<string, BackendSnapshot>();
  private readonly pins = new Map<string, string>();
  private readonly notes = new Map<NoteName, Buffer>();
  private readonly checkpoints = new Map<string, string>();
  private origin: Origin | undefined;
  private readonly leftOut = new Map<string, number>();
  /** Entries of a kind that is not known, and those that may have changed what others say. */
  private unknown = 0;
  private unread = 0;

  constructor(options: ReplayOptions) {
    this.options = options;
  }

  play(raw: JournalEntry): void {
    let entry: LedgerEntry | undefined;
    try {
      entry = decodeEntry(raw);
    } catch {
      // It passed its checksum, so another Switchyard wrote it in a way of its own, and it may be about anything.
      this.unread++;
      return;
    }
    if (entry === undefined) this.unknown++;
    else this.apply(entry);
  }

  finish(): RecordedState {
    const { sockets } = this.options;
    const isOfAnotherBoot = this.isOfAnotherBoot();
    const isTrusted = this.isTrusted(isOfAnotherBoot);
    // Whose ids these are is not known: a backend of that name may have had another socket then.
    const isOriginLost = !isTrusted && this.origin === undefined;
    // What an earlier start left out was mentioned then.
    this.leftOut.clear();
    this.keepOnly(isOriginLost ? new Map() : sockets);
    for (const name of sockets.keys()) {
      const snapshot = this.snapshotOf(name);
      if (!isTrusted) for (const list of SNAPSHOT_LISTS) snapshot.drop(list);
      this.reconcile(name, snapshot, 'sandbox');
      this.reconcile(name, snapshot, 'container');
      for (const [kind, id] of snapshot.statuses.entries()) {
        if (!isTrusted || this.objects[kind].get(id)?.backend !== name) snapshot.statuses.forget(kind, id);
      }
      // Calls may have been on their way when the run ended.
      snapshot.change({ kind: 'lose', list: 'ListPodSandbox' }, { kind: 'lose', list: 'ListContainers' });
    }
    return {
      sandboxes: this.objects.sandbox,
      containers: this.objects.container,
      gone: isTrusted ? [...this.gone.values()] : [],
      snapshots: this.snapshots,
      pins: this.pins,
      notes: this.notes,
      doubtful: isTrusted ? this.doubtfulBefore() : [...sockets.keys()],
      checkpoints: this.checkpoints,
      origin: this.origin,
      isOfAnotherBoot,
      isUnderstood: this.unknown + this.unread === 0,
      remarks: replayRemarks({
        leftOut: this.leftOut,
        sockets,
        unknown: this.unknown,
        unread: this.unread,
        isTrusted,
      }),
    };
  }

  /** What an earlier start on a damaged file left in doubt. */
  private doubtfulBefore(): string[] {
    const note = this.notes.get('doubtful-backends')?.toString() ?? '[]';
    return [...this.options.sockets.keys()].filter((name) => note.includes(JSON.stringify(name)));
  }

  private isOfAnotherBoot(): boolean {
    const { bootId } = this.options;
    const { bootId: then = '' } = this.origin ?? {};
    return then !== '' && bootId !== '' && then !== bootId;
  }

  /**
   * Whether lists can be complete. Entries that are missing may be anything: the ids of pods, removals, changes. Only a
   * power cut takes the last ones alone, and it has ended every container they could be about.
   */
  private isTrusted(isOfAnotherBoot: boolean): boolean {
    const { lacks } = this.options;
    return this.unread === 0 && (lacks === 'nothing' || (lacks === 'end' && isOfAnotherBoot));
  }

  private apply(entry: LedgerEntry): void {
    switch (entry.kind) {
      case 'origin':
        if (this.origin !== undefined) this.keepOnly(entry.sockets);
        this.origin = entry;
        return;
      case 'added':
        this.objects[entry.object].set(entry.id, { backend: entry.backend, parent: entry.parent });
        this.gone.delete(`${entry.object} ${entry.id}`);
        return;
      case 'removed':
        this.remove(entry.object, entry.id);
        for (const { statuses } of this.snapshots.values()) statuses.forget(entry.object, entry.id);
        return;
      case 'message':
        this.snapshotOf(entry.backend).restoreMessage(entry.rpc, entry.message, this.startOf(entry));
        return;
      case 'confirmed': {
        const snapshot = this.snapshotOf(entry.backend);
        const message = snapshot.messageOf(entry.rpc)?.message;
        // Another message came in between, or many changes were worked into it: then it stays as old as it is.
        if (message === undefined || crc32(message) !== entry.checksum) return;
        snapshot.restoreMessage(entry.rpc, message, this.startOf(entry));
        return;
      }
      case 'change':
        this.snapshotOf(entry.backend).restoreChange({ seq: entry.seq, change: entry.change });
        return;
      case 'pinned':
        this.pins.set(entry.uid, entry.backend);
        return;
      case 'unpinned':
        this.pins.delete(entry.uid);
        return;
      case 'note':
        this.notes.set(entry.name, entry.value);
        return;
      case 'checkpoint':
        this.checkpoints.delete(entry.path);
        if (entry.backend !== '') this.checkpoints.set(entry.path, entry.backend);
        return;
      case 'status': {
        const { backend, object, id, status, checksum, wallMs } = entry;
        const seen = { atMs: this.startOf({ seq: 0, wallMs }).atMs, wallMs };
        this.snapshotOf(backend).statuses.restore(object, id, { status, checksum, given: seen, seen });
        return;
      }
      default:
        entry satisfies never;
    }
  }

  private remove(object: ObjectKind, id: string): void {
    const { gone } = this;
    const known = this.objects[object].get(id);
    if (known === undefined) return;
    this.objects[object].delete(id);
    gone.set(`${object} ${id}`, { object, id, backend: known.backend });
    if (gone.size > REMEMBERED_IDS) gone.delete(gone.keys().next().value ?? '');
  }

  /** When a message was asked for, on the present clock. A wall clock that was set back must not make it younger than now. */
  private startOf({ seq, wallMs }: { readonly seq: number; readonly wallMs: number }): ListStart {
    return { seq, atMs: this.options.nowMs - Math.max(0, this.options.wallMs - wallMs) };
  }

  /** Leaves out what belongs to a backend that is not among these, or has another socket now: it may be another runtime. */
  private keepOnly(sockets: ReadonlyMap<string, string>): void {
    const isKept = (name: string) =>
      sockets.has(name) && (this.origin === undefined || this.origin.sockets.get(name) === sockets.get(name));
    for (const objects of [this.objects.sandbox, this.objects.container]) {
      for (const [id, { backend }] of objects) {
        if (isKept(backend)) continue;
        objects.delete(id);
        this.leftOut.set(backend, (this.leftOut.get(backend) ?? 0) + 1);
      }
    }
    for (const [key, { backend }] of this.gone) if (!isKept(backend)) this.gone.delete(key);
    for (const places of [this.pins, this.checkpoints])
      for (const [key, backend] of places) if (!isKept(backend)) places.delete(key);
    for (const name of this.snapshots.keys()) if (!isKept(name)) this.snapshots.delete(name);
  }

  /**
   * Lists are written down seldom, ids at once. A list that shows what was removed since loses it; one that lacks what
   * was found since cannot be made whole, so it is dropped.
   */
  private reconcile(name: string, snapshot: BackendSnapshot, object: ObjectKind): void {
    const list = object === 'sandbox' ? 'ListPodSandbox' : 'ListContainers';
    const listed = new Set(snapshot.idsOf(list));
    for (const id of listed) {
      if (this.objects[object].get(id)?.backend !== name) snapshot.change({ kind: `remove-${object}`, id });
    }
    for (const [id, { backend }] of this.objects[object]) {
      if (backend !== name || listed.has(id)) continue;
      snapshot.drop(list);
      return;
    }
  }

  private snapshotOf(name: string): BackendSnapshot {
    let snapshot = this.snapshots.get(name);
    if (snapshot === undefined) {
      snapshot = new BackendSnapshot();
      this.snapshots.set(name, snapshot);
    }
    return snapshot;
  }
}
