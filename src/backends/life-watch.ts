// Finds out whether a backend that is connected does its work. Three things tell: a call that waits for long brings about
// the question for its Version (life-check.ts), silence does so too (idle-watch.ts), and lists that are not answered while
// Version is (list-watch.ts). Whatever finds that it hangs, the calls in flight on it hear of it.
import type { Clock } from '../clock.ts';
import type { ClientConnection } from '../http2/client.ts';
import type { BackendCall, BackendRequest } from './backend-call.ts';
import { IdleWatch } from './idle-watch.ts';
import { LifeCheck } from './life-check.ts';
import { askLife } from './life-question.ts';
import { askList, type ListAnswer, type WatchedList } from './list-question.ts';
import { ListWatch } from './list-watch.ts';
import type { ProbedService } from './probe.ts';
import type { BackendState } from './state.ts';

export interface LifeWatchOptions extends ProbedService {
  readonly clock: Clock;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  /** How long it may take to answer a life check that its load brings about. */
  readonly statusMs: number;
  /** How long the config lets clients wait for its lists. */
  readonly listMs: number;
  /** The one that calls go to. */
  connection(): ClientConnection | undefined;
  state(): BackendState;
  /** Sends a call now, on a connection that has room for it. */
  send(connection: ClientConnection, call: BackendCall, request: BackendRequest): void;
  /** Sends it as the first when a stream is free. */
  sendFirst(call: BackendCall, request: BackendRequest): void;
  /** It hangs. */
  onHang(reason: string): void;
  /** It was asked in vain, and hangs: for what is in flight. */
  onSilence(): void;
  /** It answers again. */
  onAlive(): void;
}

export class LifeWatch {
  /** Hears of lists that are late, and of those that are answered. */
  readonly lists: ListWatch;
  readonly #options: LifeWatchOptions;
  readonly #check: LifeCheck;
  #idle: IdleWatch | undefined; // from start() on

  constructor(options: LifeWatchOptions) {
    this.#options = options;
    const { clock, listMs } = options;
    const onAlive = () => options.onAlive();
    this.#check = new LifeCheck({
      ...{ clock, onAlive },
      ask: (timeoutMs, done) => this.#askLife(timeoutMs, done),
      onHang: (reason) => {
        this.lists.reset();
        options.onHang(reason);
      },
    });
    this.lists = new ListWatch({
      ...{ clock, listMs, onAlive },
      isReady: () => this.#isReady,
      ask: (rpc, timeoutMs, done) => this.#askList(rpc, timeoutMs, done),
      onHang: (reason) => {
        this.#check.reset();
        options.onHang(reason);
        options.onSilence();
      },
      onHangsOn: () => options.onSilence(),
    });
  }

  start(): void {
    const { connection } = this.#options;
    this.#idle = new IdleWatch({
      ...this.#options,
      readCount: () => {
        const current = connection();
        return current?.canOpen() ? current.readCount : undefined;
      },
      ask: (timeoutMs) => this.suspect(timeoutMs),
    });
  }

  stop(): void {
    this.#idle?.stop();
  }

  /** There is another connection, or none. */
  reset(): void {
    this.#check.reset();
    this.#idle?.reset();
    this.lists.reset();
  }

  /** A call waits suspiciously long: whether anything else is answered is found out within `timeoutMs`. */
  suspect(timeoutMs: number): void {
    if (this.#isReady) this.#check.suspect(timeoutMs);
  }

  get #isReady(): boolean {
    return this.#options.state().kind === 'ready';
  }

  #askLife(timeoutMs: number, done: (trouble: string | undefined) => void): void {
    const { send, sendFirst, state, onSilence } = this.#options;
    const connection = this.#options.connection();
    if (connection === undefined) return;
    const hand = (call: BackendCall, request: BackendRequest) =>
      connection.canOpen() ? send(connection, call, request) : sendFirst(call, request);
    askLife({ ...this.#options, connection, hand }, timeoutMs, (silence) => {
      if (silence === undefined) this.#idle?.answered();
      done(silence?.reason);
      if (silence?.wasAsked && state().kind === 'hanging') onSilence();
    });
  }

  /** A question for which there is no room is not put: lists would not be the reason why it waits. */
  #askList(
    rpc: WatchedList,
    timeoutMs: number,
    done: (answer: ListAnswer) => void,
  ): (() => void) | undefined {
    const connection = this.#options.connection();
    if (!connection?.canOpen()) return undefined;
    const send = (call: BackendCall, request: BackendRequest) =>
      this.#options.send(connection, call, request);
    return askList({ ...this.#options, send }, rpc, timeoutMs, done);
  }
}
