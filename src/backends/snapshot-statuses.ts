// The statuses of a backend's objects in its snapshot: the last ones it gave, answered from while it is absent. What the
// lists of the snapshot do not show is not answered, so a status is trusted no longer and no further than they are.
import type { Moment } from '../clock.ts';
import { readable } from '../cri/readable.ts';
import type { SnapshotChange } from './snapshot-change.ts';
import type { ListSnapshot, ListStart } from './snapshot-list.ts';
import { CONTAINER_STATE, SANDBOX_STATE } from './snapshot-record.ts';
import {
  containerReply,
  containerState,
  isEarlier,
  type Listed,
  listedState,
  sandboxReply,
  sandboxState,
  stateIn,
} from './status-answer.ts';
import {
  isDenial,
  type KeptStatus,
  type StatusBudget,
  StatusMemory,
  type StatusObject,
} from './status-memory.ts';

/** Called for each object of which something else is kept than before, or nothing any more. */
export type StatusWatcher = (object: StatusObject, id: string) => void;

export class SnapshotStatuses {
  private readonly lists: Readonly<Record<StatusObject, ListSnapshot>>;
  private readonly change: (change: SnapshotChange) => void;
  private readonly memory: StatusMemory;
  /** When lists were asked for, on the wall clock: read once, as clocks drift and an answer should not. */
  private readonly listedAtMs = new WeakMap<ListStart, number>();
  private watcher: StatusWatcher | undefined;

  /** `change` brings to the lists what a status shows and they do not, so that neither contradicts the other. */
  constructor(
    lists: Readonly<Record<StatusObject, ListSnapshot>>,
    change: (change: SnapshotChange) => void,
    budget?: StatusBudget,
  ) {
    this.lists = lists;
    this.change = change;
    this.memory = new StatusMemory(budget);
  }

  watch(watcher: StatusWatcher): void {
    this.watcher = watcher;
  }

  /**
   * The backend has just given this status to a client: bytes[start, end), which are only looked at. One that was long on
   * its way, and shows an earlier state than another that came before it, is passed over.
   */
  see(object: StatusObject, id: string, bytes: Buffer, start: number, end: number, seen: Moment): void {
    const status = bytes.subarray(start, end);
    if (this.isLate(object, id, status, seen)) return;
    const isShown = this.isEndShown(object, id);
    if (!this.memory.see(object, id, bytes, start, end, seen)) return;
    this.watcher?.(object, id);
    if (isEnd(object, stateIn(status)) && !isShown) this.change({ kind: `exit-${object}`, id });
  }

  /** Whether the lists have its end from a status already: a backend whose statuses are never the same fills no disk. */
  private isEndShown(object: StatusObject, id: string): boolean {
    const kept = this.memory.get(object, id);
    if (kept === undefined || !isEnd(object, stateIn(kept.status))) return false;
    return kept.seen.atMs >= (this.lists[object].start?.atMs ?? Number.NEGATIVE_INFINITY);
  }

  /** Whether a status shows an earlier state than is known; not when a list since then has shown it too, as after `docker start`. */
  private isLate(object: StatusObject, id: string, status: Buffer, now: Moment): boolean {
    const kept = this.memory.get(object, id);
    if (kept === undefined) return false;
    if (isDenial(kept)) return readable(() => this.listed(object, id, now)) === undefined;
    const known = stateIn(kept.status);
    if (!isEarlier(object, stateIn(status), known)) return false;
    const listed = readable(() => this.listed(object, id, now));
    if (listed === undefined) return true;
    const state = object === 'sandbox' ? sandboxState(kept, listed) : containerState(kept, listed);
    return !isEarlier(object, state, known);
  }

  /** Whether the backend says what it said last, as nearly always: then there is nothing to see. */
  confirm(
    object: StatusObject,
    id: string,
    bytes: Buffer,
    start: number,
    end: number,
    seen: Moment,
  ): boolean {
    return this.memory.confirm(object, id, bytes, start, end, seen);
  }

  /** The backend has just given a status that cannot be looked at: what is kept is not its last word any more. */
  miss(object: StatusObject, id: string): void {
    if (this.memory.forget(object, id)) this.watcher?.(object, id);
  }

  /**
   * The backend has just said that there is no such object. What was kept of it is not true any more, and until a list
   * that began later shows it nothing is made of the lists either: they are older.
   */
  deny(object: StatusObject, id: string, seen: Moment): void {
    this.memory.deny(object, id, seen);
    this.watcher?.(object, id);
  }

  /** A call may have changed a field of the status, and nobody knows to what. */
  leaveOut(object: StatusObject, id: string, number: number): void {
    if (readable(() => this.memory.leaveOut(object, id, number)) === true) this.watcher?.(object, id);
  }

  /** A status as it was written down; one of no bytes says that nothing is kept any more. */
  restore(object: StatusObject, id: string, kept: KeptStatus): void {
    this.memory.forget(object, id);
    if (kept.status.length > 0 || isDenial(kept)) this.memory.keep(object, id, kept);
  }

