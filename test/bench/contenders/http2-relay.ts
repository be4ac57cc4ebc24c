// Contender: the shortest honest relay on node:http2. Streams of one backend are piped; a merged list is two
// whole replies joined. Usage: http2-relay LISTEN BACKEND_A BACKEND_B
import http2 from 'node:http2';
import net from 'node:net';
import { isMergedPath, ownerOfRequest, PREFIX_BYTES } from './merged-replies.ts';

const [listenPath = '', ...backendPaths] = process.argv.slice(2);
const NO_SESSION_LIMIT_MB = 4_096;

function connect(path: string): http2.ClientHttp2Session {
  const session = http2.connect('http://localhost', {
    createConnection: () => net.connect(path),
    maxSessionMemory: NO_SESSION_LIMIT_MB,
    settings: { initialWindowSize: 4 << 20, enablePush: false },
  });
  session.on('connect', () => session.setLocalWindowSize(64 << 20));
  return session;
}

const sessions = backendPaths.map(connect);

function forwardedHeaders(headers: http2.IncomingHttpHeaders): http2.OutgoingHttpHeaders {
  const forwarded: http2.OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name !== ':status' && name !== 'connection') forwarded[name] = value;
  }
  return forwarded;
}

interface Reply {
  headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  trailers: http2.IncomingHttpHeaders;
  body: Buffer;
}

function callWhole(
  session: http2.ClientHttp2Session,
  headers: http2.IncomingHttpHeaders,
  body: Buffer,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = session.request({ ...headers, ':authority': 'localhost' });
    const chunks: Buffer[] = [];
    let replyHeaders: Reply['headers'] = {};
    let trailers: Reply['trailers'] = {};
    request.on('response', (received) => {
      replyHeaders = received;
    });
    request.on('trailers', (received) => {
      trailers = received;
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', reject);
    request.on('end', () => resolve({ headers: replyHeaders, trailers, body: Buffer.concat(chunks) }));
    request.end(body);
  });
}

function answer(stream: http2.ServerHttp2Stream, reply: Reply): void {
  stream.on('wantTrailers', () => stream.sendTrailers(forwardedHeaders(reply.trailers)));
  stream.respond(
    { ...forwardedHeaders(reply.headers), ':status': reply.headers[':status'] },
    { waitForTrailers: true },
  );
  stream.end(reply.body);
}

function pipe(
  stream: http2.ServerHttp2Stream,
  session: http2.ClientHttp2Session,
  headers: http2.IncomingHttpHeaders,
  body: Buffer,
): void {
  const request = session.request({ ...headers, ':authority': 'localhost' });
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('wantTrailers', () => stream.sendTrailers(forwardedHeaders(trailers)));
  request.on('response', (received) => {
    if (stream.destroyed) return;
    stream.respond(
      { ...forwardedHeaders(received), ':status': received[':status'] },
      { waitForTrailers: true },
    );
  });
  request.on('trailers', (received) => {
    trailers = received;
  });
  request.on('error', () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  request.pipe(stream);
  request.end(body);
}

const server = http2.createServer({
  maxSessionMemory: NO_SESSION_LIMIT_MB,
  settings: { initialWindowSize: 4 << 20 },
});
server.on('stream', (stream, headers) => {
  const chunks: Buffer[] = [];
  stream.on('error', () => {}); // the client's matter: it counts the call as failed
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const body = Buffer.concat(chunks);
    const path = headers[':path'] ?? '';
    if (!isMergedPath(path)) {
      const session = sessions[ownerOfRequest(body, PREFIX_BYTES)];
      if (session !== undefined) pipe(stream, session, headers, body);
      return;
    }
    Promise.all(sessions.map((session) => callWhole(session, headers, body))).then(
      (replies) => {
        const messages = replies.map((reply) => reply.body.subarray(PREFIX_BYTES));
        const prefix = Buffer.alloc(PREFIX_BYTES);
        prefix.writeUInt32BE(
          messages.reduce((sum, message) => sum + message.length, 0),
          1,
        );
        const failed = replies.find((reply) => reply.trailers['grpc-status'] !== '0');
        const first = failed ?? replies[0];
        if (first !== undefined) answer(stream, { ...first, body: Buffer.concat([prefix, ...messages]) });
      },
      () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
    );
  });
});
server.listen(listenPath);
process.on('SIGTERM', () => process.exit(0));
