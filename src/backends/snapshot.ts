// What a backend last said, to answer for it while it cannot: its complete lists, kept current by every change that
// passes through us, and its last Status and the like. Pure: no I/O, no clock; the handlers feed it.
import { imageFilterOf } from '../cri/image-filters.ts';
import { type ListMethod, methodNamed } from '../cri/methods.ts';
import { selectImages } from './image-selection.ts';
import { readListFilter, wholeId } from './list-filter.ts';
import { SNAPSHOT_LISTS, type SnapshotChange, type SnapshotList } from './snapshot-change.ts';
import { ListSnapshot, type ListStart, type NumberedChange } from './snapshot-list.ts';
import { SnapshotStatuses } from './snapshot-statuses.ts';
import type { StatusBudget } from './status-memory.ts';

/** Replies that are kept whole; of ListPodSandboxStats only whether it is there (proxy/pod-stats-support.ts). */
export type KeptReply =
  | 'Status'
  | 'RuntimeConfig'
  | 'ImageFsInfo'
  | 'Version'
  | 'ListMetricDescriptors'
  | 'ListPodSandboxStats';

/** A reply with the moment it came, on the clock's now(). */
export interface KeptMessage {
  readonly message: Buffer;
  readonly atMs: number;
}

/** Who writes down what a snapshot learns. Told after the snapshot has it. */
export interface SnapshotWatcher {
  onChange(numbered: NumberedChange): void;
  /** There is a newer list or reply of this name. */
  onMessage(rpc: SnapshotList | KeptReply): void;
}

/** All that a snapshot holds, for a journal. In any order it makes the same snapshot again. */
export type SnapshotPart =
  | {
      readonly kind: 'message';
      readonly rpc: SnapshotList | KeptReply;
      readonly message: Buffer;
      readonly start: ListStart;
    }
  | { readonly kind: 'change'; readonly numbered: NumberedChange };

export class BackendSnapshot {
  private readonly lists: Readonly<Record<SnapshotList, ListSnapshot>> = {
    ListPodSandbox: new ListSnapshot(methodNamed('ListPodSandbox') as ListMethod),
    ListContainers: new ListSnapshot(methodNamed('ListContainers') as ListMethod),
    ListImages: new ListSnapshot(methodNamed('ListImages') as ListMethod),
  };
  private readonly replies = new Map<KeptReply, KeptMessage>();
  /** The last status of each object in the lists. */
  readonly statuses: SnapshotStatuses;
  private watcher: SnapshotWatcher | undefined;
  private lastSeq = 0;

  constructor(budget?: StatusBudget) {
    const { ListPodSandbox: sandboxes, ListContainers: containers } = this.lists;
    const lists = { sandbox: sandboxes, container: containers };
    this.statuses = new SnapshotStatuses(lists, (change) => this.change(change), budget);
  }

  /** From now on every change and message is told to `watcher`. */
  watch(watcher: SnapshotWatcher): void {
    this.watcher = watcher;
  }

  /** Call it before a full list is asked for; refresh needs it to tell which changes the list may lack. */
  begin(nowMs: number): ListStart {
    return { seq: this.lastSeq, atMs: nowMs };
  }

  /**
   * Takes a complete (unfiltered) reply in O(1), by reference: the message must not be written to afterwards, and must
   * have been parsed before (learnList does), for a broken one is only found when it is needed.
   * False when the list began before one that is here already: then nothing changes.
   */
  refresh(list: SnapshotList, message: Buffer, start: ListStart): boolean {
    const isTaken = this.lists[list].refresh(message, start);
    if (isTaken) this.watcher?.onMessage(list);
    return isTaken;
  }

  /** Applies what a call has just changed; call it before the client is answered. */
  change(...changes: readonly SnapshotChange[]): void {
    for (const change of changes) {
      const numbered = { seq: this.lastSeq + 1, change };
      this.restoreChange(numbered);
      this.watcher?.onChange(numbered);
    }
  }

  /**
   * Whether the list can be answered. False before its first complete reply. For images also after a pull or removal
   * (changed with `lose`) until a list that began later: a list that lacks an image costs the kubelet its credentials.
   */
  has(list: SnapshotList): boolean {
    const { start, lostAtSeq } = this.lists[list];
    return start !== undefined && (list !== 'ListImages' || lostAtSeq === undefined);
  }

  /** Time since the last complete reply was asked for; Infinity when there is none. */
  ageMs(list: SnapshotList, nowMs: number): number {
    return nowMs - (this.lists[list].start?.atMs ?? Number.NEGATIVE_INFINITY);
  }

  /**
   * True when the list is here with every change that passed through us since. False after a call whose outcome is
   * unknown, and after a restart of Switchyard, until a list that began later.
   */
  isPatchable(list: SnapshotList): boolean {
    const { start, lostAtSeq } = this.lists[list];
    return start !== undefined && lostAtSeq === undefined;
  }

