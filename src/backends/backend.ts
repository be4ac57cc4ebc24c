// A container runtime behind us: its state, its connection, and the door through which every call to it goes.
import type { Clock, Timer } from '../clock.ts';
import type { BackendConfig } from '../config/config.ts';
import { encodeVersionRequest } from '../cri/own-messages.ts';
import { type ApiVersion, pathFor } from '../cri/versions.ts';
import { BackendUnavailableError, OverloadedError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import { backendRequestFields } from '../grpc/metadata.ts';
import { formatTimeout } from '../grpc/timeout.ts';
import type { ClientConnection } from '../http2/client.ts';
import type { BackendCall, BackendRequest } from './backend-call.ts';
import { Connector } from './connector.ts';
import { LifeCheck } from './life-check.ts';
import type { BackendVersion } from './probe.ts';
import { BackendSnapshot } from './snapshot.ts';
import { type BackendState, describeState, isAbsentState } from './state.ts';
import { UnaryCall, type UnaryOutcome } from './unary-call.ts';

/** Calls that may wait for a connection or a free stream; more are refused. */
const WAITING_CALLS_LIMIT = 1_000;

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

/** A call of Switchyard's own on a backend. */
export interface OwnCall {
  readonly service: 'RuntimeService' | 'ImageService';
  readonly rpc: string;
  /** The request message without its prefix. */
  readonly request: Uint8Array;
  /** Over after this time, and told to the backend as grpc-timeout. */
  readonly timeoutMs: number;
}

export class Backend {
  readonly name: string;
  readonly config: BackendConfig;
  /** What it last said, to answer for it while it can't. */
  readonly snapshot = new BackendSnapshot();
  private readonly options: BackendOptions;
  private readonly connector: Connector;
  private readonly lifeCheck: LifeCheck;
  private connection: ClientConnection | undefined;
  private waiting: { readonly call: BackendCall; readonly request: BackendRequest }[] = [];
  private currentState: BackendState;
  private lastVersion: BackendVersion | undefined;
  private lastApiVersion: ApiVersion = 'v1';

  constructor(options: BackendOptions) {
    this.options = options;
    this.config = options.config;
    this.name = options.config.name;
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

  /** Calls sent and not answered yet, and calls that wait to be sent. */
  get callsInFlight(): number {
    return (this.connection?.streamCount ?? 0) + this.waiting.length;
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
    if (this.isAbsent) {
      call.onRefused(this.absenceError());
      return;
    }
    const { callsInFlight } = this;
    if (callsInFlight >= this.options.callsInFlight) {
      const hint = 'Raise limits.callsInFlight in the config, or look why the backend does not answer';
      call.onRefused(
        new OverloadedError(`backend ${this.name} holds ${callsInFlight} calls, its limit`, { hint }),
      );
      return;
    }
    const connection = this.connection;
    if (connection?.canOpen()) {
      this.send(connection, call, request);
      return;
    }
    if (this.waiting.length >= WAITING_CALLS_LIMIT) {
      call.onRefused(
        new BackendUnavailableError(`${this.waiting.length} calls already wait for backend ${this.name}`),
      );
      return;
    }
    const body = Buffer.from(request.body.subarray(request.start, request.end));
    this.waiting.push({ call, request: { ...request, body, start: 0, end: body.length } });
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
    if (!connection?.canOpen()) {
      done(false);
      return;
    }
    const call = new UnaryCall(this.name, this.options.messageSizeBytes, (outcome) => {
      timer.cancel();
      done(outcome.kind !== 'failed');
    });
    const timer = this.options.clock.after(timeoutMs, () =>
      call.abandon(new BackendUnavailableError(`backend ${this.name} does not answer`)),
    );
    const body = framed(encodeVersionRequest());
    const deadlineAtMs = this.options.clock.now() + timeoutMs;
    const own = { service: 'RuntimeService', rpc: 'Version', metadata: [] } as const;
    this.send(connection, call, { ...own, deadlineAtMs, body, start: 0, end: body.length });
  }

  private send(connection: ClientConnection, call: BackendCall, request: BackendRequest): void {
    const { deadlineAtMs, start, end } = request;
    const timeout =
      deadlineAtMs === undefined ? undefined : formatTimeout(deadlineAtMs - this.options.clock.now());
    const path = pathFor(request.service, request.rpc, this.lastApiVersion);
    const stream = connection.open(call);
    call.stream = stream;
    stream.sendHeaders(backendRequestFields(path, request.metadata, timeout), end === start);
    if (end > start) stream.sendData(request.body, start, end, true);
  }

  private drainWaiting(): void {
    while (this.waiting.length > 0 && this.connection?.canOpen()) {
      const next = this.waiting.shift();
      if (next !== undefined && !next.call.isOver) this.send(this.connection, next.call, next.request);
    }
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
    this.currentState = state;
    if (state.kind === 'ready') this.drainWaiting();
    else if (this.isAbsent) {
      const refused = this.waiting;
      this.waiting = [];
      for (const { call } of refused) if (!call.isOver) call.onRefused(this.absenceError());
    }
    this.options.events.onState(this, state);
  }
}
