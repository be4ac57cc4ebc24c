// A backend on node:http2 that a test plays call by call: whatever HTTP/2 lets a server answer, right or wrong as gRPC.
import http2 from 'node:http2';
import type net from 'node:net';
import { encodeVersionResponse } from '../../src/cri/own-messages.ts';
import { framed } from '../../src/grpc/message.ts';

/** One call as it came in. */
export interface Http2Call {
  readonly stream: http2.ServerHttp2Stream;
  readonly path: string;
  /** The RPC's name. */
  readonly rpc: string;
  /** Takes no more calls on this connection. */
  goAway(): void;
}

export interface Http2Backend extends AsyncDisposable {
  /** Paths of the calls that came, oldest first. */
  readonly paths: readonly string[];
  /** Connections that were accepted so far. */
  readonly connections: number;
  /** Cuts all connections, without a word of farewell. */
  cut(): void;
  /** Sends SETTINGS on all connections. */
  configure(settings: http2.Settings): void;
}

/** Listens on a unix socket and hands each call to `serve`. */
export async function http2Backend(
  socket: string,
  serve: (call: Http2Call) => void,
  settings: http2.Settings = {},
): Promise<Http2Backend> {
  const paths: string[] = [];
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const server = http2.createServer({ settings });
  server.on('connection', (socket: net.Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  server.on('stream', (stream, headers) => {
    const path = String(headers[':path']);
    paths.push(path);
    stream.on('error', () => undefined);
    const { session } = stream;
    const goAway = () => {
      if (session?.destroyed === false) session.goaway();
    };
    serve({ stream, path, rpc: path.slice(path.lastIndexOf('/') + 1), goAway });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    paths,
    cut,
    configure: (changed) => {
      for (const session of sessions) session.settings(changed);
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Answers OK with one message; `then` runs when that was handed over. */
export function answerWith({ stream }: Http2Call, message: Uint8Array, then?: () => void): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  if (then !== undefined) stream.once('close', then);
  stream.end(framed(message));
}

/** Answers a Version call as a runtime does. */
export function answerVersion(call: Http2Call, then?: () => void): void {
  answerWith(call, encodeVersionResponse('played', '1.0.0', 'v1'), then);
}

/** Ends a call with a status and no message. */
export function answerStatus({ stream }: Http2Call, code: number, text: string): void {
  const headers = { 'content-type': 'application/grpc', 'grpc-status': String(code), 'grpc-message': text };
  stream.respond({ ':status': 200, ...headers }, { endStream: true });
}
