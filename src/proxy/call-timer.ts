// A timer on the way of a call. What goes wrong when it fires is that call's trouble: thrown out of a plain timer it would
// end the process, and with it all other calls.
import type { Clock, Timer } from '../clock.ts';
import type { Call } from './call.ts';

/** Calls `run` once after `delayMs`; what it throws fails the call. */
export function callTimer(clock: Clock, call: Call, delayMs: number, run: () => void): Timer {
  return clock.after(delayMs, () => {
    try {
      run();
    } catch (error) {
      call.fail(error);
    }
  });
}
