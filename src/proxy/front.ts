// The client side of the proxy: connections from the listener, a Call for each of their streams, and the way out.
import type net from 'node:net';
import type { Clock } from '../clock.ts';
import { ConnectionError } from '../http2/connection-error.ts';
import { ListenerBudget } from '../http2/listener-budget.ts';
import { ServerConnection } from '../http2/server.ts';
import { SharedBudget } from '../http2/shared-budget.ts';
import type { ConnectionLimit } from '../listeners/connection-limit.ts';
import type { Logger } from '../telemetry/log.ts';
import { LogThrottle, PeerLines } from '../telemetry/log-throttle.ts';
import { Call } from './call.ts';
import type { CallHost, ClientSide } from './call-host.ts';
import { Deadlines } from './deadlines.ts';
import type { Serve } from './layers/layer.ts';
import { ListQueue } from './list-queue.ts';

export interface FrontOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Longest request message. */
  readonly messageSizeBytes: number;
  /** Calls in flight: see Admission. */
  readonly callBudget: SharedBudget;
  /** Connections that clients may have. */
  readonly limit: ConnectionLimit;
  /** The stack of layers over dispatch. */
  readonly serve: Serve;
}

/**
 * Bytes of requests in parts, and of long headers, over all connections, from their first part until the call is over; and
 * what is kept for those that hold little. A kubelet's requests have some KiB and come in one part, which is not even
 * counted, and neither are its headers.
 */
const REQUEST_BYTES = 64 * 1024 * 1024;
const REQUEST_RESERVE_BYTES = 32 * 1024 * 1024;

/** How long a client may take for its preface and SETTINGS, which every client sends as the first thing. */
const PREFACE_MS = 10_000;

export class Front {
  private readonly options: FrontOptions;
  private readonly budget = new ListenerBudget();
  private readonly requestBudget: SharedBudget;
  private readonly host: CallHost;
  private readonly connections = new Set<ServerConnection>();
  private readonly breachLog: LogThrottle;

  constructor(options: FrontOptions) {
    this.options = options;
    const { clock, log, messageSizeBytes, serve } = options;
    this.breachLog = new LogThrottle({
      clock,
      onLeftOut: (count) =>
        log.warn({ count }, 'more clients broke the protocol in the same second: connections ended'),
    });
    // Two of the longest must always fit.
    this.requestBudget = new SharedBudget(
      Math.max(REQUEST_BYTES, 2 * messageSizeBytes),
      REQUEST_RESERVE_BYTES,
    );
    const deadlines = new Deadlines(clock);
    this.host = {
      now: () => clock.now(),
      messageSizeBytes,
      serve,
      watchDeadline: (call) => deadlines.watch(call),
      onError: (error) => this.onError(error),
    };
  }

  /** What requests in parts, and long headers, hold on all connections. */
  get requestBytes(): number {
    return this.requestBudget.used;
  }

  /** What waits for clients to read it, and what is collected for them or reserved for that, on all connections. */
  get replyBytes(): number {
    return this.budget.queuedBytes.used;
  }

  /** Serves a client that has just connected. */
  accept(socket: net.Socket): void {
    const { log, clock, callBudget, limit } = this.options;
    if (!limit.makeRoom()) {
      socket.destroy();
      return;
    }
    const requestBytes = this.requestBudget.join();
    const calls = callBudget.join();
    const client: ClientSide = {
      requestBytes,
      calls,
      lists: new ListQueue(() => connection.replies, clock),
      callLines: new PeerLines(),
      get hasReplyRoom() {
        return connection.hasQueueRoom;
      },
      get replies() {
        return connection.replies;
      },
    };
    const connection: ServerConnection = ServerConnection.accept(socket, {
      clock,
      budget: this.budget,
      accept: (stream) => new Call(stream, this.host, client),
      onError: (error) => this.onError(error),
      onGone: () => {
        silence.cancel();
        limit.delete(connection);
      },
      onClose: (reason, error) => {
        this.connections.delete(connection);
        requestBytes.leave();
        calls.leave();
        if (error instanceof ConnectionError && this.breachLog.allows())
          log.warn({ reason }, 'a client broke the protocol: connection ended');
      },
    });
    const silence = clock.after(PREFACE_MS, () => limit.dismissSilent(connection));
    limit.add(connection);
    this.connections.add(connection);
  }

  /** All calls that are not answered yet. */
  calls(): Call[] {
    const receivers = [...this.connections].flatMap((connection) => connection.receivers());
    return receivers.filter((receiver) => receiver instanceof Call);
  }

  private onError(error: unknown): void {
    this.options.log.error({ err: error }, 'unexpected error in a call');
  }

  /** Tells every client to make its next calls elsewhere; calls in flight go on. */
  drain(): void {
    for (const connection of this.connections) connection.drain();
  }

  /** Cuts what is left. */
  close(): void {
    for (const connection of this.connections) connection.close();
  }
}
