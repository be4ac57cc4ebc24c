// Keeps one probed connection to a backend's socket: connects, probes, replaces it on GOAWAY, comes back with back-off.
// Knows nothing of calls; it tells its owner which connection to use and what state the backend is in.
import type { Clock, Timer } from '../clock.ts';
import { identifySocketFile } from '../config/sockets.ts';
import { ClientConnection } from '../http2/client.ts';
import { Backoff } from './backoff.ts';
import { describeForeign, describeSilence, OWN_SOCKET, SILENT } from './foreign-peer.ts';
import { type BackendVersion, type ProbedService, type ProbeOutcome, probe } from './probe.ts';
import { describeConnectFailure, describeLoss } from './socket-trouble.ts';
import type { BackendState } from './state.ts';

/** A socket that accepts but stays silent this long counts as unreachable. */
const PROBE_TIMEOUT_MS = 2_000;

export interface ConnectorOptions extends ProbedService {
  readonly clock: Clock;
  /** Path of Switchyard's own socket, which is never connected to: its calls would come back to it without end. */
  readonly ownSocket: string;
  /** Every change of state, in order. With `ready` comes the connection that was probed. */
  onState(
    state: BackendState,
    connection: ClientConnection | undefined,
    version: BackendVersion | undefined,
  ): void;
  /** A stream may be opened again on a connection that was full. */
  onSlot(): void;
  /** A bug: what receives an answer has thrown. */
  onError(error: unknown): void;
}

export class Connector {
  private readonly options: ConnectorOptions;
  private readonly backoff = new Backoff();
  private connection: ClientConnection | undefined;
  private readyAtMs = 0; // of `connection`, on the clock's now()
  private state: BackendState;
  private retry: Timer | undefined;
  private isStopped = false;

  constructor(options: ConnectorOptions) {
    this.options = options;
    this.state = { kind: 'connecting', sinceMs: options.clock.wallMs() };
  }

  /** Makes the first attempt. */
  start(): void {
    this.connect();
  }

  /** Closes the connection for good. */
  stop(): void {
    this.isStopped = true;
    this.retry?.cancel();
    this.setState({ kind: 'closed', sinceMs: this.options.clock.wallMs() });
    this.connection?.close();
  }

  private connect(): void {
    if (this.isStopped) return;
    if (this.isOwnSocket()) {
      this.setAbsent('unreachable', OWN_SOCKET);
      this.connectLater();
      return;
    }
    let isCurrent = true;
    let isProbing = false;
    let silence: Timer | undefined;
    const leave = (reason: string) => {
      silence?.cancel();
      if (!isCurrent) return;
      isCurrent = false;
      this.lost(connection, reason);
    };
    const begin = () => {
      if (isProbing || !connection.canOpen()) return;
      isProbing = true;
      this.probe(connection, leave, () => silence?.cancel());
    };
    const connection = ClientConnection.connect(this.options.socket, {
      clock: this.options.clock,
      onReady: begin,
      onSlot: () => {
        if (isProbing) this.options.onSlot();
        else begin();
      },
      onGoaway: () => {
        if (!isCurrent) return;
        if (this.connection !== connection) {
          leave('it closed the connection before it answered');
          return;
        }
        // The calls on it may finish; new ones go to a fresh connection.
        isCurrent = false;
        if (this.end(connection, 'it said GOAWAY')) this.connect();
        else this.connectLater();
      },
      onError: (error) => this.options.onError(error),
      onClose: (reason) => leave(this.describeEnd(connection, reason)),
    });
    silence = this.options.clock.after(PROBE_TIMEOUT_MS, () => {
      const silent = `${SILENT} within ${PROBE_TIMEOUT_MS} ms`;
      leave(
        connection.maxStreams === 0
          ? 'it allows no calls: MAX_CONCURRENT_STREAMS is 0'
          : describeSilence(this.options.socket, silent),
      );
      connection.close();
    });
  }

  private isOwnSocket(): boolean {
    const { socket, ownSocket } = this.options;
    return identifySocketFile(socket) === identifySocketFile(ownSocket);
  }

  private probe(connection: ClientConnection, leave: (reason: string) => void, isAnswered: () => void): void {
    const { clock } = this.options;
    probe(this.options, connection, (outcome: ProbeOutcome) => {
      if (this.isStopped) return;
      switch (outcome.kind) {
        case 'ready':
          isAnswered();
          this.backoff.ready();
          this.connection = connection;
          this.readyAtMs = clock.now();
          this.setState(
            { kind: 'ready', sinceMs: clock.wallMs(), apiVersion: outcome.apiVersion },
            connection,
            outcome.version,
          );
          return;
        case 'refused':
          isAnswered();
          this.setAbsent('not-ready', outcome.reason);
          this.retry = clock.after(this.backoff.next(), () => {
            if (connection.isOpen) this.probe(connection, leave, isAnswered);
            else leave('the connection was closed');
          });
          return;
        case 'failed':
          leave(outcome.reason);
          connection.close();
          return;
        default:
          outcome satisfies never;
      }
    });
  }

  private lost(connection: ClientConnection, reason: string): void {
    if (this.isStopped) return;
    if (this.connection === connection) this.end(connection, reason);
    else this.setAbsent('unreachable', reason);
    this.connectLater();
  }

  /** The end of the connection that was ready. True when calls wait for the next; else they fail at once. */
  private end(connection: ClientConnection, reason: string): boolean {
    const { clock } = this.options;
    const lifeMs = Math.round(clock.now() - this.readyAtMs);
    this.connection = undefined;
    const isWaitedFor = this.backoff.ended(lifeMs, connection.openedCount);
    if (isWaitedFor) this.setState({ kind: 'connecting', sinceMs: clock.wallMs() });
    else this.setAbsent('unreachable', `it ends its connections within ${lifeMs} ms: ${reason}`);
    return isWaitedFor;
  }

  private describeEnd(connection: ClientConnection, reason: string): string {
    const { socket } = this.options;
    if (connection.foreign !== undefined) return describeForeign(socket, connection.foreign);
    if (!connection.isConnected) return describeConnectFailure(socket, reason);
    if (connection === this.connection) return describeLoss(reason, true);
    return describeSilence(socket, describeLoss(reason, false));
  }

  private connectLater(): void {
    this.retry = this.options.clock.after(this.backoff.next(), () => this.connect());
  }

  private setAbsent(kind: 'not-ready' | 'unreachable', reason: string): void {
    if (this.state.kind === kind && this.state.reason === reason) return;
    const isOngoing = this.state.kind === 'not-ready' || this.state.kind === 'unreachable';
    this.setState({ kind, reason, sinceMs: isOngoing ? this.state.sinceMs : this.options.clock.wallMs() });
  }

  private setState(state: BackendState, connection?: ClientConnection, version?: BackendVersion): void {
    this.state = state;
    this.options.onState(state, connection, version);
  }
}
