// What a kubelet may hold against its runtime: everything it was told, checked against every later answer and against
// the truth in the simulated runtimes. It knows what may rightly be stale: a container that ended by itself may show
// late, and so may a removal whose answer was lost, until its backend was listed again.
import type { Existing, ModelBackend, ModelWorld } from './kubelet-model-world.ts';
import { podOf } from './kubelet-model-world.ts';

/** The proxy lied, or failed where it had all it needed. */
export class Violation extends Error {}

export type Kind = 'sandbox' | 'container';

/** Of a container that was started; one that was only created has 0. */
const STARTED = 1;

/** One object that the client knows of. */
interface Known {
  readonly kind: Kind;
  /** The proxy told of it, by an OK of its creation or by a list: from then on lists must have it. */
  isTold: boolean;
  /** By the OK of its creation. */
  isMade: boolean;
  /** The state it has at least: states only move on. Told by an OK to Start or Stop. */
  atLeast: number;
  /** The same, as lists showed it. Lost with the proxy's life, for what it learned by itself it may learn anew. */
  shownAtLeast: number;
  /** Its removal was answered OK. */
  isRemoved: boolean;
  /** A complete list was given without it. */
  isMissed: boolean;
}

/** What was known at the moment a call was made: later news may or may not be in its answer. */
export type Knowledge = ReadonlyMap<string, Readonly<Known>>;

/** What a list was asked for; ids may be beginnings of ids. */
export interface Asked {
  readonly id?: string;
  readonly sandboxId?: string;
  readonly uid?: string;
  readonly state?: number;
}

/** One record of a list's answer. */
export interface Shown {
  readonly id: string;
  /** '' for a sandbox. */
  readonly sandboxId: string;
  readonly uid: string;
  readonly name: string;
  readonly attempt: number;
  readonly state: number;
}

export class KubeletModel {
  private readonly world: ModelWorld;
  private readonly objects = new Map<string, Known>();

  constructor(world: ModelWorld) {
    this.world = world;
  }

  /** A copy of what is known now. */
  knowledge(): Knowledge {
    return new Map([...this.objects].map(([id, known]) => [id, { ...known }]));
  }

  /** The ids of one kind that are known, the newest first, and after the living ones the last two that are gone. */
  ids(kind: Kind): string[] {
    const ids = [...this.objects].filter(([, known]) => known.kind === kind).map(([id]) => id);
    const isAlive = (id: string) => this.world.find(id)?.isAlive === true;
    return [...ids.filter(isAlive).reverse(), ...ids.filter((id) => !isAlive(id)).slice(-2)];
  }

  /** Whether the proxy told of it. */
  isTold(id: string | undefined): boolean {
    return id !== undefined && this.objects.get(id)?.isTold === true;
  }

  /** The state that an OK to Start or Stop has promised. */
  madeAtLeast(id: string): number {
    return this.objects.get(id)?.atLeast ?? 0;
  }

  /** Somebody made an object without the proxy, and the client heard of it. */
  heardOf(kind: Kind, id: string): void {
    if (this.objects.has(id)) return;
    const nothing = { atLeast: 0, shownAtLeast: 0, isRemoved: false, isMissed: false };
    this.objects.set(id, { kind, isTold: false, isMade: false, ...nothing });
  }

  /** The creation of an object was answered OK. */
  made(kind: Kind, id: string): void {
    this.told(kind, id);
    const known = this.objects.get(id);
    if (known !== undefined) known.isMade = true;
  }

  /** A list showed the object, or it was removed. */
  private told(kind: Kind, id: string): void {
    this.heardOf(kind, id);
    const known = this.objects.get(id);
    if (known !== undefined) known.isTold = true;
  }

  /** StartContainer was answered OK. */
  started(id: string): void {
    const known = this.objects.get(id);
    if (known !== undefined) known.atLeast = Math.max(known.atLeast, STARTED);
  }

  /** Stop was answered OK: the object, and what is in it, is at its end now, if it is known to have begun. */
  stopped(id: string): void {
    for (const [knownId, known] of this.objects) {
      const { object } = this.existing(knownId);
      const isContainer = 'sandboxId' in object;
      if (knownId !== id && !(isContainer && object.sandboxId === id)) continue;
      // A container whose start was not answered may, for all that passed by, never have been started.
      if (!isContainer || known.atLeast >= STARTED) known.atLeast = object.state;
      if (!isContainer || known.shownAtLeast >= STARTED) known.shownAtLeast = object.state;
    }
  }

  /** Remove was answered OK, which takes the containers of a sandbox with it. */
  removed(kind: Kind, id: string): void {
    this.told(kind, id);
    for (const [knownId, known] of this.objects) {
      const { object } = this.existing(knownId);
      if (knownId === id || ('sandboxId' in object && object.sandboxId === id)) known.isRemoved = true;
    }
  }

