// Ledger, snapshots and pins on disk: writes down what they learn as they learn it, and gives it back after a restart,
// also after a kill. Ids and changes are written at once; lists, which are long and replaced every second, seldom.
import { readFile } from 'node:fs/promises';
import type { BackendSnapshot, KeptReply } from '../backends/snapshot.ts';
import type { SnapshotList } from '../backends/snapshot-change.ts';
import { Journal } from './journal.ts';
import { encodeEntry, type LedgerEntry, type NoteName } from './journal-entries.ts';
import type { NewEntry } from './journal-format.ts';
import { JournalMessages } from './journal-messages.ts';
import type { JournalOptions } from './journal-options.ts';
import { replayJournal } from './journal-replay.ts';
import { entryOf, JournalStatuses } from './journal-statuses.ts';
import type { ObjectKind } from './ledger.ts';
import type { RecordedState } from './recorded-state.ts';

/** What the ledger holds, for a new file. */
export interface LedgerContent {
  objects(object: ObjectKind): Iterable<{
    readonly id: string;
    readonly backend: { readonly name: string };
    readonly parent: string;
  }>;
}

export interface LedgerJournalOptions extends JournalOptions {
  /** Name to socket of all backends of the config. */
  readonly sockets: ReadonlyMap<string, string>;
  /** By name, the snapshots of these backends: they take over what is on record, and are written down from then on. */
  readonly snapshots: ReadonlyMap<string, BackendSnapshot>;
  /** See readBootId. */
  readonly bootId: string;
}

/** What an earlier run knew, beside the snapshots. */
export type KnownState = Omit<RecordedState, 'snapshots' | 'origin' | 'isOfAnotherBoot' | 'isUnderstood'>;

export class LedgerJournal {
  private readonly options: LedgerJournalOptions;
  private readonly journal: Journal;
  private readonly pins: Map<string, string>;
  private readonly notes: Map<NoteName, Buffer>;
  private readonly messages: JournalMessages;
  private readonly statuses: JournalStatuses;
  /** Id to backend of objects that are on record by their id alone: the next list that may show them is written at once. */
  private readonly unlisted: Readonly<Record<ObjectKind, Map<string, string>>> = {
    sandbox: new Map(),
    container: new Map(),
  };

  private constructor(options: LedgerJournalOptions, journal: Journal, state: RecordedState) {
    this.options = options;
    this.journal = journal;
    this.pins = new Map(state.pins);
    this.notes = new Map(state.notes);
    const { snapshots } = options;
    this.messages = new JournalMessages({
      clock: options.clock,
      snapshots,
      write: (entry) => this.write(entry),
    });
    this.statuses = new JournalStatuses({ clock: options.clock, write: (entry) => this.write(entry) });
  }

  /** Reads what an earlier run knew; nothing is written before attach. Never throws. */
  static open(options: LedgerJournalOptions): { ledgerJournal: LedgerJournal; state: KnownState } {
    const { clock, sockets, bootId } = options;
    const { journal, reading } = Journal.open(options);
    const { entries, lacks } = reading;
    const now = { nowMs: clock.now(), wallMs: clock.wallMs() };
    const state = replayJournal(entries, { sockets, bootId, lacks, ...now });
    const ledgerJournal = new LedgerJournal(options, journal, state);
    const { origin, isOfAnotherBoot, isUnderstood } = state;
    for (const [name, snapshot] of options.snapshots) {
      const known = state.snapshots.get(name);
      if (known !== undefined) snapshot.adopt(known);
      ledgerJournal.watch(name, snapshot);
      // The machine was started anew: everything is still there, and nothing runs.
      if (isOfAnotherBoot) snapshot.change({ kind: 'end-all' });
    }
    // A file has one origin, its first entry: so what is read of a damaged one is never taken for that of another socket.
    // And what was not understood, and so is not kept up to date, is not to be found by a Switchyard that understands it.
    const isSameOrigin = origin !== undefined && !isOfAnotherBoot && isSame(origin.sockets, sockets);
    if (!isSameOrigin || !isUnderstood) journal.beginAnew();
    return { ledgerJournal, state: { ...state, remarks: [...reading.remarks, ...state.remarks] } };
  }

  /** Why nothing can be written at present; undefined when all is well. */
  get trouble(): string | undefined {
    return this.journal.trouble;
  }

  /** Size of the file. */
  get fileBytes(): number {
    return this.journal.fileBytes;
  }

  /**
   * To be called once, when `ledger` and `checkpoints` (path and backend of each) hold what `state` gave: from now on
   * everything is written down, also what was learnt since open. Call it when it is certain that no other Switchyard uses the file: when the CRI socket is ours.
   */
  attach(ledger: LedgerContent, checkpoints: Iterable<readonly [string, string]> = []): void {
    this.journal.attach(() => this.content(ledger, checkpoints));
  }

