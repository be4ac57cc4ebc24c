// Takes calls in, as many as the config allows, and none while Switchyard stops.
import { DrainingError, OverloadedError } from '../../errors.ts';
import { SharedBudget } from '../../http2/shared-budget.ts';
import type { Call } from '../call.ts';
import { UNREAD } from '../call-reply.ts';
import type { Layer } from './layer.ts';

/** So much beyond the limit is kept for clients that have few calls in flight, when others use it up. */
const RESERVE = 0.1;

/** So many calls are work; fewer are a client that looks who is there. */
const WORK_CALLS = 10;

/** Lists wait for room: see list-turn.ts. */
function isList({ route }: Call): boolean {
  const kind = route?.method?.kind;
  return kind === 'list' || kind === 'stream-list';
}

/** Calls that are being served, and the door to them. */
export class Admission {
  /** What each client has a share of. */
  readonly budget: SharedBudget;
  private isDraining = false;
  private onEmpty: (() => void) | undefined;
  /** Resolves when the first call is over. */
  readonly firstAnswer: Promise<void>;
  private answered: (() => void) | undefined;
  private readonly onWork: () => void;
  private callsBeforeWork = WORK_CALLS;

  /** `onWork` is called once, when so many calls are over that more must be expected. */
  constructor(limit: number, onWork: () => void) {
    this.budget = new SharedBudget(limit, Math.floor(limit * RESERVE));
    this.onWork = onWork;
    this.firstAnswer = new Promise((resolve) => {
      this.answered = resolve;
    });
  }

  get callsInFlight(): number {
    return this.budget.used;
  }

  /** Refuses new calls from now on; resolves when the last one in flight is over. */
  drain(): Promise<void> {
    this.isDraining = true;
    return new Promise((resolve) => {
      if (this.budget.used === 0) resolve();
      else this.onEmpty = resolve;
    });
  }

  /** The layer itself. */
  readonly layer: Layer = (next) => (call) => {
    if (this.isDraining)
      throw new DrainingError('Switchyard is stopping', { hint: 'Try again when it is back' });
    const { calls } = call.client;
    if (!calls.allows(1)) {
      throw new OverloadedError(`${this.budget.used} calls are in flight, which is the limit`, {
        hint: 'Raise limits.callsInFlight in the config, or look for a backend that hangs',
      });
    }
    if (!call.client.hasReplyRoom && !isList(call)) {
      throw new OverloadedError(UNREAD, { hint: 'The client must read the replies it asked for' });
    }
    calls.take(1);
    call.leavePlace = this.leave;
    return next(call);
  };

  private readonly leave = (call: Call) => {
    call.client.calls.take(-1);
    if (this.answered !== undefined) {
      // Once: Node looks into every resolve of a promise that is settled.
      this.answered();
      this.answered = undefined;
    }
    if (this.callsBeforeWork > 0 && --this.callsBeforeWork === 0) this.onWork();
    if (this.budget.used === 0) this.onEmpty?.();
  };
}
