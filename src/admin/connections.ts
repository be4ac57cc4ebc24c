// The connections of the admin side: counted, so that no number of them takes descriptors from others, and each with a
// time for its answers. Requests that are late are found by Node's HTTP server itself.
import type http from 'node:http';
import type net from 'node:net';
import type { Clock } from '../clock.ts';
import type { ConnectionLimit, LimitedConnection, Standing } from '../listeners/connection-limit.ts';

export interface GuardOptions {
  readonly clock: Clock;
  readonly limit: ConnectionLimit;
  /** For the client to take all of an answer. */
  readonly answerMs: number;
}

class AdminConnection implements LimitedConnection {
  readonly #socket: net.Socket;
  #requests = 0;
  inFlight = 0;

  constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  get standing(): Standing {
    if (this.#socket.destroyed) return 'leaving';
    if (this.#requests === 0) return 'silent';
    return this.inFlight > 0 ? 'busy' : 'idle';
  }

  begin(): void {
    this.#requests++;
    this.inFlight++;
  }

  dismiss(): void {
    this.#socket.destroy();
  }
}

/** Has the server keep to the limit and cut off clients that do not take their answers. */
export function guardConnections(server: http.Server, { clock, limit, answerMs }: GuardOptions): void {
  const connections = new WeakMap<net.Socket, AdminConnection>();
  // Before Node's own listener, which would begin to parse.
  server.prependListener('connection', (socket: net.Socket) => {
    if (!limit.makeRoom()) {
      socket.destroy();
      return;
    }
    const connection = new AdminConnection(socket);
    connections.set(socket, connection);
    limit.add(connection);
    socket.once('close', () => limit.delete(connection));
  });
  server.prependListener('request', ({ socket }: http.IncomingMessage, answer: http.ServerResponse) => {
    const connection = connections.get(socket);
    connection?.begin();
    const timer = clock.after(answerMs, () => socket.destroy());
    answer.once('close', () => {
      timer.cancel();
      if (connection !== undefined) connection.inFlight--;
    });
  });
}