  /** The ledger has a new object, or learnt the parent of one. */
  added(object: ObjectKind, id: string, backend: string, parent: string): void {
    this.unlisted[object].set(id, backend);
    this.write({ kind: 'added', object, id, backend, parent });
  }

  /** The ledger has forgotten an object; each container that goes with its sandbox is told too. */
  removed(object: ObjectKind, id: string): void {
    this.unlisted[object].delete(id);
    this.write({ kind: 'removed', object, id });
  }

  /** A pod is being placed on a backend; the answer may get lost. */
  pinned(uid: string, backend: string): void {
    this.pins.set(uid, backend);
    this.write({ kind: 'pinned', uid, backend });
  }

  /** It is known again where the pod is. */
  unpinned(uid: string): void {
    if (this.pins.delete(uid)) this.write({ kind: 'unpinned', uid });
  }

  /** These backends may have pods that nobody knows of: so it is until each was listed, also over a restart. */
  doubted(backends: readonly string[]): void {
    if (backends.length > 0 || this.notes.has('doubtful-backends'))
      this.note('doubtful-backends', Buffer.from(JSON.stringify(backends)));
  }

  /** A backend has written a checkpoint of a pod, or it is not known any more which. */
  checkpointed(path: string, backend: string | undefined): void {
    this.write({ kind: 'checkpoint', path, backend: backend ?? '' });
  }

  /** Keeps a value under its name, in place of the one before. */
  note(name: NoteName, value: Buffer): void {
    if (this.notes.get(name)?.equals(value)) return;
    this.notes.set(name, value);
    this.write({ kind: 'note', name, value });
  }

  /** Hands everything to the kernel now, so that a kill cannot undo it. Before a reply that reveals a new id. */
  flush(): void {
    this.journal.flush();
  }

  /** Writes the newest lists and statuses, and closes the file. */
  async close(): Promise<void> {
    this.messages.finish();
    this.statuses.finish();
    await this.journal.close();
  }

  private watch(backend: string, snapshot: BackendSnapshot): void {
    snapshot.watch({
      onChange: ({ seq, change }) => {
        if (change.kind === 'run-sandbox') this.unlisted.sandbox.delete(change.id);
        else if (change.kind === 'create-container') this.unlisted.container.delete(change.id);
        this.write({ kind: 'change', backend, seq, change });
      },
      onMessage: (rpc) => this.messages.expect(backend, rpc, this.showsUnlisted(backend, rpc)),
    });
    const { statuses } = snapshot;
    statuses.watch((object, id) => this.statuses.expect(backend, statuses, object, id));
  }

  /** Whether a new list may show objects of which only the id is on file: a restart could not list them. */
  private showsUnlisted(backend: string, rpc: SnapshotList | KeptReply): boolean {
    if (rpc !== 'ListPodSandbox' && rpc !== 'ListContainers') return false;
    const unlisted = this.unlisted[rpc === 'ListPodSandbox' ? 'sandbox' : 'container'];
    const ids = [...unlisted].filter(([, owner]) => owner === backend);
    for (const [id] of ids) unlisted.delete(id);
    return ids.length > 0;
  }

  private *content(
    ledger: LedgerContent,
    checkpoints: Iterable<readonly [string, string]>,
  ): Generator<NewEntry> {
    const { bootId, sockets } = this.options;
    yield encodeEntry({ kind: 'origin', bootId, sockets });
    for (const object of ['sandbox', 'container'] as const) {
      for (const { id, backend, parent } of ledger.objects(object)) {
        yield encodeEntry({ kind: 'added', object, id, backend: backend.name, parent });
      }
    }
    for (const [uid, backend] of this.pins) yield encodeEntry({ kind: 'pinned', uid, backend });
    for (const [name, value] of this.notes) yield encodeEntry({ kind: 'note', name, value });
    for (const [path, backend] of checkpoints) yield encodeEntry({ kind: 'checkpoint', path, backend });
    for (const [backend, snapshot] of this.options.snapshots) {
      for (const part of snapshot.parts()) {
        const entry: LedgerEntry =
          part.kind === 'change'
            ? { kind: 'change', backend, ...part.numbered }
            : this.messages.entryOf(backend, part.rpc, part.message, part.start);
        yield encodeEntry(entry);
      }
      for (const status of snapshot.statuses.entries()) yield encodeEntry(entryOf(backend, ...status));
    }
  }

  private write(entry: LedgerEntry): void {
    this.journal.append(encodeEntry(entry));
  }
}

/** The id of the machine's present boot; '' where the kernel does not tell it. */
export async function readBootId(): Promise<string> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return id.trim();
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, socket]) => b.get(name) === socket);
}
