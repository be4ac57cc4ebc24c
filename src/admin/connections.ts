// The connections of the admin side, each for one request: its head is read here, and Node's HTTP server gets that head
// and nothing of what follows, since it would serve every request of a chunk that it reads before it does anything else.
import type http from 'node:http';
import type net from 'node:net';
import type { Clock } from '../clock.ts';
import type { ConnectionLimit, LimitedConnection, Standing } from '../listeners/connection-limit.ts';
import { ownResponse } from '../streaming/head.ts';
import { endSoon, readHead } from '../streaming/sockets.ts';
import { OneRequest } from './one-request.ts';

export interface AdminConnectionsOptions {
  readonly clock: Clock;
  readonly limit: ConnectionLimit;
}

/** Longer than what a scraper or a prober sends. */
const HEAD_AT_MOST_BYTES = 8 * 1024;
/** Of what a client sends behind its head it is spared a reset for this much. */
const READ_AT_MOST_BYTES = 1024 * 1024;
/** For a whole head. */
const HEAD_MS = 10_000;
/** For the client to take all of an answer. */
const ANSWER_MS = 30_000;
/** Whoever has not taken an answer by then has no claim on memory that others want. */
const PROMPT_MS = 1_000;
/** Of all answers that are not taken promptly. */
const UNREAD_AT_MOST_BYTES = 4 * 1024 * 1024;

/**
 * Every connection is for one request, so the one that has been here longest is the one that does not ask or does not
 * take its answer: it goes when others want its place, and nobody who comes is refused.
 */
class AdminConnection implements LimitedConnection {
  readonly socket: net.Socket;
  readonly sinceMs: number;

  constructor(socket: net.Socket, sinceMs: number) {
    this.socket = socket;
    this.sinceMs = sinceMs;
  }

  get standing(): Standing {
    return this.socket.destroyed || this.socket.writableFinished ? 'leaving' : 'idle';
  }

  dismiss(): void {
    this.socket.destroy();
  }
}

/** All that the admin side has. */
export class AdminConnections {
  readonly #options: AdminConnectionsOptions;
  /** In the order in which they came. */
  readonly #connections = new Set<AdminConnection>();
  #isClosed = false;

  constructor(options: AdminConnectionsOptions) {
    this.#options = options;
  }

  /** Stands between this server and its clients. */
  guard<S extends http.Server>(server: S): S {
    const [serve] = server.listeners('connection') as ((stream: OneRequest) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: net.Socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', () => {
        if (socket.bytesRead > READ_AT_MOST_BYTES) socket.destroy();
      });
      if (this.#admit(socket)) void this.#accept(socket, (stream) => serve?.call(server, stream));
    });
    return server;
  }

  /** Cuts those that there are, and all that still come. */
  close(): void {
    this.#isClosed = true;
    for (const { socket } of this.#connections) socket.destroy();
  }

  #admit(socket: net.Socket): boolean {
    const { limit, clock } = this.#options;
    if (this.#isClosed || !limit.makeRoom()) {
      socket.destroy();
      return false;
    }
    const connection = new AdminConnection(socket, clock.now());
    this.#connections.add(connection);
    limit.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      limit.delete(connection);
    });
    return true;
  }

  async #accept(socket: net.Socket, serve: (stream: OneRequest) => void): Promise<void> {
    const { clock } = this.#options;
    const late = () =>
      endSoon(socket, clock, ownResponse(408, `no request came within ${HEAD_MS / 1_000} s`));
    const headTimer = clock.after(HEAD_MS, late);
    const read = await readHead(socket, HEAD_AT_MOST_BYTES);
    headTimer.cancel();
    if (socket.writableEnded) return;
    if (read.kind === 'ended') {
      socket.destroy();
      return;
    }
    if (read.kind === 'too-long') {
      endSoon(
        socket,
        clock,
        ownResponse(431, `the head of the request is longer than ${HEAD_AT_MOST_BYTES} bytes`),
      );
      return;
    }
    const answerTimer = clock.after(ANSWER_MS, () => socket.destroy());
    socket.once('close', () => answerTimer.cancel());
    this.#boundUnread();
    serve(new OneRequest(socket, clock, read.head));
  }

  /** The newest may keep what there is room for. */
  #boundUnread(): void {
    const promptSinceMs = this.#options.clock.now() - PROMPT_MS;
    let sizeBytes = 0;
    for (const { socket, sinceMs } of [...this.#connections].reverse()) {
      if (sinceMs > promptSinceMs) continue;
      sizeBytes += socket.writableLength;
      if (sizeBytes > UNREAD_AT_MOST_BYTES) socket.destroy();
    }
  }
}
