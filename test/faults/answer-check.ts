// What must be true of the answers a kubelet gets, whatever happens to the backends. The load (kubelet-load.ts) tells
// it each call's begin and end; it knows nothing of the proxy, only what was answered before and what was done to the
// backends. All times are milliseconds of performance.now().

export type ObjectKind = 'sandbox' | 'container';

/** What an entry of a list says, the same for both kinds. */
export interface Entry {
  readonly id: string;
  /** UID of the pod, from its label. */
  readonly uid: string;
  /** What it is in: of a sandbox the pod's UID, of a container the sandbox's id. */
  readonly parent: string;
  /** True for READY and RUNNING. */
  readonly isUp: boolean;
}

/** What a list was asked for; nothing means everything. */
export interface Scope {
  readonly uid?: string;
  readonly isUp?: boolean;
}

interface Tracked extends Omit<Entry, 'isUp'> {
  readonly kind: ObjectKind;
  readonly backend: string;
  /** From here on it must be in every list that begins. */
  readonly livesFromMs: number;
  /** A removal was begun: it may be gone. */
  endBeganMs: number | undefined;
  /** A removal went well: from here on it must not be in any list that begins. */
  endedMs: number | undefined;
  /** Its backend lost it: was replaced by an empty one. */
  isLost: boolean;
  /** Whether it runs, as far as the calls tell; undefined while one is under way or ended unclear. */
  up: { readonly is: boolean; readonly fromMs: number } | undefined;
}

interface BackendTruth {
  /** Stands still or is gone since then: nothing that needs it can go well. */
  downFromMs: number | undefined;
  /** When lists stopped to show what it lost, by kind; Infinity while they still may. */
  readonly lossSettledMs: Record<ObjectKind, number>;
}

/** Wrong answers that are kept in words; all are counted. */
const KEPT_WRONGS = 30;

export class AnswerCheck {
  /** Wrong answers in words, the first of them. */
  readonly wrongs: string[] = [];
  wrongCount = 0;
  private readonly objects = new Map<string, Tracked>();
  /** Parent to the creations in it that are under way or ended unclear. */
  private readonly unclear = new Map<string, { count: number; readonly backend: string }>();
  private readonly backends = new Map<string, BackendTruth>();

  constructor(backends: readonly string[]) {
    for (const name of backends) {
      this.backends.set(name, { downFromMs: undefined, lossSettledMs: { sandbox: 0, container: 0 } });
    }
  }

  wrong(text: string): void {
    this.wrongCount++;
    if (this.wrongs.length < KEPT_WRONGS) this.wrongs.push(text);
  }

  /** The backend has come to a stand: told after it did. */
  down(backend: string): void {
    this.truthOf(backend).downFromMs = performance.now();
  }

  /** It goes on: told before it does. With `isEmpty` it has forgotten all it had. */
  up(backend: string, isEmpty = false): void {
    const truth = this.truthOf(backend);
    truth.downFromMs = undefined;
    if (!isEmpty) return;
    for (const object of this.objects.values()) {
      if (object.backend === backend && object.endedMs === undefined) object.isLost = true;
    }
    truth.lossSettledMs.sandbox = truth.lossSettledMs.container = Number.POSITIVE_INFINITY;
  }

  /** Whether lists have yet to stop showing what this backend lost. */
  hasLoss(backend: string): boolean {
    const { sandbox, container } = this.truthOf(backend).lossSettledMs;
    return Math.max(sandbox, container) === Number.POSITIVE_INFINITY;
  }

  /** RunPodSandbox or CreateContainer begins. */
  creationBegins(parent: string, backend: string): void {
    const found = this.unclear.get(parent);
    if (found === undefined) this.unclear.set(parent, { count: 1, backend });
    else found.count++;
  }

  /** It went well. Of a failure nothing is told: it may have happened. */
  created(kind: ObjectKind, entry: Omit<Entry, 'isUp'>, backend: string, beganMs: number): void {
    const unclear = this.unclear.get(entry.parent);
    if (unclear !== undefined) unclear.count--;
    this.expectReached(`the creation of ${kind} ${short(entry.id)}`, backend, beganMs);
    const known = this.objects.get(entry.id);
    if (known?.endedMs !== undefined) this.wrong(`${nameOf(known)} is created, and was removed before`);
    // A list may have shown it before.
    if (known === undefined || known.isLost) this.add(kind, entry, backend, kind === 'sandbox');
  }

