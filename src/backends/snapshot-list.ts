// One list of a snapshot: the last complete reply as the backend sent it, and the changes that came after it began.
// Taking a new reply is the hot path and only keeps a reference; records are looked at when an answer is wanted.
import type { ListMethod } from '../cri/methods.ts';
import { MalformedMessageError } from '../errors.ts';
import { holdMemory, releaseMemory } from '../grpc/message-memory.ts';
import type { SnapshotChange } from './snapshot-change.ts';
import { SnapshotView } from './snapshot-view.ts';

/** When a list was asked for: after which of the snapshot's changes, and at which moment of the clock's now(). */
export interface ListStart {
  readonly seq: number;
  readonly atMs: number;
}

/** A change with its place in the order of all changes of a backend. */
export interface NumberedChange {
  readonly seq: number;
  readonly change: SnapshotChange;
}

/** A complete reply; it shows all changes up to `seq`, and may or may not show later ones. */
export interface ListBase extends ListStart {
  readonly message: Buffer;
}

/**
 * Changes kept for lists that are on their way. Beyond that the older half is worked into the base, and a list that
 * began before is not taken any more: memory stays bounded when nobody lists.
 */
const CHANGES_LIMIT = 4_096;

/** Removed sandboxes to remember. */
const REMOVED_LIMIT = 1_000;

export class ListSnapshot {
  private readonly method: ListMethod;
  private last: ListBase | undefined;
  /** Whether others may have the base's bytes or views on them: then its memory is not ours to release. */
  private isShared = false;
  /** Whether the base came in this life of Switchyard: of one before, only the wall clock says when. */
  private isOwn = false;
  /** Lists that began before this change are too old to be taken. */
  private floor = 0;
  private changes: NumberedChange[] = [];
  private readonly removedSandboxes = new Set<string>();
  private lostSeq: number | undefined;
  private view: SnapshotView | undefined;
  private joined: Buffer | undefined;

  constructor(method: ListMethod) {
    this.method = method;
  }

  /** When the last complete reply was asked for; undefined before the first. */
  get start(): ListStart | undefined {
    return this.last;
  }

  /** Whether the last complete reply came since Switchyard was started, so that its moment is one of the present clock. */
  get isOfThisLife(): boolean {
    return this.isOwn;
  }

  /**
   * The last complete reply, without later changes; undefined before the first. Who keeps the message holds its memory,
   * or calls keepBase before: the next list may else be put in it.
   */
  get base(): ListBase | undefined {
    return this.last;
  }

  /** The message of the base is not to be written to, for as long as anyone has it. */
  keepBase(): void {
    this.isShared = true;
  }

  /** The changes that the base may lack, in order. */
  get laterChanges(): readonly NumberedChange[] {
    return this.changes;
  }

  /** Number of the last change of unknown outcome that no list has cleared up since. */
  get lostAtSeq(): number | undefined {
    return this.lostSeq;
  }

  /** Takes a complete reply, by reference. False when it began before one that was taken earlier. */
  refresh(message: Buffer, start: ListStart): boolean {
    const isOlder = start.seq === this.last?.seq && start.atMs < this.last.atMs;
    if (isOlder || !this.restore(message, start)) return false;
    this.isOwn = true;
    return true;
  }

  /** As refresh, for a reply that was written down later than those taken before; its moment may come from another clock. */
  restore(message: Buffer, start: ListStart): boolean {
    if (start.seq < this.floor) return false;
    holdMemory(message);
    this.setBase({ message, ...start });
    this.isOwn = false;
    this.floor = start.seq;
    if ((this.changes[0]?.seq ?? Number.POSITIVE_INFINITY) <= start.seq) {
      this.changes = this.changes.filter(({ seq }) => seq > start.seq);
    }
    if (this.lostSeq !== undefined && this.lostSeq <= start.seq) this.lostSeq = undefined;
    this.view = undefined;
    this.joined = undefined;
    return true;
  }

  /** Adds a change of this list; changes come in the order of their numbers. */
  add(numbered: NumberedChange): void {
    const { seq, change } = numbered;
    if (seq <= this.floor) return;
    if (change.kind === 'lose') {
      this.lostSeq = seq;
      return;
    }
    // A call that creates a container may be answered after the one that removed its sandbox.
    if (change.kind === 'create-container' && this.removedSandboxes.has(change.sandboxId)) return;
    if (change.kind === 'remove-sandbox') this.rememberRemoved(change.id);
    this.changes.push(numbered);
    this.view?.apply(change);
    this.joined = undefined;
    if (this.changes.length > CHANGES_LIMIT) this.foldOlderHalf();
  }

  /** Forgets the base: what it says cannot be believed. */
  drop(): void {
    this.setBase(undefined);
    this.view = undefined;
    this.joined = undefined;
  }

  /** All records, changes applied, as a list reply; undefined when there is no complete reply. */
  whole(): Buffer | undefined {
    if (this.last === undefined) return undefined;
    if (this.changes.length === 0) {
      this.isShared = true;
      return this.last.message;
    }
    this.joined ??= this.records()?.join();
    return this.joined;
  }

  /** The records by id, changes applied; undefined when there is no complete reply. */
  records(): SnapshotView | undefined {
    if (this.view === undefined) this.view = this.cut(this.changes);
    return this.view;
  }

  /** The base with these changes. A base that does not parse is none. */
  private cut(changes: readonly NumberedChange[]): SnapshotView | undefined {
    if (this.last === undefined) return undefined;
    this.isShared = true;
    try {
      const view = new SnapshotView(this.method, this.last.message);
      for (const { change } of changes) view.apply(change);
      return view;
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      this.drop();
      return undefined;
    }
  }

  private rememberRemoved(sandboxId: string): void {
    const { removedSandboxes } = this;
    removedSandboxes.add(sandboxId);
    for (const oldest of removedSandboxes) {
      if (removedSandboxes.size <= REMOVED_LIMIT) return;
      removedSandboxes.delete(oldest);
    }
  }

  private foldOlderHalf(): void {
    const older = this.changes.splice(0, this.changes.length / 2);
    this.floor = older.at(-1)?.seq ?? this.floor;
    const message = this.cut(older)?.join();
    if (this.last !== undefined && message !== undefined) {
      this.setBase({ message, seq: this.floor, atMs: this.last.atMs });
    }
  }

  /** Lists come every second: as long as nobody asks for one, its memory serves the next but one. */
  private setBase(base: ListBase | undefined): void {
    if (this.last !== undefined && !this.isShared) releaseMemory(this.last.message);
    this.last = base;
    this.isShared = false;
  }
}
