// The clients' deadlines, kept by our own clock. One coarse timer for all calls, because calls are many and their
// deadlines hardly ever strike: a kubelet's own timer goes off at the same moment anyway.
import type { Clock } from '../clock.ts';
import { DeadlineError } from '../errors.ts';
import type { Call } from './call.ts';

/** How late a deadline may strike. */
const TICK_MS = 20;

export class Deadlines {
  private readonly clock: Clock;
  /**
   * Not a Set: its tables would be replaced all the time under load, and old ones that the collector has promoted keep
   * dead calls alive. A call knows its place, so leaving costs one move.
   */
  private readonly calls: Call[] = [];
  private isTicking = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Ends the call with DEADLINE_EXCEEDED when its deadline has passed and it is not over. */
  watch(call: Call): void {
    call.deadlineSlot = this.calls.length;
    this.calls.push(call);
    call.watch(this.forget);
    if (!this.isTicking) this.tick();
  }

  private readonly forget = (call: Call): void => {
    const slot = call.deadlineSlot;
    const last = this.calls.pop();
    if (last === undefined || last === call) return;
    this.calls[slot] = last;
    last.deadlineSlot = slot;
  };

  private tick(): void {
    this.isTicking = true;
    this.clock.after(TICK_MS, () => {
      const now = this.clock.now();
      const expired = this.calls.filter((call) => (call.deadlineAtMs ?? Number.POSITIVE_INFINITY) <= now);
      for (const call of expired)
        call.expire(new DeadlineError(`the client's deadline for ${call.rpc} has passed`));
      this.isTicking = false;
      if (this.calls.length > 0) this.tick();
    });
  }
}