  /** A start or stop begins: whether the object runs is unclear until it went well. */
  turnBegins(id: string): void {
    for (const object of this.withParts(id)) object.up = undefined;
  }

  /** It went well. */
  turned(id: string, isUp: boolean, beganMs: number): void {
    for (const object of this.withParts(id)) {
      object.up = { is: isUp, fromMs: performance.now() };
      if (object.id === id && isSurelyThere(object))
        this.expectReached(`a start or stop of ${nameOf(object)}`, object.backend, beganMs);
    }
  }

  removalBegins(id: string): void {
    for (const object of this.withParts(id)) object.endBeganMs ??= performance.now();
  }

  /** It went well. */
  removed(id: string, beganMs: number): void {
    for (const object of this.withParts(id)) {
      // An earlier try may have gone through, and be known by now.
      const isFirstTry = (object.endBeganMs ?? 0) >= beganMs;
      if (object.id === id && isFirstTry && !object.isLost)
        this.expectReached(`the removal of ${nameOf(object)}`, object.backend, beganMs);
      object.endedMs ??= performance.now();
    }
  }

  /** A call that only the object's backend can answer went well. */
  reached(id: string, beganMs: number): void {
    const object = this.objects.get(id);
    if (object === undefined) return;
    this.expectReached(`a call for ${nameOf(object)}`, object.backend, beganMs);
    this.expectThere(object, beganMs);
  }

  /** A status of the object went well: it may be the last one known, while its backend is away. */
  showed(id: string, isUp: boolean, beganMs: number): void {
    const object = this.objects.get(id);
    if (object === undefined) return;
    this.expectThere(object, beganMs);
    if (!object.isLost) this.expectState('a status', object, isUp, beganMs);
  }

  /** A call for the object ended NOT_FOUND, which states a fact. */
  denied(rpc: string, id: string): void {
    const object = this.objects.get(id);
    if (object !== undefined && isSurelyThere(object))
      this.wrong(`${rpc} ends NOT_FOUND for the living ${nameOf(object)}`);
  }

  /** A list went well. */
  listed(kind: ObjectKind, entries: readonly Entry[], scope: Scope, beganMs: number): void {
    const shown = new Map<string, Entry>();
    const ready = new Set<string>();
    for (const entry of entries) {
      if (shown.has(entry.id)) this.wrong(`a list shows ${kind} ${short(entry.id)} twice`);
      if (kind === 'sandbox' && entry.isUp && ready.has(entry.uid))
        this.wrong(`a list shows two READY sandboxes of pod ${short(entry.uid)}`);
      if (!fits(entry, scope)) this.wrong(`a list shows ${kind} ${short(entry.id)}, which was not asked for`);
      shown.set(entry.id, entry);
      if (entry.isUp) ready.add(entry.uid);
      if (!this.objects.has(entry.id)) this.adopt(kind, entry);
    }
    const showsLost = new Set<string>();
    for (const object of this.objects.values()) {
      if (object.kind !== kind) continue;
      const entry = shown.get(object.id);
      if (entry === undefined) this.checkNotShown(object, scope, beganMs);
      else if (!object.isLost) this.checkShown(object, entry, beganMs);
      else if (this.isSettled(object, beganMs)) this.wrong(`a list shows the lost ${nameOf(object)} again`);
      else showsLost.add(object.backend);
    }
    if (scope.uid !== undefined || scope.isUp !== undefined) return;
    for (const [name, { lossSettledMs }] of this.backends) {
      if (!showsLost.has(name)) lossSettledMs[kind] = Math.min(lossSettledMs[kind], performance.now());
    }
  }

  /** The ids that must be on a backend now, and all that may be. */
  expected(kind: ObjectKind, backend: string): { readonly must: string[]; readonly may: Set<string> } {
    const here = [...this.objects.values()].filter((one) => one.kind === kind && one.backend === backend);
    return {
      must: here.filter(isSurelyThere).map(({ id }) => id),
      may: new Set(here.filter((one) => one.endedMs === undefined && !one.isLost).map(({ id }) => id)),
    };
  }

  /** Forgets objects that were gone before a moment: shown again they would be objects that nobody made. */
  forget(beforeMs: number): void {
    for (const [id, object] of this.objects) {
      const isGone = object.endedMs !== undefined && object.endedMs < beforeMs;
      if (isGone || (object.isLost && this.isSettled(object, beforeMs))) this.objects.delete(id);
    }
    for (const [parent, { count }] of this.unclear) if (count === 0) this.unclear.delete(parent);
  }

