// One name, several users: the look-up of the bare name that comes before CreateContainer does not say which backend it
// is for. So that it can be answered rightly, containers of one image name are begun on one backend at a time, or on
// several whose images have the same user. A turn begins with the answer to a pod's look-up and ends when its
// container is created, or its time has run out (turn-holds.ts). Where users do not differ nobody ever waits.
import type { Backend } from '../backends/backend.ts';
import type { Clock, Timer } from '../clock.ts';
import { imageKeyOf } from './image-key.ts';
import { MOST_HOLD_MS, TurnHolds } from './turn-holds.ts';

/** Longest wait of one look-up; then it is answered all the same, and CreateContainer will find out. */
export const WAIT_MS = 10_000;
/** The same for a pod that was refused: it outlasts one that has its turn before. */
export const REFUSED_WAIT_MS = 2 * MOST_HOLD_MS;
/** Look-ups that may wait for each backend, so that one backend's pods cannot take the room of another's. */
const WAITING = 256;
/** The same for pods that were refused, whom others would else keep out. */
const REFUSED_WAITING = 2 * WAITING;
const TURNS = 1_000;
const MEMBERS = 1_000;

/** The container that is to be created next for a pod. */
export interface Entrant {
  /** Who the pod is: a checksum of its annotations. */
  readonly pod: string;
  readonly backend: Backend;
  /** The user of the image there; undefined when not known. */
  readonly user: string | undefined;
}

/** A wait that has begun. */
export interface Waiting {
  /** Whether it is this entrant's turn; false when it has waited long enough, or its wait was cancelled. */
  readonly over: Promise<boolean>;
  cancel(): void;
}

interface Waiter {
  readonly entrant: Entrant;
  readonly rank: number;
  readonly timer: Timer;
  readonly go: (isTurn: boolean) => void;
}

/** A pod whose container is to come. */
interface Member {
  /** How long others wait for it. */
  readonly untilMs: number;
  readonly rank: number;
}

interface Turn {
  readonly key: string;
  readonly members: Map<string, Member>;
  readonly backends: Set<Backend>;
  user: string | undefined;
  readonly waiters: Set<Waiter>;
  /** Ends the turn when its last member has had its time; set while somebody waits. */
  timer: Timer | undefined;
}

export class ImageTurns {
  private readonly clock: Clock;
  private readonly turns = new Map<string, Turn>();
  private readonly waiting = new Map<Backend, number>();
  private readonly holds = new TurnHolds();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Whether it is the entrant's turn, or its wait for it. Without its turn it may go on, but must not lead anybody's bare
   * look-up to its backend.
   */
  enter(image: string, entrant: Entrant, waitMs: number): boolean | Waiting {
    const key = imageKeyOf(image);
    const turn = key === undefined ? undefined : (this.turns.get(key) ?? this.begin(key));
    // Too long a name, or one of too many: of such an image nobody has a turn.
    if (turn === undefined) return true;
    if (turn.waiters.size === 0) this.dropLate(turn);
    if (mayJoin(turn, entrant)) {
      this.join(turn, entrant);
      return true;
    }
    const rank = this.holds.rankOf(startKey(turn.key, entrant.pod), this.clock.now());
    const [room, longestMs] = rank > 0 ? [REFUSED_WAITING, REFUSED_WAIT_MS] : [WAITING, WAIT_MS];
    if (waitMs <= 0 || (this.waiting.get(entrant.backend) ?? 0) >= room) return false;
    return this.wait(turn, entrant, rank, Math.min(waitMs, longestMs));
  }

  /** Whether a call that is of no pod may lead bare look-ups to this backend, as it disturbs nobody's turn. */
  isFree(image: string, backend: Backend, user: string | undefined): boolean {
    const turn = this.turns.get(imageKeyOf(image) ?? '');
    if (turn === undefined) return true;
    if (turn.waiters.size === 0) this.dropLate(turn);
    return turn.members.size === 0 || fits(turn, { pod: '', backend, user });
  }

  /** Images of which a container is to come, or was. */
  get size(): number {
    return this.turns.size;
  }

  /** The pod's container is asked for. */
  leave(image: string, pod: string): void {
    const key = imageKeyOf(image);
    if (key === undefined) return;
    this.holds.noteCreation(startKey(key, pod));
    const turn = this.turns.get(key);
    if (turn === undefined || !turn.members.delete(pod)) return;
    if (turn.members.size === 0) this.pass(turn);
    else if (turn.waiters.size > 0) this.endLater(turn);
  }

  /** The pod's container may be made: no other has come in its way. */
  noteSuccess(image: string, pod: string): void {
    const key = imageKeyOf(image);
    if (key !== undefined) this.holds.noteSuccess(startKey(key, pod));
  }

  /** The pod's container was not made, as its user may be another's: its next turn is longer, and comes sooner. */
  noteRefusal(image: string, pod: string): void {
    const key = imageKeyOf(image);
    if (key !== undefined && pod !== '') this.holds.noteRefusal(startKey(key, pod), this.clock.now());
  }

