// How a serving command ends: the first signal asks it to finish what it does, a second one ends it at once.
import { type Clock, systemClock } from '../clock.ts';
import { type CliContext, EXIT, type SignalName } from './context.ts';

/** Ctrl-C under npm arrives twice, from the terminal and from npm: what follows the first so soon is the same wish. */
const SAME_WISH_MS = 500;

const STOP_SIGNALS: readonly SignalName[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/** The wishes to stop, from the moment this is made. */
export class StopSignals implements Disposable {
  /** Resolves at the first signal, with its name. */
  readonly first: Promise<SignalName>;
  /** Resolves at the next signal that is a wish of its own. */
  readonly second: Promise<void>;
  readonly #release: () => void;

  /** `more` are signals that mean the same to this command. */
  constructor(context: CliContext, more: readonly SignalName[] = [], clock: Clock = systemClock) {
    let resolveFirst: (signal: SignalName) => void;
    let resolveSecond: () => void;
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    this.second = new Promise((resolve) => {
      resolveSecond = resolve;
    });
    let firstAtMs: number | undefined;
    this.#release = context.onSignals([...STOP_SIGNALS, ...more], (signal) => {
      if (firstAtMs === undefined) {
        firstAtMs = clock.now();
        resolveFirst(signal);
      } else if (clock.now() - firstAtMs > SAME_WISH_MS) {
        resolveSecond();
      }
    });
  }

  /** What `work` gives; a second signal ends the wait with undefined, and the command counts as failed. */
  unlessTwice<T>(context: CliContext, work: Promise<T>): Promise<T | undefined> {
    const cutShort = this.second.then(() => {
      context.process.exitCode = EXIT.failed;
      return undefined;
    });
    return Promise.race([work, cutShort]);
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}