  private checkNotShown(object: Tracked, scope: Scope, beganMs: number): void {
    if (!isSurelyThere(object) || object.livesFromMs > beganMs) return;
    if (scope.uid !== undefined && scope.uid !== object.uid) return;
    const isUpSurely = object.up !== undefined && object.up.fromMs <= beganMs && object.up.is === scope.isUp;
    if (scope.isUp !== undefined && !isUpSurely) return;
    this.wrong(`a list lacks the living ${nameOf(object)}`);
  }

  private checkShown(object: Tracked, entry: Entry, beganMs: number): void {
    const { endedMs } = object;
    if (endedMs !== undefined && endedMs <= beganMs)
      this.wrong(`a list shows ${nameOf(object)} ${since(endedMs)} after it was removed`);
    this.expectState('a list', object, entry.isUp, beganMs);
    if (entry.uid !== object.uid) this.wrong(`a list shows ${nameOf(object)} with UID ${entry.uid}`);
  }

  /** Nobody was told of this object: it must come from a creation whose answer was lost or is still to come. */
  private adopt(kind: ObjectKind, entry: Entry): void {
    const origin = this.unclear.get(entry.parent);
    if (origin === undefined || origin.count === 0) {
      this.wrong(`a list shows ${kind} ${short(entry.id)}, which nobody made`);
      return;
    }
    const object = this.add(kind, entry, origin.backend, undefined);
    // It may be of the life before.
    object.isLost = this.truthOf(origin.backend).lossSettledMs[kind] === Number.POSITIVE_INFINITY;
  }

  private add(
    kind: ObjectKind,
    { id, uid, parent }: Omit<Entry, 'isUp'>,
    backend: string,
    isUp: boolean | undefined,
  ): Tracked {
    const livesFromMs = performance.now();
    const up = isUp === undefined ? undefined : { is: isUp, fromMs: livesFromMs };
    const fresh = { endBeganMs: undefined, endedMs: undefined, isLost: false };
    const object: Tracked = { kind, id, uid, parent, backend, livesFromMs, up, ...fresh };
    this.objects.set(id, object);
    return object;
  }

  /** A sandbox with its containers: what is done to it is done to them. */
  private withParts(id: string): Tracked[] {
    return [...this.objects.values()].filter((one) => one.id === id || one.parent === id);
  }

  private isSettled({ kind, backend }: Tracked, beganMs: number): boolean {
    return this.truthOf(backend).lossSettledMs[kind] <= beganMs;
  }

  private expectThere(object: Tracked, beganMs: number): void {
    const { endedMs, isLost } = object;
    if (endedMs !== undefined && endedMs <= beganMs)
      this.wrong(`${nameOf(object)} answers ${since(endedMs)} after it was removed`);
    if (isLost && this.isSettled(object, beganMs))
      this.wrong(`${nameOf(object)} answers, and its backend lost it`);
  }

  private expectState(what: string, object: Tracked, isUp: boolean, beganMs: number): void {
    const { up } = object;
    if (up === undefined || up.fromMs > beganMs || up.is === isUp || !isSurelyThere(object)) return;
    this.wrong(
      `${what} shows ${nameOf(object)} ${word(isUp)} ${since(up.fromMs)} after it was ${word(up.is)}`,
    );
  }

  private expectReached(what: string, backend: string, beganMs: number): void {
    const { downFromMs } = this.truthOf(backend);
    if (downFromMs !== undefined && downFromMs <= beganMs)
      this.wrong(`${what} went well, and backend ${backend} stands still since ${since(downFromMs)}`);
  }

  private truthOf(backend: string): BackendTruth {
    const truth = this.backends.get(backend);
    if (truth === undefined) throw new Error(`no backend ${backend} is known`);
    return truth;
  }
}

function isSurelyThere({ endBeganMs, isLost }: Tracked): boolean {
  return endBeganMs === undefined && !isLost;
}

function fits(entry: Entry, { uid, isUp }: Scope): boolean {
  return (uid === undefined || uid === entry.uid) && (isUp === undefined || isUp === entry.isUp);
}

const short = (id: string) => id.slice(0, 8);
const nameOf = ({ kind, id, backend }: Tracked) => `${kind} ${short(id)} of ${backend}`;
const since = (ms: number) => `${Math.round(performance.now() - ms)} ms`;
const word = (isUp: boolean) => (isUp ? 'up' : 'down');
