// Time as a value that is handed in, so that tests can turn it by hand.
import { performance } from 'node:perf_hooks'; // the global one is a getter

/** A timer that was set and can be taken back. */
export interface Timer {
  /** Does nothing when the timer has fired. */
  cancel(): void;
}

/** Where all parts get their time from. */
export interface Clock {
  /** Monotonic milliseconds with fractions; only differences mean something. */
  now(): number;
  /** Milliseconds since the Unix epoch, for people and timestamps on the wire. */
  wallMs(): number;
  /** Calls `run` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as that aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A moment on both clocks. */
export interface Moment {
  /** As now() had it. */
  readonly atMs: number;
  /** As wallMs() had it. */
  readonly wallMs: number;
}

/** The present moment. */
export function momentOf(clock: Clock): Moment {
  return { atMs: clock.now(), wallMs: clock.wallMs() };
}
