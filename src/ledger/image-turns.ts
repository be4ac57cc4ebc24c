// One name, several users: the look-up of the bare name that comes before CreateContainer does not say which backend it
// is for. So that it can be answered rightly, containers of one image name are begun on one backend at a time, or on
// several whose images have the same user. A turn begins with the answer to a pod's look-up and ends when its
// container is created. Where users do not differ nobody ever waits.
import type { Backend } from '../backends/backend.ts';
import type { Clock, Timer } from '../clock.ts';
import { withTag } from '../cri/image-reference.ts';

/** How long those with another user wait for a container that is never created. A kubelet needs a few milliseconds. */
export const HOLD_MS = 2_000;
/** Longest wait of one look-up; then it is answered all the same, and CreateContainer will find out. */
export const WAIT_MS = 10_000;
const WAITING = 256;
const TURNS = 1_000;

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
  /** Resolves when it is this entrant's turn, when it has waited long enough, or when the wait is cancelled. */
  readonly over: Promise<void>;
  cancel(): void;
}

interface Waiter {
  readonly entrant: Entrant;
  readonly timer: Timer;
  readonly go: () => void;
}

interface Turn {
  /** Pods whose container is to come, and until when others wait for it; the first to be late comes first. */
  readonly members: Map<string, number>;
  readonly backends: Set<Backend>;
  user: string | undefined;
  readonly waiters: Set<Waiter>;
  /** Ends the turn when its last member has had its time; set while somebody waits. */
  timer: Timer | undefined;
}

export class ImageTurns {
  private readonly clock: Clock;
  private readonly turns = new Map<string, Turn>();
  private waiting = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Undefined when the entrant need not wait: it has its turn, or there is no room to wait. */
  enter(image: string, entrant: Entrant, waitMs: number): Waiting | undefined {
    const key = withTag(image);
    const turn = this.turns.get(key) ?? this.begin(key);
    if (turn === undefined) return undefined;
    if (turn.waiters.size === 0) this.dropLate(turn);
    if (this.mayJoin(turn, entrant)) {
      this.join(turn, entrant);
      return undefined;
    }
    if (this.waiting >= WAITING || waitMs <= 0) return undefined;
    return this.wait(key, turn, entrant, Math.min(waitMs, WAIT_MS));
  }

  /** Images of which a container is to come, or was. */
  get size(): number {
    return this.turns.size;
  }

  /** The pod's container is being created. */
  leave(image: string, pod: string): void {
    const key = withTag(image);
    const turn = this.turns.get(key);
    if (turn === undefined || !turn.members.delete(pod)) return;
    if (turn.members.size === 0) this.pass(key, turn);
  }

  private begin(key: string): Turn | undefined {
    for (const [oldest, { waiters }] of this.turns) {
      if (this.turns.size < TURNS) break;
      if (waiters.size > 0) return undefined;
      this.turns.delete(oldest);
    }
    const turn: Turn = {
      members: new Map(),
      backends: new Set(),
      user: undefined,
      waiters: new Set(),
      timer: undefined,
    };
    this.turns.set(key, turn);
    return turn;
  }

  /** Those who wait come before new ones, so that nobody waits for ever; a pod that has its turn keeps it. */
  private mayJoin(turn: Turn, entrant: Entrant): boolean {
    if (turn.members.size === 0) return true;
    return fits(turn, entrant) && (turn.waiters.size === 0 || turn.members.has(entrant.pod));
  }

  private join(turn: Turn, { pod, backend, user }: Entrant): void {
    if (turn.members.size === 0) {
      turn.backends.clear();
      turn.user = undefined;
    }
    // Asked again and again, it would keep the others waiting.
    if (turn.waiters.size === 0 || !turn.members.has(pod)) {
      turn.members.delete(pod);
      turn.members.set(pod, this.clock.now() + HOLD_MS);
    }
    turn.backends.add(backend);
    turn.user = user ?? turn.user;
  }

  private wait(key: string, turn: Turn, entrant: Entrant, waitMs: number): Waiting {
    const end = () => {
      if (!turn.waiters.delete(waiter)) return;
      this.waiting--;
      waiter.timer.cancel();
      go();
      if (turn.waiters.size > 0) return;
      turn.timer?.cancel();
      turn.timer = undefined;
    };
    let go: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      go = resolve;
    });
    const waiter = { entrant, timer: this.clock.after(waitMs, end), go };
    turn.waiters.add(waiter);
    this.waiting++;
    turn.timer ??= this.endLater(key, turn);
    return { over, cancel: end };
  }

  private endLater(key: string, turn: Turn): Timer {
    let lastMs = 0;
    for (const untilMs of turn.members.values()) lastMs = untilMs;
    return this.clock.after(Math.max(0, lastMs - this.clock.now()), () => {
      turn.timer = undefined;
      this.pass(key, turn);
    });
  }

  /** The turn goes to the first that waits, and to all who may have it together with that one. */
  private pass(key: string, turn: Turn): void {
    turn.timer?.cancel();
    turn.timer = undefined;
    turn.members.clear();
    const [first] = turn.waiters;
    if (first === undefined) {
      this.turns.delete(key);
      return;
    }
    for (const waiter of [...turn.waiters]) {
      if (waiter !== first && !fits(turn, waiter.entrant)) continue;
      turn.waiters.delete(waiter);
      this.waiting--;
      waiter.timer.cancel();
      this.join(turn, waiter.entrant);
      waiter.go();
    }
    if (turn.waiters.size > 0) turn.timer = this.endLater(key, turn);
  }

  private dropLate(turn: Turn): void {
    const nowMs = this.clock.now();
    for (const [pod, untilMs] of turn.members) {
      if (untilMs > nowMs) break;
      turn.members.delete(pod);
    }
  }
}

/** Whether its bare look-up may be answered by any of the backends whose turn it is. */
function fits(turn: Turn, { backend, user }: Entrant): boolean {
  return turn.backends.has(backend) || (user !== undefined && user === turn.user);
}
