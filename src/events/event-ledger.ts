// What clients have been told of one backend's pods, so that they are told every stage of every object once and in
// order, whether an event of the backend says it or a difference between lists. Pure: no I/O, no clock.
import { LRUCache } from 'lru-cache';
import {
  differenceOf,
  type KnownContainer,
  type KnownSandbox,
  type PodChange,
  type Progress,
  UNBORN,
} from './event-difference.ts';
import type { EventPod } from './event-message.ts';
import { type ListedSandbox, type PodLists, STAGE, type Stage } from './pod-lists.ts';

/** Deleted objects to remember. Ids are never used again; what still comes with one of these is late news. */
const DELETED_LIMIT = 10_000;

export class EventLedger {
  private sandboxes = new Map<string, KnownSandbox>();
  private containers = new Map<string, KnownContainer>();
  private readonly deleted = new LRUCache<string, true>({ max: DELETED_LIMIT });
  private based = false;

  /** False until it is known where differences start from. */
  get isBased(): boolean {
    return this.based;
  }

  /**
   * Clients know what these lists show: differences start from here. What events have told is not told again. Without
   * lists nothing is known, until there are some.
   */
  rebase(lists: PodLists | undefined): void {
    const { sandboxes, containers } = this;
    this.sandboxes = new Map();
    this.containers = new Map();
    this.based = lists !== undefined;
    if (lists === undefined) return;
    for (const listed of lists.sandboxes) {
      if (this.deleted.has(listed.id)) continue;
      const told = sandboxes.get(listed.id)?.told ?? UNBORN;
      this.sandboxes.set(listed.id, toKnown(listed, listed.stage, told));
    }
    for (const { id, sandboxId, stage } of lists.containers) {
      const sandbox = this.sandboxes.get(sandboxId);
      if (sandbox === undefined || this.deleted.has(id)) continue;
      const told = containers.get(id)?.told ?? UNBORN;
      this.containers.set(id, { sandbox, sandboxId, stage: later(stage, told), told });
    }
  }

  /** The backend itself tells something. False when clients have been told that, or more, already. */
  take(id: string, stage: Stage, pod: EventPod): boolean {
    if (this.deleted.has(id)) return false;
    const { sandboxId, uid, createdAtNs, status } = pod;
    const sandbox = this.sandboxes.get(sandboxId) ?? {
      ...{ uid, createdAtNs, status },
      ...{ stage: UNBORN, told: UNBORN },
    };
    sandbox.status = status;
    const isSandbox = id === sandboxId;
    const container = this.containers.get(id) ?? { sandbox, sandboxId, stage: UNBORN, told: UNBORN };
    const known = isSandbox ? sandbox : container;
    if (stage <= known.told) return false;
    known.told = stage;
    known.stage = later(known.stage, stage);
    if (stage === STAGE.deleted) this.forget(id);
    else if (isSandbox) this.sandboxes.set(id, sandbox);
    else this.containers.set(id, container);
    return true;
  }

  /**
   * What lists show that clients were not told. Changes nothing: commit() says what was told. No event may be taken
   * between the moment the lists are begun and the last commit.
   */
  difference(lists: PodLists): PodChange[] {
    const { sandboxes, containers, deleted } = this;
    return differenceOf({ sandboxes, containers, isDeleted: (id) => deleted.has(id) }, lists);
  }

  /** The steps of a change are told; `status` is the PodSandboxStatus that they carried. */
  commit(change: PodChange, status: Buffer): void {
    for (const { id, stage } of change.steps) {
      if (stage === STAGE.deleted) {
        this.forget(id);
        continue;
      }
      const known = this.sandboxes.get(id) ?? this.containers.get(id) ?? this.add(change, id);
      if (known === undefined) continue;
      known.stage = stage;
      known.told = stage;
    }
    const newest = this.sandboxes.get(change.sandboxId ?? '');
    if (newest !== undefined) newest.status = status;
  }

  /** Adds what a change shows for the first time. */
  private add(change: PodChange, id: string): KnownSandbox | KnownContainer | undefined {
    const listed = change.sandboxes.find((sandbox) => sandbox.id === id);
    if (listed !== undefined) {
      const sandbox = toKnown(listed, UNBORN, UNBORN);
      this.sandboxes.set(id, sandbox);
      return sandbox;
    }
    const sandboxId = change.containers.find((container) => container.id === id)?.sandboxId ?? '';
    const sandbox = this.sandboxes.get(sandboxId);
    if (sandbox === undefined) return undefined;
    const container = { sandbox, sandboxId, stage: UNBORN, told: UNBORN } as KnownContainer;
    this.containers.set(id, container);
    return container;
  }

  private forget(id: string): void {
    this.sandboxes.delete(id);
    this.containers.delete(id);
    this.deleted.set(id, true);
  }
}

function toKnown(listed: ListedSandbox, stage: Progress, told: Progress): KnownSandbox {
  const { uid, createdAtNs } = listed;
  return { uid, createdAtNs, status: listed.status(), stage: later(stage, told), told };
}

function later<P extends Progress>(a: P, b: P): P {
  return a > b ? a : b;
}
