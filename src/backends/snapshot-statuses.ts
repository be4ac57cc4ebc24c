// The statuses of a backend's objects in its snapshot: the last ones it gave, answered from while it is absent. What the
// lists of the snapshot do not show is not answered, so a status is trusted no longer and no further than they are.
import type { Moment } from '../clock.ts';
import { MalformedMessageError } from '../errors.ts';
import type { ListSnapshot, ListStart } from './snapshot-list.ts';
import { CONTAINER_STATE, SANDBOX_STATE } from './snapshot-record.ts';
import { containerReply, containerState, type Listed, sandboxReply, sandboxState } from './status-answer.ts';
import { type KeptStatus, type StatusBudget, StatusMemory, type StatusObject } from './status-memory.ts';

/** Called for each object of which something else is kept than before, or nothing any more. */
export type StatusWatcher = (object: StatusObject, id: string) => void;

export class SnapshotStatuses {
  private readonly lists: Readonly<Record<StatusObject, ListSnapshot>>;
  private readonly memory: StatusMemory;
  /** When lists were asked for, on the wall clock: read once, as clocks drift and an answer should not. */
  private readonly listedAtMs = new WeakMap<ListStart, number>();
  private watcher: StatusWatcher | undefined;

  constructor(lists: Readonly<Record<StatusObject, ListSnapshot>>, budget?: StatusBudget) {
    this.lists = lists;
    this.memory = new StatusMemory(budget);
  }

  watch(watcher: StatusWatcher): void {
    this.watcher = watcher;
  }

  /** The backend has just given this status to a client: bytes[start, end), which are only looked at. */
  see(object: StatusObject, id: string, bytes: Buffer, start: number, end: number, seen: Moment): void {
    if (this.memory.see(object, id, bytes, start, end, seen)) this.watcher?.(object, id);
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

  /** A status as it was written down; one of no bytes says that nothing is kept any more. */
  restore(object: StatusObject, id: string, kept: KeptStatus): void {
    this.memory.forget(object, id);
    if (kept.status.length > 0) this.memory.keep(object, id, kept);
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
   * The reply that the backend would give to PodSandboxStatus or ContainerStatus of this id, as far as is known;
   * undefined when too little is, as with a record that cannot be read.
   */
  reply(object: StatusObject, id: string, now: Moment): Buffer | undefined {
    return readable(() => {
      const listed = this.listed(object, id, now);
      if (listed === undefined) return undefined;
      const kept = this.memory.get(object, id);
      return object === 'sandbox' ? sandboxReply(kept, listed) : containerReply(kept, listed);
    });
  }

  /** Whether an object is known to have ended, and all that is in it: then there is nothing left to stop. */
  hasEnded(object: StatusObject, id: string, now: Moment): boolean {
    return readable(() => this.isEnd(object, id, now)) ?? false;
  }

  private isEnd(object: StatusObject, id: string, now: Moment): boolean {
    const listed = this.listed(object, id, now);
    if (listed === undefined) return false;
    const kept = this.memory.get(object, id);
    if (object === 'container') return containerState(kept, listed) === CONTAINER_STATE.exited;
    const containers = this.lists.container.records();
    if (containers === undefined || sandboxState(kept, listed) !== SANDBOX_STATE.notReady) return false;
    return Array.from(containers.inside(id)).every((inside) => !this.mayRun(inside, now));
  }

  /** Of a container in a sandbox that is not ready: nothing is started there any more. */
  private mayRun(id: string, now: Moment): boolean {
    const listed = this.listed('container', id, now);
    const state = listed && containerState(this.memory.get('container', id), listed);
    return state !== CONTAINER_STATE.exited && state !== CONTAINER_STATE.created;
  }

  private listed(object: StatusObject, id: string, now: Moment): Listed | undefined {
    const list = this.lists[object];
    const { start } = list;
    const found = list.records()?.find(id);
    if (start === undefined || found === undefined) return undefined;
    const listedAtMs = this.listedAtMs.get(start) ?? now.wallMs - (now.atMs - start.atMs);
    this.listedAtMs.set(start, listedAtMs);
    const kept = this.memory.get(object, id);
    const isNewer = kept !== undefined && start.atMs > kept.seen.atMs;
    return { record: found.body, end: found.end, listedAtMs, isNewer };
  }
}

/** What is read of records; undefined where one does not parse, which is its backend's affair and nobody's who asks. */
function readable<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return undefined;
  }
}
