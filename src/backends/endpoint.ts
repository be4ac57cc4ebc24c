// One socket of a backend: its state, its connection, and the door through which every call to it goes.
import type { Clock, Timer } from '../clock.ts';
import { hangPatienceMs } from '../cri/methods.ts';
import type { ApiVersion } from '../cri/versions.ts';
import { BackendUnavailableError, OverloadedError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import type { ClientConnection } from '../http2/client.ts';
import type { BackendCall, BackendRequest, OwnCall } from './backend-call.ts';
import { Connector } from './connector.ts';
import { isAdvised } from './foreign-peer.ts';
import { LifeWatch } from './life-watch.ts';
import type { ListWatch } from './list-watch.ts';
import type { BackendVersion, ProbedService } from './probe.ts';
import { hasByteRoom, hasRoom } from './room.ts';
import { sendRequest } from './send-request.ts';
import { SentCalls } from './sent-calls.ts';
import { type BackendState, describeState, isAbsentState } from './state.ts';
import { UnaryCall, type UnaryOutcome } from './unary-call.ts';
import { WaitingCalls } from './waiting-calls.ts';

export interface EndpointOptions extends ProbedService {
  /** Who it is in messages, for example `backend a`. */
  readonly subject: string;
  readonly clock: Clock;
  /** Path of Switchyard's own socket. */
  readonly ownSocket: string;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  /** Calls the backend may hold at once. */
  readonly callsInFlight: number;
  /** Those it holds, here and elsewhere. */
  readonly heldCalls: () => number;
  /** How long it may take to answer a life check that its load brings about. */
  readonly statusMs: number;
  /** How long the config lets clients wait for its lists. */
  readonly listMs: number;
  /** Every change of state. */
  onState(state: BackendState): void;
  /** A bug: what receives an answer has thrown. */
  onError(error: unknown): void;
}

export class Endpoint {
  private readonly options: EndpointOptions;
  private readonly named: { readonly backends: readonly string[] }; // for errors
  private readonly connector: Connector;
  private readonly life: LifeWatch;
  private connection: ClientConnection | undefined;
  private readonly waiting: WaitingCalls;
  private readonly sent = new SentCalls();
  private currentState: BackendState;
  private absentFromMs = 0; // on the clock's now()
  private lastVersion: BackendVersion | undefined;
  private lastApiVersion: ApiVersion = 'v1';

  constructor(options: EndpointOptions) {
    this.options = options;
    const { clock, backendName, socket, ownSocket, service } = options;
    this.named = { backends: [backendName] };
    this.waiting = new WaitingCalls(options.onError);
    this.currentState = { kind: 'connecting', sinceMs: clock.wallMs() };
    this.life = new LifeWatch({
      ...options,
      connection: () => this.connection,
      state: () => this.currentState,
      send: (connection, call, request) => this.send(connection, call, request),
      sendFirst: (call, request) => this.waiting.pushFirst(call, request),
      onHang: (reason) => this.turn({ kind: 'hanging', reason, sinceMs: clock.wallMs() }),
      onSilence: () => this.sent.hang(this.absenceError(), this.absentMs, options.onError),
      onAlive: () => this.turn({ kind: 'ready', apiVersion: this.lastApiVersion, sinceMs: clock.wallMs() }),
    });
    this.connector = new Connector({
      backendName,
      socket,
      service,
      clock,
      ownSocket,
      onState: (state, connection, version) => this.enter(state, connection, version),
      onSlot: () => this.drainWaiting(),
      onError: options.onError,
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

  /** True when calls fail at once. While it is still connecting it is not absent: calls wait for it. */
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

  /** Those of them that wait. */
  get callsWaiting(): number {
    return this.waiting.count;
  }

  /** Calls it allows at once. */
  get maxCalls(): number {
    return this.connection?.maxStreams ?? Number.POSITIVE_INFINITY;
  }

  /** Of a runtime service: hears of lists that are late, and of those that are answered. */
  get lists(): ListWatch {
    return this.life.lists;
  }

  start(): void {
    this.connector.start();
    this.life.start();
  }

  stop(): void {
    this.life.stop();
    this.connector.stop();
  }

  /** The error for a call that needs it while it is absent. */
  absenceError(): BackendUnavailableError {
    const { currentState: state } = this;
    const { subject, socket } = this.options;
    const hint = `Check the runtime behind ${socket}; Switchyard reconnects by itself`;
    const hasOwn = 'reason' in state && isAdvised(state.reason);
    const options = hasOwn ? this.named : { ...this.named, hint };
    return new BackendUnavailableError(`${subject} ${describeState(state)}`, options);
  }

  /**
   * Hands a call over. It is sent at once on a ready connection with a free stream, waits while the backend is
   * connecting or all its streams are in use, and is refused when the backend is absent.
   */
  call(call: BackendCall, request: BackendRequest): void {
    const { connection } = this;
    const refusal = this.isAbsent ? this.absenceError() : this.overload(request);
    if (refusal !== undefined) call.onRefused(refusal);
    else if (connection?.canOpen()) this.send(connection, call, request);
    else if (this.waiting.hasRoom(request)) this.waiting.push(call, request);
    else {
      this.suspect(this.options.statusMs);
      const message = `${this.waiting.count} calls already wait for ${this.options.subject}`;
      call.onRefused(new BackendUnavailableError(message, this.named));
    }
  }

  /** Why it does not take the call, if so: one that hangs must use up neither all calls nor memory, and is suspected then. */
  private overload(request: BackendRequest): OverloadedError | undefined {
    const callsInFlight = this.options.heldCalls();
    const unreadBytes = this.waiting.sizeBytes + (this.connection?.queuedBytes ?? 0);
    if (hasRoom(request, this.options.callsInFlight, callsInFlight) && hasByteRoom(request, unreadBytes))
      return undefined;
    this.suspect(this.options.statusMs);
    return new OverloadedError(
      `${this.options.subject} holds ${callsInFlight} calls and has yet to read ${unreadBytes} bytes of them, which is its limit`,
      { ...this.named, hint: 'Look why it does not answer, or raise limits.callsInFlight in the config' },
    );
  }

  /** A unary call of Switchyard's own. Never rejects: trouble is an outcome. */
  ask(own: OwnCall): Promise<UnaryOutcome> {
    const { backendName, subject, clock, messageSizeBytes } = this.options;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const call = new UnaryCall(backendName, messageSizeBytes, (outcome) => {
        timer?.cancel();
        this.lists.ended(own.rpc, outcome);
        resolve(outcome);
      });
      call.hangPatienceMs = hangPatienceMs(own.rpc);
      const body = framed(own.request);
      const deadlineAtMs = clock.now() + own.timeoutMs;
      const message = { body, start: 0, end: body.length };
      this.call(call, { ...own, ...message, metadata: [], clientCalls: 0, deadlineAtMs });
      if (call.isOver) return;
      const late = `${subject} did not answer ${own.rpc} within ${own.timeoutMs} ms`;
      timer = clock.after(own.timeoutMs, () => call.abandon(new BackendUnavailableError(late, this.named)));
    });
  }

  /**
   * A call waits suspiciously long. When the backend does not answer anything else within `timeoutMs` either, it is
   * hanging from then on, until it answers. `rpc` is what waits, where that may be a list (list-watch.ts).
   */
  suspect(timeoutMs: number, rpc?: string): void {
    this.life.suspect(timeoutMs);
    if (rpc !== undefined) this.lists.late(rpc);
  }

  private send(connection: ClientConnection, call: BackendCall, request: BackendRequest): void {
    const remainingMs =
      request.deadlineAtMs === undefined ? undefined : request.deadlineAtMs - this.options.clock.now();
    sendRequest(this.options.backendName, connection, this.lastApiVersion, call, request, remainingMs);
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
    this.life.reset();
    this.connection = connection;
    if (connection !== undefined) this.sent.goTo(connection);
    if (version !== undefined) this.lastVersion = version;
    if (state.kind === 'ready') this.lastApiVersion = state.apiVersion;
    this.turn(state);
  }

  private turn(state: BackendState): void {
    if (!this.isAbsent) this.absentFromMs = this.options.clock.now();
    this.currentState = state;
    if (state.kind === 'ready') this.drainWaiting();
    else if (this.isAbsent) this.waiting.refuse(() => this.absenceError());
    this.options.onState(state);
  }
}
