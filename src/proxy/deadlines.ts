// The clients' deadlines, kept by our own clock. One coarse timer for all calls, because calls are many and their
// deadlines hardly ever strike: a kubelet's own timer goes off at the same moment anyway.
import type { Clock } from '../clock.ts';
import { DeadlineError } from '../errors.ts';
import type { Call } from './call.ts';

/** How late a deadline may strike. */
const TICK_MS = 20;

export class Deadlines {
  private readonly clock: Clock;
  private readonly calls = new Set<Call>();
  private isTicking = false;
  private readonly forget = (call: Call) => {
    this.calls.delete(call);
  };

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Ends the call with DEADLINE_EXCEEDED when its deadline has passed and it is not over. */
  watch(call: Call): void {
    this.calls.add(call);
    call.watch(this.forget);
    if (!this.isTicking) this.tick();
  }

  private tick(): void {
    this.isTicking = true;
    this.clock.after(TICK_MS, () => {
      const now = this.clock.now();
      for (const call of this.calls) {
        if ((call.deadlineAtMs ?? Number.POSITIVE_INFINITY) > now) continue;
        this.calls.delete(call);
        call.expire(new DeadlineError(`the client's deadline for ${call.rpc} has passed`));
      }
      this.isTicking = false;
      if (this.calls.size > 0) this.tick();
    });
  }
}
