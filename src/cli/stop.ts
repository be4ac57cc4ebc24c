// How a serving command ends: the first signal asks it to finish what it does, a second one ends it at once.
import { type Clock, systemClock } from '../clock.ts';
import { type CliContext, EXIT } from './context.ts';

/** Ctrl-C under npm arrives twice, from the terminal and from npm: what follows the first so soon is the same wish. */
const SAME_WISH_MS = 500;

/** The wishes to stop, from the moment this is made. */
export class StopSignals implements Disposable {
  /** Resolves at the first signal. */
  readonly first: Promise<void>;
  /** Resolves at the next signal that is a wish of its own. */
  readonly second: Promise<void>;
  readonly #release: () => void;

  constructor(context: CliContext, clock: Clock = systemClock) {
    let resolveFirst: () => void;
    let resolveSecond: () => void;
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    this.second = new Promise((resolve) => {
      resolveSecond = resolve;
    });
    let firstAtMs: number | undefined;
    this.#release = context.onStopSignal(() => {
      if (firstAtMs === undefined) {
        firstAtMs = clock.now();
        resolveFirst();
      } else if (clock.now() - firstAtMs > SAME_WISH_MS) {
        resolveSecond();
      }
    });
  }

  /** Runs `close`; a second signal ends the wait, and the command counts as failed. */
  async close(context: CliContext, close: () => Promise<void>): Promise<void> {
    const isCutShort = await Promise.race([close().then(() => false), this.second.then(() => true)]);
    if (isCutShort) context.process.exitCode = EXIT.failed;
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}
