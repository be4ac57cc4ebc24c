// One connection to the relay carries one request: nothing that a client or a backend sends makes a second one of it.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStream, request, restOf, SPDY_HEADERS } from '../../support/stream-client.ts';
import { SWITCHING } from '../../support/stream-peer.ts';
import { until } from '../../support/until.ts';
import { type RelayStage, relayStage } from './stage.ts';

let stage: RelayStage;

beforeEach(async () => {
  stage = await relayStage();
});

afterEach(() => stage[Symbol.asyncDispose]());

const SECRET = 'GET /admin/secret HTTP/1.1\r\nHost: x\r\n\r\n';

/** The streaming server of a runtime as Node's own HTTP server has it: it serves all requests of a connection. */
async function httpServer(): Promise<{ port: number; seen: string[]; close(): void }> {
  const seen: string[] = [];
  const server = http.createServer((asked, answer) => {
    seen.push(`${asked.method} ${asked.url}`);
    answer.end(`answer to ${asked.url}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    seen,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Sends these bytes to the relay and resolves to all that comes back. */
async function answerTo(bytes: string): Promise<string> {
  const { hostname, port } = new URL(stage.url());
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes, 'latin1');
  const answer = `${await restOf(socket)}`;
  socket.destroy();
  return answer;
}

describe('a request behind the one for a stream', () => {
  it('reaches the runtime neither in the same packet nor later, and the client gets one answer', async () => {
    const server = await httpServer();
    const url = stage.urlFor(`http://127.0.0.1:${server.port}/exec/theirs`);
    const socket = await request(url, { method: 'GET', headers: [], more: Buffer.from(SECRET) });
    socket.write(SECRET);
    const answer = `${await restOf(socket)}`;
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('Connection: close\r\n');
    expect(answer).toContain('answer to /exec/theirs');
    expect(answer).not.toContain('secret');
    expect(server.seen).toEqual(['GET /exec/theirs']);
    server.close();
  });

  it.each(['SPDY/3.1', 'websocket'])(
    'waits for the 101 of an upgrade to %s, and then belongs to it',
    async (protocol) => {
      const arrived: Buffer[] = [];
      stage.peer.serve = ({ socket, head }) => {
        if (head.includes('/other ')) socket.write(SWITCHING);
        else socket.on('data', (chunk: Buffer) => arrived.push(chunk)).resume();
      };
      const headers = ['Connection: Upgrade', `Upgrade: ${protocol}`];
      const socket = await request(stage.url(), { headers, more: Buffer.from(SECRET) });
      await until(() => stage.peer.requests.length === 1, 'the request arrives');
      const far = stage.peer.requests[0];
      // Once this other stream is open, whatever the relay passes on has been passed on.
      await openStream(stage.urlFor(`http://127.0.0.1:${stage.peer.port}/exec/other`));
      expect(`${far?.rest}${Buffer.concat(arrived)}`).toBe('');
      far?.socket.write(SWITCHING);
      await until(() => Buffer.concat(arrived).length === SECRET.length, 'the early bytes arrive');
      expect(`${Buffer.concat(arrived)}`).toBe(SECRET);
      socket.destroy();
    },
  );

  it('is held in bounds: a client that floods before the 101 is stopped', async () => {
    stage.peer.serve = () => undefined;
    const socket = await request(stage.url());
    await until(() => stage.peer.requests.length === 1, 'the request arrives');
    const before = process.memoryUsage().arrayBuffers;
    const piece = Buffer.alloc(1024 * 1024);
    let [sent, full] = [0, false];
    while (sent < 64 && !full) {
      sent++;
      full = !socket.write(piece) && !(await Promise.race([once(socket, 'drain').then(() => true), pause()]));
    }
    expect(sent).toBeLessThan(32);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
    socket.destroy();
  });
});

/** Resolves to false when nothing moved for a while: a system that takes bytes does so within microseconds. */
const pause = () => new Promise<false>((resolve) => setTimeout(resolve, 300, false));

