// A container runtime behind us: its state, its connection, and the door through which every call to it goes.
import type { Clock, Timer } from '../clock.ts';
import type { BackendConfig } from '../config/config.ts';
import { encodeVersionRequest } from '../cri/own-messages.ts';
import { type ApiVersion, pathFor } from '../cri/versions.ts';
import { BackendUnavailableError, OverloadedError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import { backendRequestFields } from '../grpc/metadata.ts';
import { timeoutField } from '../grpc/timeout.ts';
import type { ClientConnection } from '../http2/client.ts';
import { MAX_PAYLOAD_BYTES } from '../http2/frame.ts';
import type { BackendCall, BackendRequest, OwnCall } from './backend-call.ts';
import { Connector } from './connector.ts';
import { LifeCheck } from './life-check.ts';
import type { BackendVersion } from './probe.ts';
import { BackendSnapshot } from './snapshot.ts';
import { type BackendState, describeState, isAbsentState } from './state.ts';
import { UnaryCall, type UnaryOutcome } from './unary-call.ts';
import { WaitingCalls } from './waiting-calls.ts';

/** Calls that may wait for a connection or a free stream; more are refused. */
const WAITING_CALLS_LIMIT = 1_000;
/** Request bytes that may wait for the backend to read them; a call more is refused. A kubelet's calls have a few KiB. */
const UNREAD_BYTES_LIMIT = 64 * 1024 * 1024;

export interface BackendOptions {
  readonly config: BackendConfig;
  readonly clock: Clock;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  /** Calls it may hold at once; more are refused, so that one that hangs cannot take the calls of all others. */
  readonly callsInFlight: number;
  readonly events: BackendEvents;
}

/** What a backend tells those that watch it. */
export interface BackendEvents {
  /** Every change of state. */
  onState(backend: Backend, state: BackendState): void;
  /** A bug: what receives an answer has thrown. */
  onError(backend: Backend, error: unknown): void;
}

export class Backend {
  readonly name: string;
  readonly messageName: string; // for errors
  readonly config: BackendConfig;
  /** What it last said, to answer for it while it can't. */
  readonly snapshot = new BackendSnapshot();
  private readonly options: BackendOptions;
  private readonly connector: Connector;
  private readonly lifeCheck: LifeCheck;
  private connection: ClientConnection | undefined;
  private readonly waiting = new WaitingCalls();
  private currentState: BackendState;
  private absentFromMs = 0; // on the clock's now()
  private lastVersion: BackendVersion | undefined;
  private lastApiVersion: ApiVersion = 'v1';

  constructor(options: BackendOptions) {
    this.options = options;
    this.config = options.config;
    this.name = options.config.name;
    this.messageName = `a message of backend ${this.name}`;
    this.currentState = { kind: 'connecting', sinceMs: options.clock.wallMs() };
    this.lifeCheck = new LifeCheck({
      clock: options.clock,
      ask: (timeoutMs, done) => this.askLife(timeoutMs, done),
      onHang: (reason) => this.turn({ kind: 'hanging', reason, sinceMs: options.clock.wallMs() }),
      onAlive: () =>
        this.turn({ kind: 'ready', apiVersion: this.lastApiVersion, sinceMs: options.clock.wallMs() }),
    });
    this.connector = new Connector({
      backendName: this.name,
      socket: options.config.socket,
      clock: options.clock,
      onState: (state, connection, version) => this.enter(state, connection, version),
      onSlot: () => this.drainWaiting(),
      onError: (error) => options.events.onError(this, error),
    });
  }

  get state(): BackendState {
    return this.currentState;
  }

  /** What it said of itself when it was last connected; undefined before the first time. */
  get version(): BackendVersion | undefined {
    return this.lastVersion;
  }

  /** The CRI version it speaks; v1 until it was first connected. */
  get apiVersion(): ApiVersion {
    return this.lastApiVersion;
  }

  /** True when calls fail at once. A backend that is still connecting is not absent: calls wait for it. */
  get isAbsent(): boolean {
    return isAbsentState(this.currentState);
  }

  /** How long calls have been failing at once; 0 while they do not. */
  get absentMs(): number {
    return this.isAbsent ? this.options.clock.now() - this.absentFromMs : 0;
  }

  /** Calls sent and not answered yet, and calls that wait to be sent. */
  get callsInFlight(): number {
    return (this.connection?.streamCount ?? 0) + this.waiting.count;
  }

  start(): void {
    this.connector.start();
  }

  stop(): void {
    this.connector.stop();
  }

  /** The error for a call that needs this backend while it is absent. */
  absenceError(): BackendUnavailableError {
    return new BackendUnavailableError(`backend ${this.name} ${describeState(this.currentState)}`, {
      hint: `Check the runtime behind ${this.config.socket}; Switchyard reconnects by itself`,
    });
  }

  /**
   * Hands a call over. It is sent at once on a ready connection with a free stream, waits while the backend is
   * connecting or all its streams are in use, and is refused when the backend is absent.
   */
  call(call: BackendCall, request: BackendRequest): void {
    const { connection } = this;
    const refusal = this.isAbsent ? this.absenceError() : this.overload();
    if (refusal !== undefined) call.onRefused(refusal);
    else if (connection?.canOpen()) this.send(connection, call, request);
    else if (this.waiting.count < WAITING_CALLS_LIMIT) this.waiting.push(call, request);
    else
      call.onRefused(
        new BackendUnavailableError(`${WAITING_CALLS_LIMIT} calls already wait for backend ${this.name}`),
      );
  }

  /**
   * Why it takes no call more; undefined when it does. A backend that hangs must use up neither all calls nor the
   * memory; whether it does is found out then.
   */
  private overload(): OverloadedError | undefined {
    const { callsInFlight, name } = this;
    const unreadBytes = this.waiting.sizeBytes + (this.connection?.queuedBytes ?? 0);
    if (callsInFlight < this.options.callsInFlight && unreadBytes <= UNREAD_BYTES_LIMIT) return undefined;
    this.suspect(this.config.timeouts.statusMs);
    return new OverloadedError(
      `backend ${name} holds ${callsInFlight} calls and has yet to read ${unreadBytes} bytes of them, which is its limit`,
      { hint: 'Look why it does not answer, or raise limits.callsInFlight in the config' },
    );
  }

  /** A unary call of Switchyard's own. Never rejects: trouble is an outcome. */
  ask(own: OwnCall): Promise<UnaryOutcome> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const call = new UnaryCall(this.name, this.options.messageSizeBytes, (outcome) => {
        timer?.cancel();
        resolve(outcome);
      });
      const body = framed(own.request);
      const deadlineAtMs = this.options.clock.now() + own.timeoutMs;
      this.call(call, { ...own, metadata: [], deadlineAtMs, body, start: 0, end: body.length });
      if (call.isOver) return;
      timer = this.options.clock.after(own.timeoutMs, () =>
        call.abandon(
          new BackendUnavailableError(
            `backend ${this.name} did not answer ${own.rpc} within ${own.timeoutMs} ms`,
          ),
        ),
      );
    });
  }

  /**
   * A call waits suspiciously long. When the backend does not answer anything else within `timeoutMs` either, it is
   * hanging from then on, until it answers.
   */
  suspect(timeoutMs: number): void {
    if (this.currentState.kind === 'ready') this.lifeCheck.suspect(timeoutMs);
  }

  private askLife(timeoutMs: number, done: (isAlive: boolean) => void): void {
    const { connection } = this;
    // All its streams are in use: that tells nothing against it.
    if (connection?.canOpen() !== true) {
      done(true);
      return;
    }
    const call = new UnaryCall(this.name, this.options.messageSizeBytes, (outcome) => {
      timer.cancel();
      // A connection that was lost is the connector's affair, and ends this question too.
      if (outcome.kind !== 'failed' || outcome.loss === 'other') done(outcome.kind !== 'failed');
    });
    const timer = this.options.clock.after(timeoutMs, () =>
      call.abandon(new BackendUnavailableError(`backend ${this.name} does not answer`)),
    );
    const body = framed(encodeVersionRequest());
    const own = { service: 'RuntimeService', rpc: 'Version', metadata: [], deadlineAtMs: undefined } as const;
    this.send(connection, call, { ...own, body, start: 0, end: body.length });
  }

  private send(connection: ClientConnection, call: BackendCall, request: BackendRequest): void {
    const { deadlineAtMs, start, end } = request;
    const timeout =
      deadlineAtMs === undefined ? undefined : timeoutField(deadlineAtMs - this.options.clock.now());
    const own = request.version === this.lastApiVersion ? request.path : undefined;
    const path = own ?? pathFor(request.service, request.rpc, this.lastApiVersion);
    const stream = connection.open(call);
    call.stream = stream;
    stream.sendHeaders(backendRequestFields(path, request.metadata, timeout), end === start);
    // Only a request of one frame can be borrowed. Nobody writes to the bytes of a longer one, so they are not copied.
    if (end - start > MAX_PAYLOAD_BYTES) stream.sendOwned(request.body, start, end, true);
    else if (end > start) stream.sendData(request.body, start, end, true);
  }

  private drainWaiting(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.waiting.drain(
      () => connection.canOpen(),
      (call, request) => this.send(connection, call, request),
    );
  }

  private enter(
    state: BackendState,
    connection: ClientConnection | undefined,
    version: BackendVersion | undefined,
  ): void {
    this.lifeCheck.reset();
    this.connection = connection;
    if (version !== undefined) this.lastVersion = version;
    if (state.kind === 'ready') this.lastApiVersion = state.apiVersion;
    this.turn(state);
  }

  private turn(state: BackendState): void {
    if (!this.isAbsent) this.absentFromMs = this.options.clock.now();
    this.currentState = state;
    if (state.kind === 'ready') this.drainWaiting();
    else if (this.isAbsent) this.waiting.refuse(() => this.absenceError());
    this.options.events.onState(this, state);
  }
}
