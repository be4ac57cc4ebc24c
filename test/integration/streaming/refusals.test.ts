// What the relay answers when there is no stream: its own refusals, and those of the backend.
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamKind } from '../../../src/cri/methods.ts';
import { startStreamRelay } from '../../../src/streaming/stream-relay.ts';
import { limitFor } from '../../support/limit-for.ts';
import { answerOf, openStream, request, restOf } from '../../support/stream-client.ts';
import { until } from '../../support/until.ts';
import { type RelayStage, relayStage } from './stage.ts';

let stage: RelayStage;

beforeEach(async () => {
  stage = await relayStage();
});

afterEach(() => stage[Symbol.asyncDispose]());

/** Connects to the relay and sends these bytes. */
async function raw(bytes: string): Promise<net.Socket> {
  const { hostname, port } = new URL(stage.url());
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes, 'latin1');
  return socket;
}

const answerTo = async (bytes: string) => `${await restOf(await raw(bytes))}`;
const isGone = (socket: net.Socket) => socket.readableEnded || socket.destroyed;

describe('the relay', () => {
  it('opens a stream once: the second who comes with its URL gets 404 and hears why', async () => {
    const url = stage.url();
    const { socket } = await openStream(url);
    const { status, head, body } = await answerOf(url);
    expect(status).toBe(404);
    expect(head).toContain('Connection: close');
    expect(body).toMatch(
      /^switchyard: there is no such stream: its URL was used before, .* Ask for a new one/,
    );
    socket.end('the first goes on');
    expect(`${await restOf(socket)}`).toBe('the first goes on');
    expect(stage.peer.requests).toHaveLength(1);
  });

  it('answers 404 to a URL that is a minute old', async () => {
    const [early, late] = [stage.url(), stage.url()];
    stage.clock.advance(59_999);
    expect((await openStream(early)).head).toContain('101');
    stage.clock.advance(1);
    expect((await answerOf(late)).status).toBe(404);
  });

  it('answers 404 to a token of another kind, which stays good for its own', async () => {
    const url = stage.url('exec');
    for (const kind of ['attach', 'portforward', 'EXEC', 'cri/exec', ''] satisfies (StreamKind | string)[]) {
      expect((await answerOf(url.replace('/exec/', `/${kind}/`))).status, kind).toBe(404);
    }
    expect((await openStream(url)).head).toContain('101');
  });

  it.each(['/', '/exec/', '/exec/guess', '/exec/../exec/guess', '/metrics'])(
    'answers 404 to %s',
    async (path) => {
      const { origin } = new URL(stage.url());
      expect((await answerOf(`${origin}${path}`)).status).toBe(404);
      expect(
        stage.metrics.streamRequests.at('none', 'none', 'refused').value +
          stage.metrics.streamRequests.at('exec', 'none', 'refused').value,
      ).toBe(1);
    },
  );

  it.each(['\x16\x03\x01\x02\x00\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\n', 'GET http://x/exec/y HTTP/1.1\r\n\r\n'])(
    'answers 400 to what is no request for a stream: %j',
    async (bytes) => {
      expect(await answerTo(bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    },
  );

  it('answers 431 to a head that has no end', async () => {
    const { pathname } = new URL(stage.url());
    const long = `GET ${pathname} HTTP/1.1\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`;
    expect(await answerTo(long)).toMatch(/^HTTP\/1\.1 431 /);
    expect(stage.peer.requests).toEqual([]);
  });

  it('answers 408 to a client that dribbles its head, and closes', async () => {
    const socket = await raw('GET /exec/x HTTP/1.1\r\n');
    const answer = restOf(socket);
    await until(() => {
      // The relay must have taken the connection before the clock is turned.
      stage.clock.advance(10_000);
      return socket.readableEnded;
    }, 'the relay gives up');
    expect(`${await answer}`).toMatch(/^HTTP\/1\.1 408 /);
    stage.clock.advance(5_000);
    socket.write('X-More: and more\r\n\r\n');
    await until(() => isGone(socket), 'the connection is closed');
  });

  it('lets idle connections keep nobody out: the oldest of a hundred goes', async () => {
    const idle: net.Socket[] = [];
    for (let i = 0; i < 100; i++) idle.push(await raw(''));
    for (const socket of idle) socket.resume();
    expect((await openStream(stage.url())).head).toContain('101');
    await until(() => isGone(idle[0] as net.Socket), 'the oldest is closed');
    expect(idle.slice(1).filter(isGone)).toEqual([]);
  });

  it('answers 503 when too many streams are open, until one has ended', async () => {
    await using small = await relayStage(undefined, 2);
    const { socket } = await openStream(small.url());
    await openStream(small.url());
    const { status, body } = await answerOf(small.url());
    expect({ status, body }).toEqual({
      status: 503,
      body: 'switchyard: 2 streams are open, which is the most\n',
    });
    socket.end();
    await restOf(socket);
    await until(() => small.metrics.streamsOpen.at('exec', 'one').value === 1, 'one has ended');
    expect((await openStream(small.url())).head).toContain('101');
  });

  it('has no URL for a stream that the backend has none for', () => {
    expect(stage.urlFor('')).toBe('');
  });

  it('cannot start where another program listens, and says which key to change', async () => {
    const { port } = new URL(stage.url());
    const { clock, metrics } = stage;
    const address = { host: '127.0.0.1', port: Number(port) };
    const second = startStreamRelay({
      address,
      clock,
      log: undefined as never,
      counts: metrics,
      limit: limitFor('streams'),
    });
    await expect(second).rejects.toMatchObject({
      code: 'SWITCHYARD_START',
      message: expect.stringContaining(`127.0.0.1:${port}`),
      hint: expect.stringContaining('streamingAddress'),
    });
  });
});

describe('an answer of the backend that opens no stream', () => {
  it.each([
    ['403', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nX-Odd:  yes\r\n\r\nno\n', 'no\n'],
    [
      '404 in chunks',
      'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno\n\r\n0\r\n\r\n',
      '3\r\nno\n\r\n0\r\n\r\n',
    ],
    [
      '500',
      'HTTP/1.1 500 Internal Server Error\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbang',
      'bang',
    ],
    ['200', `HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'y'.repeat(300_000)}`, 'y'.repeat(300_000)],
  ])('reaches the client as it is: %s', async (_, answer, body) => {
    // As Go's servers do it: the connection stays until the client ends it.
    stage.peer.serve = ({ socket }) => {
      socket.write(answer);
      socket.resume().on('end', () => socket.end());
    };
    const got = await answerOf(stage.url());
    const [first, ...lines] = answer.split('\r\n\r\n')[0]?.split('\r\n') ?? [];
    const kept = lines.filter((line) => !line.startsWith('Connection'));
    expect(got.head).toBe([first, ...kept, 'Connection: close', '\r\n'].join('\r\n'));
    expect(got.body).toBe(body);
  });

  it('is the last on its connection: a second request of the client goes nowhere', async () => {
    stage.peer.serve = ({ socket }) => {
      socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      socket.on('end', () => socket.end()).resume();
    };
    const { socket } = await openStream(stage.url());
    const arrived: Buffer[] = [];
    stage.peer.requests[0]?.socket.on('data', (chunk: Buffer) => arrived.push(chunk));
    socket.write(`POST ${new URL(stage.url()).pathname} HTTP/1.1\r\n\r\n`);
    expect((await restOf(socket)).length).toBe(0);
    expect(arrived).toEqual([]);
    expect(stage.peer.requests).toHaveLength(1);
  });

  it('arrives whole while the client goes on sending', async () => {
    stage.peer.serve = ({ socket }) => {
      socket.resume().write('HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nabc');
    };
    const { socket, rest } = await openStream(stage.url());
    const far = stage.peer.requests[0]?.socket as net.Socket;
    const body = restOf(socket);
    for (let sent = 0; sent < 20; sent++) {
      socket.write(Buffer.alloc(64 * 1024));
      await until(() => socket.writableLength === 0, 'the relay takes it');
    }
    far.write('def');
    expect(`${rest}${await body}`).toBe('abcdef');
  });

  it('is told in the log with its status, without the token', async () => {
    stage.peer.serve = ({ socket }) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    await answerOf(stage.url());
    await until(() => stage.lines.length === 1, 'the line is there');
    expect(stage.lines[0]).toEqual({
      level: 'warn',
      text: 'a backend opened no stream',
      fields: { kind: 'exec', backend: 'one', status: 404 },
    });
    expect(stage.metrics.streamRequests.at('exec', 'one', 'answered').value).toBe(1);
  });

  it.each([
    ['nothing', (socket: net.Socket) => socket.end(), 'closed the connection without an answer'],
    ['another protocol', (socket: net.Socket) => socket.write('SSH-2.0-x\r\n\r\n'), 'not HTTP/1.1'],
    [
      'a head without end',
      (socket: net.Socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}`),
      'no end within 32 KiB',
    ],
  ])('is 502 with the reason when it is %s', async (_, serve, reason) => {
    stage.peer.serve = ({ socket }) => void serve(socket);
    const { status, body } = await answerOf(stage.url());
    expect(status).toBe(502);
    expect(body).toContain(reason);
    expect(stage.metrics.streamRequests.at('exec', 'one', 'failed').value).toBe(1);
  });

  it('is 502 when the connection to it does not come about in time', async () => {
    // It takes the connection and leaves the handshake of TLS to whoever waits for it.
    let hasArrived = false;
    const server = net.createServer((socket) => {
      hasArrived = true;
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const socket = await request(stage.urlFor(`https://127.0.0.1:${port}/exec/x`));
    const answer = restOf(socket);
    await until(() => hasArrived, 'the relay connects');
    stage.clock.advance(10_000);
    expect(`${await answer}`).toMatch(/^HTTP\/1\.1 502 .*no connection within 10 s/s);
    server.close();
  });
});
