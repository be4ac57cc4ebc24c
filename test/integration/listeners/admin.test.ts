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
const isGone = (socket: net.Socket) => socket.readableEnded || socket.destroyed;

describe('the admin side', () => {
  it('answers whatever number of silent and idle connections there is', async () => {
    for (let i = 0; i < 50; i++) (await connect()).resume();
    for (let i = 0; i < 50; i++)
      expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
    expect(metrics.connections.get('admin')?.value).toBeLessThanOrEqual(AT_MOST);
    expect(metrics.turnedAway.at('admin', 'evicted').value).toBeGreaterThan(80);
    expect(metrics.turnedAway.at('admin', 'refused').value).toBe(0);
  });

  it('cuts off clients that do not take their answers, and serves others then', async () => {
    // An answer that does not fit into the buffers on the way.
    for (let i = 0; i < 20_000; i++) metrics.decision(`${'long'.repeat(100)}${i}`, 'placed');
    for (let i = 0; i < AT_MOST; i++) {
      const socket = (await connect(get('/metrics'))).pause();
      await until(() => socket.bytesRead > 0, 'the answer begins');
    }
    const refused = (await connect(get('/livez'))).resume();
    await until(() => isGone(refused), 'one more is refused');
    expect(metrics.turnedAway.at('admin', 'refused').value).toBe(1);
    clock.advance(30_000);
    expect(await answerOf(await connect(get('/livez')), /ok\n$/)).toContain('200 OK');
  });

  it('makes the metrics a few times a second at most, however many ask', async () => {
    const asked = 300;
    const socket = await connect(get('/metrics').repeat(asked));
    let count = 0;
    socket.on('data', (chunk) => {
      count += `${chunk}`.split('HTTP/1.1 200').length - 1;
    });
    await until(() => count >= asked, 'all are answered');
    // Two samples each: of the size, and of the failure.
    expect(samples).toBeLessThanOrEqual(2 * 10);
    metrics.decision('canary', 'placed');
    clock.advance(1_000);
    expect(await answerOf(await connect(get('/metrics')), /\r\n0\r\n\r\n$|# EOF|canary/)).toContain('canary');
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
      404,
    ],
  ])('does not take %s', async (_, bytes, status) => {
    const socket = await connect(bytes);
    expect(await answerOf(socket, /\r\n\r\n/)).toMatch(new RegExp(`^HTTP/1.1 (${status}|413|400) `));
  });
});