  /**
   * The reply that the backend would give to this request of ListPodSandbox, ListContainers or ListImages, as far as is
   * known; undefined when `has` is false. `runtimeName` is what decides over the filter of ListImages.
   * Throws MalformedMessageError when the request does not parse.
   */
  answer(list: SnapshotList, request: Uint8Array, runtimeName = ''): Buffer | undefined {
    if (!this.has(list)) return undefined;
    const snapshot = this.lists[list];
    const filter = readListFilter(methodNamed(list) as ListMethod, request);
    if (filter === undefined) return snapshot.whole();
    if (list === 'ListImages') {
      const images = snapshot.whole();
      return images && selectImages(images, filter.image, imageFilterOf(runtimeName));
    }
    const records = snapshot.records();
    if (records === undefined) return undefined;
    const sandboxIds = this.lists.ListPodSandbox.records()?.ids ?? records.sandboxIds;
    return records.select(filter, wholeId(filter.sandboxId, sandboxIds));
  }

  /** The ids in a list; undefined when it is not here. */
  idsOf(list: SnapshotList): Iterable<string> | undefined {
    return this.lists[list].records()?.ids.keys();
  }

  /** Keeps a reply by reference. */
  keep(reply: KeptReply, message: Buffer, nowMs: number): void {
    this.replies.set(reply, { message, atMs: nowMs });
    this.watcher?.onMessage(reply);
  }

  /** The last reply of this name. */
  kept(reply: KeptReply): KeptMessage | undefined {
    return this.replies.get(reply);
  }

  /** The list cannot be believed: as if there had been none. */
  drop(list: SnapshotList): void {
    this.lists[list].drop();
  }

  /** A change with the number it had when it was written down. */
  restoreChange(numbered: NumberedChange): void {
    this.lastSeq = Math.max(this.lastSeq, numbered.seq);
    for (const list of SNAPSHOT_LISTS) if (concerns(list, numbered.change)) this.lists[list].add(numbered);
  }

  /** A list or reply as it was written down. */
  restoreMessage(rpc: SnapshotList | KeptReply, message: Buffer, start: ListStart): void {
    this.lastSeq = Math.max(this.lastSeq, start.seq);
    if (isList(rpc)) this.lists[rpc].restore(message, start);
    else this.replies.set(rpc, { message, atMs: start.atMs });
  }

  /** Takes over all that another snapshot holds, without telling the watcher. */
  adopt(other: BackendSnapshot): void {
    for (const part of other.parts()) {
      if (part.kind === 'change') this.restoreChange(part.numbered);
      else this.restoreMessage(part.rpc, part.message, part.start);
    }
    this.statuses.adopt(other.statuses);
    // Numbers that were given are not given again, also where nothing is left of what they stood for.
    this.lastSeq = Math.max(this.lastSeq, other.lastSeq);
  }

  /**
   * The last complete reply or kept reply of this name, without the changes that came after it. Who keeps it holds its
   * memory (message-memory.ts).
   */
  messageOf(
    rpc: SnapshotList | KeptReply,
  ): { readonly message: Buffer; readonly start: ListStart } | undefined {
    if (!isList(rpc)) {
      const kept = this.replies.get(rpc);
      return kept && { message: kept.message, start: { seq: 0, atMs: kept.atMs } };
    }
    const { base } = this.lists[rpc];
    return base && { message: base.message, start: { seq: base.seq, atMs: base.atMs } };
  }

  /** All parts as they are now: first the messages, then the changes in order. */
  parts(): SnapshotPart[] {
    const parts: SnapshotPart[] = [];
    for (const rpc of [...SNAPSHOT_LISTS, ...this.replies.keys()]) {
      if (isList(rpc)) this.lists[rpc].keepBase();
      const found = this.messageOf(rpc);
      if (found !== undefined) parts.push({ kind: 'message', rpc, ...found });
    }
    const changes = new Map<number, SnapshotChange>();
    for (const list of SNAPSHOT_LISTS) {
      const { laterChanges, lostAtSeq } = this.lists[list];
      for (const { seq, change } of laterChanges) changes.set(seq, change);
      if (lostAtSeq !== undefined) changes.set(lostAtSeq, { kind: 'lose', list });
    }
    for (const [seq, change] of [...changes].sort(([a], [b]) => a - b)) {
      parts.push({ kind: 'change', numbered: { seq, change } });
    }
    return parts;
  }
}

/** Whether a name is that of a list. */
export function isList(rpc: string): rpc is SnapshotList {
  return (SNAPSHOT_LISTS as readonly string[]).includes(rpc);
}

/** Whether a change can be seen in a list. */
function concerns(list: SnapshotList, change: SnapshotChange): boolean {
  switch (change.kind) {
    case 'run-sandbox':
    case 'exit-sandbox':
      return list === 'ListPodSandbox';
    case 'create-container':
    case 'start-container':
    case 'stop-container':
    case 'remove-container':
    case 'exit-container':
      return list === 'ListContainers';
    case 'stop-sandbox':
    case 'remove-sandbox':
    case 'end-all':
      return list !== 'ListImages';
    case 'lose':
      return change.list === list;
    default:
      return change satisfies never;
  }
}