  /** Takes over all that another snapshot holds. */
  adopt(other: SnapshotStatuses): void {
    for (const [object, id, kept] of other.entries()) this.restore(object, id, kept);
  }

  /** The object is gone. */
  forget(object: StatusObject, id: string): void {
    this.memory.forget(object, id);
  }

  /** All that is kept. */
  entries(): ReturnType<StatusMemory['entries']> {
    return this.memory.entries();
  }

  /** The last status of an object as it is kept. */
  kept(object: StatusObject, id: string): KeptStatus | undefined {
    return this.memory.get(object, id);
  }

  /**
   * The reply that the backend would give to PodSandboxStatus or ContainerStatus of this id, as far as is known, after it
   * has been absent for so long; undefined when too little is, as with a record that cannot be read.
   */
  reply(object: StatusObject, id: string, now: Moment, absentMs: number): Buffer | undefined {
    return readable(() => {
      const listed = this.listed(object, id, now);
      if (listed === undefined) return undefined;
      this.stateOf(object, id, listed);
      const kept = this.memory.get(object, id);
      return object === 'sandbox' ? sandboxReply(kept, listed) : containerReply(kept, listed, absentMs);
    });
  }

  /** Whether an object is known to have ended, and all that is in it: then there is nothing left to stop. */
  hasEnded(object: StatusObject, id: string, now: Moment): boolean {
    return (
      readable(() => (object === 'sandbox' ? this.hasSandboxEnded(id, now) : !this.mayRun(id, now, false))) ??
      false
    );
  }

  private hasSandboxEnded(id: string, now: Moment): boolean {
    const listed = this.listed('sandbox', id, now);
    const containers = this.lists.container.records();
    if (listed === undefined || containers === undefined) return false;
    if (this.stateOf('sandbox', id, listed) !== SANDBOX_STATE.notReady) return false;
    const showsAllStarts = this.showsAllStarts(this.memory.get('sandbox', id), listed);
    return Array.from(containers.inside(id)).every((inside) => !this.mayRun(inside, now, showsAllStarts));
  }

  /** The state that counts. An end that the list does not show is brought to it. */
  private stateOf(object: StatusObject, id: string, listed: Listed): number {
    const kept = this.memory.get(object, id);
    const state = object === 'sandbox' ? sandboxState(kept, listed) : containerState(kept, listed);
    if (isEnd(object, state) && listedState(object, listed.record) !== state)
      this.change({ kind: `exit-${object}`, id });
    return state;
  }

  /** Of a container in a sandbox that is not ready, if that is known: nothing is started there any more. */
  private mayRun(id: string, now: Moment, showsAllStarts: boolean): boolean {
    const listed = this.listed('container', id, now);
    const state = listed && this.stateOf('container', id, listed);
    if (state === CONTAINER_STATE.exited) return false;
    // It may have been started since it was listed, by a call whose answer was lost.
    const isClosed = this.lists.container.records()?.find(id)?.isClosed ?? false;
    return state !== CONTAINER_STATE.created || !(isClosed || showsAllStarts);
  }

  /**
   * Whether the list of containers shows each that was started in a sandbox that is not ready: no call is in doubt, and
   * the list was asked for when the sandbox was known to take no more.
   */
  private showsAllStarts(sandbox: KeptStatus | undefined, { record, end }: Listed): boolean {
    const { container, sandbox: sandboxes } = this.lists;
    const { start, lostAtSeq, isOfThisLife } = container;
    if (start === undefined || lostAtSeq !== undefined || !isOfThisLife) return false;
    const isListed =
      listedState('sandbox', record) === SANDBOX_STATE.notReady && end === 'none' && sandboxes.isOfThisLife;
    const isSeen = sandbox !== undefined && stateIn(sandbox.status) === SANDBOX_STATE.notReady;
    return (
      (isListed && (sandboxes.start?.atMs ?? Number.POSITIVE_INFINITY) <= start.atMs) ||
      (isSeen && sandbox.seen.atMs <= start.atMs)
    );
  }

  private listed(object: StatusObject, id: string, now: Moment): Listed | undefined {
    const list = this.lists[object];
    const { start } = list;
    const found = list.records()?.find(id);
    if (start === undefined || found === undefined) return undefined;
    const listedAtMs = this.listedAtMs.get(start) ?? now.wallMs - (now.atMs - start.atMs);
    this.listedAtMs.set(start, listedAtMs);
    const kept = this.memory.get(object, id);
    // Where both are of an earlier life, neither is: that clock may have been set back between them.
    const { isOfThisLife } = list;
    const isNewer = kept !== undefined && isOfThisLife && start.atMs > kept.seen.atMs;
    if (kept !== undefined && isDenial(kept)) {
      if (!isNewer) return undefined;
      this.miss(object, id);
    }
    return { record: found.body, end: found.end, listedAtMs, isNewer, isOfThisLife };
  }
}

/** Whether it is the last of its states. */
function isEnd(object: StatusObject, state: number): boolean {
  return state === (object === 'sandbox' ? SANDBOX_STATE.notReady : CONTAINER_STATE.exited);
}
