// Finds the backend that answers Version and no list: a containerd whose metadata store is locked does. Only a question of
// Switchyard's own decides, for the whole list: what a client asks for may be work for an hour, and clients leave.
import type { Clock, Timer } from '../clock.ts';
import {
  isAnswer,
  isAnswerStatus,
  isWatchedList,
  type ListAnswer,
  type WatchedList,
} from './list-question.ts';
import type { UnaryOutcome } from './unary-call.ts';

export interface ListWatchOptions {
  readonly clock: Clock;
  /** How long the config lets a client wait for its lists before the snapshot stands in. */
  readonly listMs: number;
  /** Whether it is taken for one that lives. */
  isReady(): boolean;
  /**
   * Asks for the whole list, whatever the state; `done` gets what became of it, unless what this gives is called before.
   * Undefined when no question can be put now.
   */
  ask(rpc: WatchedList, timeoutMs: number, done: (answer: ListAnswer) => void): (() => void) | undefined;
  /** It owes a list: it hangs. */
  onHang(reason: string): void;
  /** It still does. */
  onHangsOn(): void;
  /** It answers lists again. */
  onAlive(): void;
}

/**
 * How long it may take for a list, at least. The slowest honest ones, of a loaded node with hundreds of pods, take some
 * seconds; a kubelet that is without any list for three minutes makes its node NotReady.
 */
const PATIENCE_MS = 60_000;
/** After an answer to any list, and between two questions. */
const PAUSE_MS = 5_000;

export class ListWatch {
  readonly #options: ListWatchOptions;
  /** Ends the question that is under way. */
  #endQuestion: (() => void) | undefined;
  /** No question before this moment. */
  #askFromMs: number;
  #isHanging = false;
  #again: Timer | undefined;

  constructor(options: ListWatchOptions) {
    this.#options = options;
    this.#askFromMs = options.clock.now() + PAUSE_MS;
  }

  /** A call has been waited for suspiciously long. To be called again and again while that is so; what is no list is left. */
  late(rpc: string): void {
    if (isWatchedList(rpc) && this.#options.isReady()) this.#ask(rpc);
  }

  /** A call has come to this, which may be the answer to a list, whichever and whosever. */
  ended(rpc: string, outcome: UnaryOutcome): void {
    if (!isWatchedList(rpc)) return;
    if (isAnswer(outcome)) this.#answered();
    else this.late(rpc);
  }

  /** The list has ended in its streamed form, with this status. */
  endedWith(rpc: string, code: number): void {
    if (isWatchedList(rpc) && isAnswerStatus(code)) this.#answered();
  }

  #answered(): void {
    this.#endQuestion?.();
    this.#pause();
    if (!this.#isHanging) return;
    this.#isHanging = false;
    this.#again?.cancel();
    this.#options.onAlive();
  }

  /** There is a new connection, or none, or it hangs altogether: what was found out is void. */
  reset(): void {
    this.#endQuestion?.();
    this.#pause();
    this.#isHanging = false;
    this.#again?.cancel();
  }

  #pause(): void {
    this.#endQuestion = undefined;
    this.#askFromMs = this.#options.clock.now() + PAUSE_MS;
  }

  #ask(rpc: WatchedList): void {
    const { clock, listMs, ask, onHang } = this.#options;
    if (this.#endQuestion !== undefined || clock.now() < this.#askFromMs) return;
    const patienceMs = Math.max(PATIENCE_MS, listMs);
    let isOver = false;
    const end = ask(rpc, patienceMs, (answer) => {
      isOver = true;
      this.#pause();
      if (answer === 'some') this.#answered();
      else if (answer === 'none' && !this.#isHanging) {
        this.#isHanging = true;
        this.#lookAgain(rpc);
        onHang(`it answers Version, but no ${rpc} for ${patienceMs / 1_000} s`);
      }
    });
    if (!isOver) this.#endQuestion = end;
  }

  /** While it hangs. */
  #lookAgain(rpc: WatchedList): void {
    this.#again = this.#options.clock.after(PAUSE_MS, () => {
      this.#lookAgain(rpc);
      this.#ask(rpc);
      this.#options.onHangsOn();
    });
  }
}