  /**
   * The proxy was killed. What it learned by calls it has on record; what it learned by lists of late it may have
   * forgotten, and where an object is known by them alone, it knows that its list is not complete any more.
   */
  proxyKilled(): void {
    for (const { covered } of this.world.backends) covered.delete('image');
    for (const [id, known] of this.objects) {
      known.shownAtLeast = 0;
      known.isMissed = false;
      if (known.isTold && !known.isMade) this.existing(id).backend.covered.delete(known.kind);
    }
  }

  /** Checks the OK answer of a list that was asked for when `before` was known, and learns from it. */
  checkList(kind: Kind, asked: Asked, shown: readonly Shown[], before: Knowledge): void {
    const ids = new Set<string>();
    for (const record of shown) {
      if (ids.has(record.id)) throw new Violation(`${kind} ${record.id} is shown twice`);
      ids.add(record.id);
      this.checkRecord(kind, asked, record, before);
    }
    for (const [id, known] of before) {
      if (known.kind !== kind || !known.isTold || ids.has(id)) continue;
      const existing = this.existing(id);
      if (existing.isAlive && mustShow(existing, known, asked)) {
        throw new Violation(`${kind} ${id} lives on backend ${existing.backend.name}, and the list lacks it`);
      }
    }
    this.learn(kind, asked, shown, ids);
  }

  /** No pod may have sandboxes on two backends. */
  checkHomes(): void {
    const homes = new Map<string, ModelBackend>();
    for (const { backend, object } of this.world.living()) {
      const uid = podOf(object);
      if (uid === undefined) continue;
      const home = homes.get(uid) ?? backend;
      if (home !== backend) throw new Violation(`pod ${uid} lives on ${home.name} and on ${backend.name}`);
      homes.set(uid, home);
    }
  }

  private checkRecord(kind: Kind, asked: Asked, record: Shown, before: Knowledge): void {
    const what = `${kind} ${record.id}`;
    const existing = this.world.find(record.id);
    if (existing === undefined) throw new Violation(`${what} is shown and never existed`);
    const known = before.get(record.id);
    if (known?.isRemoved) throw new Violation(`${what} is shown after its removal was answered OK`);
    if (before.get(record.sandboxId)?.isRemoved) {
      throw new Violation(`${what} is shown after the removal of its sandbox was answered OK`);
    }
    if (known?.isMissed) throw new Violation(`${what} is shown again after a complete list lacked it`);
    const { object } = existing;
    const least = known === undefined ? 0 : Math.max(known.atLeast, known.shownAtLeast);
    if (record.state < least || record.state > object.state) {
      throw new Violation(`${what} is shown in state ${record.state}: it is ${object.state}, was ${least}`);
    }
    if (!fits(existing, asked) || (asked.state !== undefined && record.state !== asked.state)) {
      throw new Violation(`${what} is shown in state ${record.state}, which was not asked for`);
    }
    const truth = shownFor(existing);
    for (const key of ['sandboxId', 'uid', 'name', 'attempt'] as const) {
      if (record[key] !== truth[key])
        throw new Violation(`${what} is shown with ${key} ${record[key]}, not ${truth[key]}`);
    }
  }

  private learn(kind: Kind, asked: Asked, shown: readonly Shown[], ids: ReadonlySet<string>): void {
    const isComplete = Object.values(asked).every((value) => value === undefined);
    for (const { id, state } of shown) {
      this.told(kind, id);
      const known = this.objects.get(id);
      if (isComplete && known !== undefined) known.shownAtLeast = Math.max(known.shownAtLeast, state);
    }
    if (!isComplete) return;
    for (const [id, known] of this.objects) {
      // One that was made while the list was on its way is alive.
      if (known.kind === kind && !ids.has(id) && !this.existing(id).isAlive) known.isMissed = true;
    }
  }

  private existing(id: string): Existing {
    const existing = this.world.find(id);
    if (existing === undefined) throw new Violation(`the client was told of ${id}, which never existed`);
    return existing;
  }
}

/** What a list says of an object, the state as it is now. */
export function shownFor({ object }: Existing): Shown {
  const { id, state, config } = object;
  return {
    id,
    sandboxId: 'sandboxId' in object ? object.sandboxId : '',
    uid: config.labels['io.kubernetes.pod.uid'] ?? '',
    name: object.metadata.name,
    attempt: object.metadata.attempt,
    state,
  };
}

/** Whether the list must have it: it fits, and has been in the state asked for all the time. */
function mustShow(existing: Existing, known: Readonly<Known>, asked: Asked): boolean {
  if (!fits(existing, asked)) return false;
  const least = Math.max(known.atLeast, known.shownAtLeast);
  return asked.state === undefined || (least === asked.state && existing.object.state === asked.state);
}

function fits(existing: Existing, asked: Asked): boolean {
  const { id, sandboxId, uid } = shownFor(existing);
  if (asked.id !== undefined && !id.startsWith(asked.id)) return false;
  if (asked.sandboxId !== undefined && !sandboxId.startsWith(asked.sandboxId)) return false;
  return asked.uid === undefined || uid === asked.uid;
}