  private begin(key: string): Turn | undefined {
    for (const [oldest, { waiters }] of this.turns) {
      if (this.turns.size < TURNS) break;
      if (waiters.size > 0) return undefined;
      this.turns.delete(oldest);
    }
    const nobody = { members: new Map(), backends: new Set<Backend>(), waiters: new Set<Waiter>() };
    const turn: Turn = { key, ...nobody, user: undefined, timer: undefined };
    this.turns.set(key, turn);
    return turn;
  }

  private join(turn: Turn, { pod, backend, user }: Entrant): void {
    if (turn.members.size === 0) {
      turn.backends.clear();
      turn.user = undefined;
    }
    turn.backends.add(backend);
    turn.user = user ?? turn.user;
    // One that asks again and again would keep the others waiting. One too many can be disturbed, but disturbs nobody.
    if (turn.members.has(pod) ? turn.waiters.size > 0 : turn.members.size >= MEMBERS) return;
    const nowMs = this.clock.now();
    const start = startKey(turn.key, pod);
    const untilMs = nowMs + this.holds.holdMsOf(start, nowMs);
    turn.members.set(pod, { untilMs, rank: this.holds.rankOf(start, nowMs) });
  }

  private wait(turn: Turn, entrant: Entrant, rank: number, waitMs: number): Waiting {
    let go: (isTurn: boolean) => void = () => {};
    const over = new Promise<boolean>((resolve) => {
      go = resolve;
    });
    const timer = this.clock.after(waitMs, () => this.endWait(turn, waiter));
    const waiter = { entrant, rank, timer, go };
    turn.waiters.add(waiter);
    this.count(entrant.backend, 1);
    if (turn.timer === undefined) this.endLater(turn);
    return { over, cancel: () => this.giveUp(turn, waiter) };
  }

  /** One that was refused more often than all whose turn it is takes it from them: so at least one always gets through. */
  private endWait(turn: Turn, waiter: Waiter): void {
    const highest = Math.max(0, ...[...turn.members.values()].map(({ rank }) => rank));
    this.noteLapses(turn);
    if (waiter.rank > highest) this.pass(turn, waiter);
    else this.giveUp(turn, waiter);
  }

  private giveUp(turn: Turn, waiter: Waiter): void {
    this.release(turn, waiter, false);
    if (turn.waiters.size > 0) return;
    turn.timer?.cancel();
    turn.timer = undefined;
  }

  private release(turn: Turn, waiter: Waiter, isTurn: boolean): void {
    if (!turn.waiters.delete(waiter)) return;
    this.count(waiter.entrant.backend, -1);
    waiter.timer.cancel();
    waiter.go(isTurn);
  }

  private count(backend: Backend, more: 1 | -1): void {
    this.waiting.set(backend, (this.waiting.get(backend) ?? 0) + more);
  }

  private endLater(turn: Turn): void {
    turn.timer?.cancel();
    const lastMs = Math.max(0, ...[...turn.members.values()].map(({ untilMs }) => untilMs));
    turn.timer = this.clock.after(Math.max(0, lastMs - this.clock.now()), () => {
      this.noteLapses(turn);
      this.pass(turn);
    });
  }

  /** Somebody has waited in vain, or to the end, for those whose turn it is. */
  private noteLapses({ key, members }: Turn): void {
    for (const pod of members.keys()) this.holds.noteLapse(startKey(key, pod), this.clock.now());
  }

  /** The turn goes to the first that waits, and to all who may have it together with that one. */
  private pass(turn: Turn, first = firstOf(turn.waiters)): void {
    turn.timer?.cancel();
    turn.timer = undefined;
    turn.members.clear();
    if (first === undefined) {
      this.turns.delete(turn.key);
      return;
    }
    for (const waiter of [first, ...turn.waiters]) {
      if (!turn.waiters.has(waiter) || (waiter !== first && !fits(turn, waiter.entrant))) continue;
      this.release(turn, waiter, true);
      this.join(turn, waiter.entrant);
    }
    if (turn.waiters.size > 0) this.endLater(turn);
  }

  private dropLate(turn: Turn): void {
    const nowMs = this.clock.now();
    for (const [pod, { untilMs }] of turn.members) if (untilMs <= nowMs) turn.members.delete(pod);
  }
}

/** Those who wait come before new ones, so that nobody waits for ever; a pod that has its turn keeps it. */
function mayJoin(turn: Turn, entrant: Entrant): boolean {
  if (turn.members.size === 0) return true;
  return fits(turn, entrant) && (turn.waiters.size === 0 || turn.members.has(entrant.pod));
}

/** Whether its bare look-up may be answered by any of the backends whose turn it is. */
function fits(turn: Turn, { backend, user }: Entrant): boolean {
  return turn.backends.has(backend) || (user !== undefined && user === turn.user);
}

/** Of those that were refused most often, the one that has waited longest. */
function firstOf(waiters: Iterable<Waiter>): Waiter | undefined {
  let first: Waiter | undefined;
  for (const waiter of waiters) if (first === undefined || waiter.rank > first.rank) first = waiter;
  return first;
}

function startKey(key: string, pod: string): string {
  return `${pod} ${key}`;
}
