// Streams through the relay: every byte both ways, and every way in which a stream can end.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { freePort } from '../../support/free-port.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { openStream, request, restOf, SPDY_HEADERS } from '../../support/stream-client.ts';
import { SWITCHING } from '../../support/stream-peer.ts';
import { until } from '../../support/until.ts';
import { type RelayStage, relayStage } from './stage.ts';

const MIB = 1024 * 1024;
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Writes all of it in pieces of any size, as fast as the other side takes them. */
async function send(socket: net.Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(Math.random() ** 4 * 200_000);
    if (!socket.write(bytes.subarray(at, at + size))) await once(socket, 'drain');
    at += size;
  }
}

/** Resolves when the connection is gone, in peace or not. */
const closeOf = (socket: net.Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

describe('a stream through the relay', () => {
  let stage: RelayStage;

  beforeEach(async () => {
    stage = await relayStage();
  });

  afterEach(() => stage[Symbol.asyncDispose]());

  /** The peer's side of the only stream. */
  const peerSide = async () => {
    await until(() => stage.peer.requests.length === 1, 'the request arrives');
    return stage.peer.requests[0] as (typeof stage.peer.requests)[0];
  };

  it('begins with the request of the client: its method, path and host replaced, all else as it was', async () => {
    await openStream(`${stage.url()}?mine=1`);
    const { head } = await peerSide();
    expect(head).toBe(
      [
        'POST /cri/exec/theirs?a=b&mine=1 HTTP/1.1',
        `Host: 127.0.0.1:${stage.peer.port}`,
        ...SPDY_HEADERS,
        '\r\n',
      ].join('\r\n'),
    );
  });

  it('gives the client the answer of the backend byte for byte', async () => {
    const { head } = await openStream(stage.url('attach'), { method: 'GET' });
    expect(head).toBe(SWITCHING);
    expect((await peerSide()).head).toMatch(/^GET \/cri\/attach\/theirs\?a=b HTTP/);
  });

  it('carries megabytes both ways at once, in pieces of any size, without a byte changed', async () => {
    const [up, down] = [randomBytes(9 * MIB), randomBytes(7 * MIB)];
    stage.peer.serve = ({ socket }) => {
      socket.write(SWITCHING);
      void send(socket, down).then(() => socket.end());
    };
    const { socket, rest } = await openStream(stage.url());
    const far = await peerSide();
    const [arrived, received] = await Promise.all([
      restOf(far.socket),
      restOf(socket),
      send(socket, up).then(() => socket.end()),
    ]);
    expect(digest(Buffer.concat([far.rest, arrived]))).toBe(digest(up));
    expect(digest(Buffer.concat([rest, received]))).toBe(digest(down));
  });

  it('loses nothing that comes in one packet with the heads', async () => {
    stage.peer.serve = ({ socket }) => {
      socket.write(`${SWITCHING}first `);
      socket.pipe(socket);
    };
    const { socket, rest } = await openStream(stage.url(), { more: Buffer.from('eager') });
    socket.end();
    expect(Buffer.concat([rest, await restOf(socket)]).toString()).toBe('first eager');
  });

  it('begins after an answer that is only the first of two', async () => {
    stage.peer.serve = ({ socket }) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${SWITCHING}hello`);
    const { socket, head, rest } = await openStream(stage.url());
    expect(head).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.end();
    (await peerSide()).socket.end();
    expect(`${rest}${await restOf(socket)}`).toBe(`${SWITCHING}hello`);
  });

  it('goes on one way when the client has ended the other', async () => {
    stage.peer.serve = ({ socket }) => socket.write(SWITCHING);
    const { socket } = await openStream(stage.url());
    const far = (await peerSide()).socket;
    socket.end('last words');
    expect((await restOf(far)).toString()).toBe('last words');
    far.write('still here, ');
    far.end('until now');
    expect((await restOf(socket)).toString()).toBe('still here, until now');
  });

  it('goes on one way when the backend has ended the other', async () => {
    stage.peer.serve = ({ socket }) => socket.end(`${SWITCHING}that is all`);
    const { socket, rest } = await openStream(stage.url());
    expect(`${rest}${await restOf(socket)}`).toBe('that is all');
    const far = (await peerSide()).socket;
    const arrived = restOf(far);
    socket.write('still here, ');
    socket.end('until now');
    expect((await arrived).toString()).toBe('still here, until now');
    await until(() => stage.lines.some(({ text }) => text === 'stream ended'), 'the stream has ended');
  });

  it('is not cut for silence', async () => {
    const { socket } = await openStream(stage.url());
    stage.clock.advance(24 * 60 * 60_000);
    socket.end('good morning');
    expect((await restOf(socket)).toString()).toBe('good morning');
  });

  it('waits for a client that reads slowly, instead of keeping what it does not read', async () => {
    const flood = Buffer.alloc(64 * MIB, 'x');
    let sent = 0;
    stage.peer.serve = ({ socket }) => {
      socket.write(SWITCHING);
      const write = async () => {
        for (; sent < flood.length; sent += MIB) {
          if (!socket.write(flood.subarray(sent, sent + MIB))) await once(socket, 'drain');
        }
        socket.end();
      };
      void write();
    };
    const { socket, rest } = await openStream(stage.url());
    let [before, looks] = [-1, 0];
    await until(() => {
      looks = sent > 0 && sent === before ? looks + 1 : 0;
      before = sent;
      return looks > 40;
    }, 'the backend is stopped');
    // What the system itself holds for four sockets is some of it.
    expect(sent).toBeLessThan(40 * MIB);
    expect(rest.length + (await restOf(socket)).length).toBe(flood.length);
  });

  it('is broken off at the backend when the connection of the client breaks', async () => {
    const { socket } = await openStream(stage.url());
    const far = (await peerSide()).socket;
    const closed = closeOf(far);
    socket.resetAndDestroy();
    await closed;
    expect(far.readableEnded).toBe(false);
    await until(() => stage.metrics.streamsOpen.at('exec', 'one').value === 0, 'the stream is counted off');
  });

  it('tells the backend when the client leaves in peace', async () => {
    stage.peer.serve = ({ socket }) => socket.write(SWITCHING);
    const { socket } = await openStream(stage.url());
    const far = (await peerSide()).socket;
    const ended = restOf(far);
    socket.destroy();
    await ended;
  });

  it('breaks at the client when the backend dies', async () => {
    stage.peer.serve = ({ socket }) => socket.write(SWITCHING);
    const { socket } = await openStream(stage.url());
    const far = (await peerSide()).socket;
    const broken = restOf(socket);
    far.resetAndDestroy();
    await expect(broken).rejects.toThrow();
  });

  it('is a WebSocket for who asks for one', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    const { port } = server.address() as net.AddressInfo;
    const url = stage.urlFor(`http://127.0.0.1:${port}/exec/theirs`);
    const client = new WebSocket(url.replace(/^http/, 'ws'), ['v4.channel.k8s.io']);
    await once(client, 'open');
    const sent = randomBytes(3 * MIB);
    client.send(sent);
    const [received] = (await once(client, 'message')) as [Buffer];
    expect(digest(received)).toBe(digest(sent));
    client.close(4_000, 'done');
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    expect([code, `${reason}`]).toEqual([4_000, 'done']);
    server.close();
  });

  it('goes to a backend on an IPv6 address, and to one that says it serves on all', async () => {
    stage.peer.serve = ({ socket, head }) => socket.end(`${SWITCHING}${head.split('\r\n')[1]}`);
    const all = await openStream(stage.urlFor(`http://[::]:${stage.peer.port}/exec/x`));
    expect(`${all.rest}${await restOf(all.socket)}`).toBe(`Host: 127.0.0.1:${stage.peer.port}`);
    const server = net
      .createServer((socket) => socket.on('error', () => undefined).end(`${SWITCHING}six`))
      .listen(0, '::1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const six = await openStream(stage.urlFor(`http://[::1]:${port}/exec/x`));
    expect(`${six.rest}${await restOf(six.socket)}`).toBe('six');
    server.close();
  });

  it('leaves a line at its beginning and its end, with its bytes and without its token', async () => {
    const url = stage.url();
    const { socket } = await openStream(url);
    socket.end('12345');
    await restOf(socket);
    await until(() => stage.lines.length === 2, 'both lines are there');
    const [opened, ended] = stage.lines;
    expect(opened).toMatchObject({
      level: 'info',
      text: 'stream opened',
      fields: { kind: 'exec', backend: 'one' },
    });
    expect(ended).toMatchObject({
      level: 'info',
      text: 'stream ended',
      fields: { kind: 'exec', backend: 'one' },
    });
    expect(ended?.fields['toClientBytes']).toBe(SWITCHING.length + 5);
    const said = JSON.stringify(stage.lines);
    expect(said).not.toContain(url.split('/').at(-1));
    expect(said).not.toContain('theirs');
  });

  it('is counted by kind, backend and outcome', async () => {
    const { socket } = await openStream(stage.url('portforward'));
    await until(() => stage.metrics.streamsOpen.at('portforward', 'one').value === 1, 'it is open');
    expect(stage.metrics.streamRequests.at('portforward', 'one', 'upgraded').value).toBe(1);
    socket.end();
    await restOf(socket);
    await until(() => stage.metrics.streamsOpen.at('portforward', 'one').value === 0, 'it is over');
  });

  it('is forgotten when the client leaves before the backend answers', async () => {
    stage.peer.serve = () => undefined;
    const socket = await request(stage.url());
    const far = (await peerSide()).socket;
    const closed = closeOf(far);
    socket.resetAndDestroy();
    await closed;
    const { streamRequests } = stage.metrics;
    await until(() => streamRequests.at('exec', 'one', 'left').value === 1, 'it is counted');
    expect(stage.lines).toEqual([]);
  });

  it('is refused with what went wrong when the backend is not there', async () => {
    const port = await freePort();
    const { head, socket, rest } = await openStream(stage.urlFor(`http://127.0.0.1:${port}/exec/theirs`));
    expect(head).toMatch(/^HTTP\/1\.1 502 Bad Gateway/);
    const body = `${rest}${await restOf(socket)}`;
    expect(body).toMatch(
      new RegExp(`^switchyard: backend one does not answer at 127.0.0.1:${port}: .*ECONNREFUSED`),
    );
    expect(body).not.toContain('theirs');
    expect(stage.lines).toMatchObject([{ level: 'warn', fields: { backend: 'one', kind: 'exec' } }]);
  });
});

describe('a stream to a backend with TLS', () => {
  it('is carried inside TLS, both ways and with both ends', async () => {
    await using stage = await relayStage(selfSigned());
    const bytes = randomBytes(5 * MIB);
    const { socket, rest } = await openStream(stage.url());
    const [received] = await Promise.all([restOf(socket), send(socket, bytes).then(() => socket.end())]);
    expect(digest(Buffer.concat([rest, received]))).toBe(digest(bytes));
  });

  it('is refused when a backend on another host shows a certificate that nobody knows', async () => {
    await using stage = await relayStage(selfSigned());
    // A name that leads back here, and is not known to.
    const { head, socket, rest } = await openStream(
      stage.urlFor(`https://LOCALHOST:${stage.peer.port}/exec/x`),
    );
    expect(`${rest}${await restOf(socket)}`).toContain('self-signed certificate');
    expect(head).toMatch(/^HTTP\/1\.1 502/);
  });
});
