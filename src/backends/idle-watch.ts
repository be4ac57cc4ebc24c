// Looks after a backend that is asked nothing: when it has said nothing for ten seconds it is asked for a sign of life, so
// that one which hangs on a node without work is not taken for a healthy one.
import type { Clock } from '../clock.ts';
import { Repeater } from '../repeater.ts';

const LOOK_MS = 2_500;
/** So many looks without a word of the backend, which are ten seconds, and it is asked. */
const QUIET_LOOKS = 4;
/** How long it may take for its answer, at least: no call waits for it. */
const ANSWER_MS = 2_000;

export interface IdleWatchOptions {
  readonly clock: Clock;
  /** How long it may take to answer a life check that its load brings about. */
  readonly statusMs: number;
  /**
   * Reads of its connection so far; undefined while no question can be put to it: without a connection, and while all
   * its streams are taken, for what takes them may be what it works at.
   */
  readCount(): number | undefined;
  /** Asks for a sign of life, if it is taken for one that lives. */
  ask(timeoutMs: number): void;
}

export class IdleWatch {
  readonly #options: IdleWatchOptions;
  readonly #repeater: Repeater;
  /** The reads at the last look, the answer to a question of ours included. */
  #seenReads: number | undefined;
  #quietLooks = 0;
  #isAsking = false;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
    this.#repeater = new Repeater(options.clock, LOOK_MS, async () => this.#look());
  }

  /** The backend has answered a question for a sign of life. One that was asked here says nothing of other calls. */
  answered(): void {
    if (this.#isAsking) this.#seenReads = this.#options.readCount();
    this.#isAsking = false;
  }

  /** There is another connection, or none. */
  reset(): void {
    this.#seenReads = undefined;
    this.#isAsking = false;
  }

  stop(): void {
    this.#repeater.stop();
  }

  #look(): void {
    const { statusMs } = this.#options;
    const reads = this.#options.readCount();
    if (reads === undefined) return;
    if (reads !== this.#seenReads) {
      this.#seenReads = reads;
      this.#quietLooks = 0;
    } else this.#quietLooks++;
    if (this.#quietLooks < QUIET_LOOKS) return;
    this.#quietLooks = 0;
    this.#isAsking = true;
    this.#options.ask(Math.max(ANSWER_MS, statusMs));
  }
}
