// The client side of the proxy: connections from the listener, a Call for each of their streams, and the way out.
import type net from 'node:net';
import type { Clock } from '../clock.ts';
import { ConnectionError } from '../http2/connection-error.ts';
import { ServerConnection } from '../http2/server.ts';
import type { Logger } from '../telemetry/log.ts';
import { Call } from './call.ts';
import type { CallHost } from './call-host.ts';
import { Deadlines } from './deadlines.ts';
import type { Serve } from './layers/layer.ts';

export interface FrontOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Longest request message. */
  readonly messageSizeBytes: number;
  /** The stack of layers over dispatch. */
  readonly serve: Serve;
}

export class Front {
  private readonly options: FrontOptions;
  private readonly host: CallHost;
  private readonly connections = new Set<ServerConnection>();

  constructor(options: FrontOptions) {
    this.options = options;
    const { clock, messageSizeBytes, serve } = options;
    const deadlines = new Deadlines(clock);
    this.host = {
      now: () => clock.now(),
      messageSizeBytes,
      serve,
      watchDeadline: (call) => deadlines.watch(call),
      onError: (error) => this.onError(error),
    };
  }

  /** Serves a client that has just connected. */
  accept(socket: net.Socket): void {
    const { log, clock } = this.options;
    const connection: ServerConnection = ServerConnection.accept(socket, {
      clock,
      accept: (stream) => new Call(stream, this.host, connection),
      onError: (error) => this.onError(error),
      onClose: (reason, error) => {
        this.connections.delete(connection);
        if (error instanceof ConnectionError)
          log.warn({ reason }, 'a client broke the protocol: connection ended');
      },
    });
    this.connections.add(connection);
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
