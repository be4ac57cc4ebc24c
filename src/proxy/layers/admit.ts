// Takes calls in, as many as the config allows, and none while Switchyard stops.
import { DrainingError, OverloadedError } from '../../errors.ts';
import { UNREAD } from '../call-reply.ts';
import type { Layer } from './layer.ts';

/** So many calls are work; fewer are a client that looks who is there. */
const WORK_CALLS = 10;

/** Calls that are being served, and the door to them. */
export class Admission {
  private readonly limit: number;
  private count = 0;
  private isDraining = false;
  private onEmpty: (() => void) | undefined;
  /** Resolves when the first call is over. */
  readonly firstAnswer: Promise<void>;
  private answered: (() => void) | undefined;
  private readonly onWork: () => void;
  private callsBeforeWork = WORK_CALLS;

  /** `onWork` is called once, when so many calls are over that more must be expected. */
  constructor(limit: number, onWork: () => void) {
    this.limit = limit;
    this.onWork = onWork;
    this.firstAnswer = new Promise((resolve) => {
      this.answered = resolve;
    });
  }

  get callsInFlight(): number {
    return this.count;
  }

  /** Refuses new calls from now on; resolves when the last one in flight is over. */
  drain(): Promise<void> {
    this.isDraining = true;
    return new Promise((resolve) => {
      if (this.count === 0) resolve();
      else this.onEmpty = resolve;
    });
  }

  /** The layer itself. */
  readonly layer: Layer = (next) => (call) => {
    if (this.isDraining)
      throw new DrainingError('Switchyard is stopping', { hint: 'Try again when it is back' });
    if (this.count >= this.limit) {
      throw new OverloadedError(`${this.count} calls are in flight, which is the limit`, {
        hint: 'Raise limits.callsInFlight in the config, or look for a backend that hangs',
      });
    }
    if (!call.client.hasReplyRoom) {
      throw new OverloadedError(UNREAD, { hint: 'The client must read the replies it asked for' });
    }
    this.count++;
    call.leavePlace = this.leave;
    return next(call);
  };

  private readonly leave = () => {
    this.count--;
    if (this.answered !== undefined) {
      // Once: Node looks into every resolve of a promise that is settled.
      this.answered();
      this.answered = undefined;
    }
    if (this.callsBeforeWork > 0 && --this.callsBeforeWork === 0) this.onWork();
    if (this.count === 0) this.onEmpty?.();
  };
}
