// The admin side with clients that are many, slow, silent or greedy.
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { limitFor } from '../../support/limit-for.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const AT_MOST = 8;
let server: AdminServer;
let clock: FakeClock;
let metrics: Metrics;
let samples: number;
const sockets: net.Socket[] = [];

beforeEach(async () => {
  clock = new FakeClock();
  samples = 0;
  metrics = new Metrics({
    backends: () => [],
    ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
    journal: () => {
      samples++;
      return { sizeBytes: 0, isFailing: false };
    },
    lostLogLines: () => 0,
  });
  server = await startAdmin({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    ...{ metrics, clock, log: recorder([] as LogLine[]), limit: limitFor('admin', metrics, AT_MOST) },
    readiness: () => ({ isReady: true, backends: [] }),
  });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

async function connect(bytes = ''): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(server.address).port), '127.0.0.1');
  sockets.push(socket.on('error', () => undefined));
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  socket.write(bytes);
  return socket;
}

/** Collects what comes; resolves when it ends with all of this. */
async function answerOf(socket: net.Socket, end: RegExp): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => end.test(text) || socket.destroyed, `the answer ends with ${end}`);
  return text;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
/** The answer ends with its connection. */
const NEVER = /$./;
const isGone = (socket: net.Socket) => socket.readableEnded || socket.destroyed;

/** Clients that ask for answers that do not fit into the buffers on the way, and do not read them. */
async function leaveUnread(count: number): Promise<net.Socket[]> {
  for (let i = 0; i < 20_000; i++) metrics.decision(`${'huge'.repeat(100)}${i}`, 'placed');
  const unread: net.Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = (await connect(get('/metrics'))).pause();
    await until(() => socket.bytesRead > 0, 'the answer begins');
    unread.push(socket);
  }
  return unread;
}

describe('the admin side', () => {
  it('answers whatever number of silent and idle connections there is', async () => {
    for (let i = 0; i < 50; i++) (await connect()).resume();
    for (let i = 0; i < 50; i++)
      expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
    expect(metrics.connections.get('admin')?.value).toBeLessThanOrEqual(AT_MOST);
    expect(metrics.turnedAway.at('admin', 'evicted').value).toBeGreaterThanOrEqual(50 - AT_MOST);
    expect(metrics.turnedAway.at('admin', 'refused').value).toBe(0);
  });

  it('answers a newcomer although others leave large answers unread, and closes the oldest of those', async () => {
    const unread = await leaveUnread(AT_MOST);
    expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
    const [oldest, ...others] = unread;
    await until(() => oldest !== undefined && isGone(oldest.resume()), 'the oldest is closed');
    expect(metrics.turnedAway.at('admin', 'refused').value).toBe(0);
    expect(others.filter(isGone)).toEqual([]);
  });

  it('cuts off clients that have not taken their answers after half a minute', async () => {
    const unread = await leaveUnread(2);
    clock.advance(30_000);
    for (const socket of unread) await until(() => isGone(socket.resume()), 'it is cut off');
    await until(() => metrics.connections.get('admin')?.value === 0, 'none is left');
  });

  it('keeps little of the answers that are not taken for a second, whether or not places are left', async () => {
    const unread = await leaveUnread(5);
    clock.advance(1_000);
    expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
    // Of 9 MB each. What is in the kernel is not counted, and more than a third of an answer does not fit there.
    await until(() => metrics.connections.get('admin')?.value === 0, 'all are cut off');
    for (const socket of unread) await until(() => isGone(socket.resume()), 'it is cut off');
  });

  it('leaves a client that reads slowly its answer while there is memory', async () => {
    const [socket] = await leaveUnread(1);
    expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
    const text = await answerOf(socket?.resume() as net.Socket, NEVER);
    // Not by toContain, which would print all of it.
    expect(text.includes('huge19999"')).toBe(true);
    expect(metrics.turnedAway.at('admin', 'evicted').value).toBe(0);
  });

  it('serves one request a connection, and nothing of what comes behind it', async () => {
    const socket = await connect(get('/livez') + get('/metrics').repeat(1_580));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => isGone(socket), 'the connection ends');
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n.*ok\n$/is);
    expect(samples).toBe(0);
  });

  it('cuts off a client that goes on sending behind its request', async () => {
    const socket = (await connect(get('/livez'))).resume();
    const send = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
    };
    socket.on('drain', send);
    send();
    await until(() => metrics.connections.get('admin')?.value === 0, 'it is cut off');
  });

  it('makes the metrics a few times a second at most, and serves no more than a hundred scrapes', async () => {
    const statuses: Record<string, number> = {};
    for (let i = 0; i < 120; i++) {
      const text = await answerOf(await connect(get('/metrics')), NEVER);
      const [, status = ''] = /^HTTP\/1\.1 (\d+) /.exec(text) ?? [];
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === '503') expect(text).toMatch(/retry-after: 1\r\n/i);
    }
    expect(statuses).toEqual({ 200: 100, 503: 20 });
    // Two samples each: of the size, and of the failure.
    expect(samples).toBeLessThanOrEqual(2 * 10);
    expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
    metrics.decision('canary', 'placed');
    clock.advance(1_000);
    expect(await answerOf(await connect(get('/metrics')), /canary/)).toContain('canary');
  });

  it('shows each of a few scrapes what is counted at that moment', async () => {
    for (let i = 1; i <= 5; i++) {
      metrics.decision('moment', 'placed');
      const text = await (await fetch(`${server.address}/metrics`)).text();
      expect(text).toContain(`switchyard_decisions_total{rule="moment",outcome="placed"} ${i}\n`);
    }
  });

  it.each([
    ['a head of 20 KiB', `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'a body of 100 KiB',
      `POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`,
      405,
    ],
  ])('does not take %s', async (_, bytes, status) => {
    const socket = await connect(bytes);
    expect(await answerOf(socket, /\r\n\r\n/)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});