describe('an answer without a 101', () => {
  const SECOND = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret';

  it.each([
    ['with a length', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\n', 'no\n'],
    [
      'in chunks',
      'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n',
      '3\r\nno\n\r\n0\r\nX: y\r\n\r\n',
    ],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['behind a 100', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n', 'no'],
  ])('ends where it ends: %s', async (name, head, body) => {
    const first = name === 'behind a 100' ? 'HTTP/1.1 100 Continue\r\n\r\n' : '';
    stage.peer.serve = ({ socket }) => socket.resume().write(first + head + body + SECOND);
    const socket = await request(stage.url());
    const answer = `${await restOf(socket)}`;
    const last = head.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n');
    expect(answer).toBe(first + last + body);
    await until(() => stage.peer.requests[0]?.socket.readableEnded === true, 'the backend is let go');
  });

  it('comes whole in single bytes too, and nothing behind it', async () => {
    const body = '4;ext=1\r\nabcd\r\n00\r\n\r\n';
    stage.peer.serve = async ({ socket }) => {
      socket.setNoDelay();
      for (const byte of `HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n${body}${SECOND}`) {
        if (socket.destroyed) break;
        socket.write(byte, 'latin1');
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const answer = `${await restOf(await request(stage.url()))}`;
    expect(answer.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(body);
  });

  it('without length and chunks ends when the backend closes', async () => {
    stage.peer.serve = ({ socket }) => socket.resume().end('HTTP/1.0 500 Oops\r\n\r\nbang');
    expect(`${await restOf(await request(stage.url()))}`).toMatch(/\r\n\r\nbang$/);
    await until(() => stage.peer.requests[0]?.socket.closed === true, 'the backend is let go');
  });

  it.each([
    ['its length is in two versions', 'Content-Length: 3\r\nContent-Length: 5'],
    ['it has a length and chunks', 'Content-Length: 3\r\nTransfer-Encoding: chunked'],
    ['its length is no number', 'Content-Length: +3'],
    ['its coding is unknown', 'Transfer-Encoding: gzip'],
    ['a line of its head is folded', 'X-A: 1\r\n 2'],
  ])('is 502 when nobody could say where it ends or what it says: %s', async (_, fields) => {
    stage.peer.serve = ({ socket }) => socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\nabcde`);
    expect(`${await restOf(await request(stage.url()))}`).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('breaks off when its chunks make no sense, or the backend leaves in the middle', async () => {
    const received = async (answer: string, isLeaving = false) => {
      stage.peer.serve = ({ socket }) => void (isLeaving ? socket.end(answer) : socket.write(answer));
      const text = await restOf(await request(stage.url())).catch(() => 'broken off');
      return `${text}`.split('\r\n\r\n').slice(1).join('');
    };
    for (const rest of ['xyz\r\n', '3\r\nabcd\r\n', `${'1'.repeat(40)}\r\n`]) {
      const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`;
      expect(rest).toContain(await received(`${answer}0\r\n\r\n`));
    }
    expect('abc').toContain(await received('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc', true));
  });

  it('is 502 when it has not begun within a minute, or the first lines of an answer have no end', async () => {
    stage.peer.serve = () => undefined;
    const answer = restOf(await request(stage.url()));
    await until(() => stage.peer.requests.length === 1, 'the request arrives');
    stage.clock.advance(60_000);
    expect(`${await answer}`).toMatch(/^HTTP\/1\.1 502 .*no answer within 60 s/s);
    stage.peer.serve = ({ socket }) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(50));
    expect(`${await restOf(await request(stage.url()))}`).toMatch(/HTTP\/1\.1 502 .*first lines/s);
  });
});

describe('the head of a request', () => {
  const heads: readonly (readonly [string, (target: string) => string])[] = [
    ['a bare line feed', (target) => `GET ${target} HTTP/1.1\r\nHost: x\nX: y\r\n\r\n`],
    ['a bare carriage return', (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nX: y\rZ: z\r\n\r\n`],
    ['a second request behind line feeds', (target) => `GET ${target} HTTP/1.1\nHost: x\n\n${SECRET}`],
    ['a folded line', (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n`],
    ['a folded first line', (target) => `GET ${target} HTTP/1.1\r\n Host: x\r\n\r\n`],
    ['a blank before the colon', (target) => `GET ${target} HTTP/1.1\r\nHost : x\r\n\r\n`],
    ['a line without a colon', (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nodd\r\n\r\n`],
    ['a NUL', (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n`],
    ['a control character', (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nX: a\x1bb\r\n\r\n`],
    ['no host', (target) => `GET ${target} HTTP/1.1\r\nX: y\r\n\r\n`],
    ['two hosts', (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n`],
    [
      'a body with a length',
      (target) => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n${SECRET}`,
    ],
    [
      'two lengths',
      (target) => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n`,
    ],
    ['an odd length', (target) => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n`],
    [
      'a body in chunks',
      (target) => `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'a coding in disguise',
      (target) => `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n`,
    ],
    ['an absolute target', (target) => `GET http://127.0.0.1${target} HTTP/1.1\r\nHost: x\r\n\r\n`],
    [
      'an upgrade to HTTP/2',
      (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
    ],
    ['a target beyond ASCII', (target) => `GET ${target}?\xe9 HTTP/1.1\r\nHost: x\r\n\r\n`],
  ];

  it.each(heads)('is answered 400 when it has %s, and the URL stays good', async (_, head) => {
    const url = stage.url();
    expect(await answerTo(head(new URL(url).pathname))).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(stage.peer.requests).toEqual([]);
    expect((await openStream(url)).head).toBe(SWITCHING);
  });

  it.each(['HEAD', 'CONNECT', 'TRACE', 'PUT'])('is answered 405 for %s', async (method) => {
    const { pathname } = new URL(stage.url());
    expect(await answerTo(`${method} ${pathname} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 405 /);
    expect(stage.peer.requests).toEqual([]);
  });

  it('passes as the clients of Kubernetes write it', async () => {
    expect((await openStream(stage.url(), { headers: SPDY_HEADERS })).head).toBe(SWITCHING);
    const webSocket = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    expect((await openStream(stage.url(), { method: 'GET', headers: webSocket })).head).toBe(SWITCHING);
  });
});
