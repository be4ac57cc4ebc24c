// Clients of the CRI socket that say nothing, or are too many: they keep nobody out.
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { STATUS, trailersOnly } from '../../../src/grpc/status.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { frontWorld, requestBlock } from '../../support/front-world.ts';
import { END_HEADERS, END_STREAM, frame, RawPeer, TYPE } from '../../support/http2-raw-peer.ts';
import { limitFor } from '../../support/limit-for.ts';
import { until } from '../../support/until.ts';

const HALF = 'PRI * HTTP/2.0\r\n\r\nSM';

async function connect(path: string, bytes = ''): Promise<net.Socket> {
  const socket = net.connect(path);
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  if (bytes !== '') socket.write(bytes);
  return socket;
}

const VERSION = [
  frame(TYPE.headers, END_HEADERS, 1, requestBlock('Version')),
  frame(TYPE.data, END_STREAM, 1, Buffer.alloc(5)),
];
const isGone = (socket: net.Socket) => socket.readableEnded || socket.destroyed;
const newMetrics = () =>
  new Metrics({
    backends: () => [],
    ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
    journal: () => ({ sizeBytes: 0, isFailing: false }),
    lostLogLines: () => 0,
  });

describe('the CRI socket', () => {
  it.each([
    ['nothing', ''],
    ['half a preface', HALF],
    ['no SETTINGS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('closes a connection that has sent %s for ten seconds', async (_, bytes) => {
    const [clock, metrics] = [new FakeClock(), newMetrics()];
    await using world = await frontWorld({ clock, limit: limitFor('cri', metrics) });
    const socket = await connect(world.path, bytes);
    await until(() => metrics.connections.get('cri')?.value === 1, 'it is accepted');
    clock.advance(9_999);
    expect(isGone(socket)).toBe(false);
    clock.advance(1);
    await until(() => isGone(socket), 'it is closed');
    expect(metrics.turnedAway.at('cri', 'silent').value).toBe(1);
    await until(() => metrics.connections.get('cri')?.value === 0, 'it is counted off');
  });

  it('keeps a client that has greeted and waits', async () => {
    const [clock, metrics] = [new FakeClock(), newMetrics()];
    await using world = await frontWorld({ clock, limit: limitFor('cri', metrics) });
    const peer = await RawPeer.connect(world.path);
    await until(() => metrics.connections.get('cri')?.value === 1, 'it is accepted');
    await peer.roundTrip();
    clock.advance(24 * 60 * 60_000);
    peer.send(...VERSION);
    await until(() => world.calls.length === 1, 'its call arrives');
    peer[Symbol.dispose]();
  });

  it('takes a new client whatever number of silent ones is there', async () => {
    const metrics = newMetrics();
    await using world = await frontWorld({ limit: limitFor('cri', metrics, 20) });
    const silent: net.Socket[] = [];
    for (let i = 0; i < 200; i++) silent.push(await connect(world.path, HALF));
    const peer = await RawPeer.connect(world.path);
    await peer.roundTrip();
    peer.send(...VERSION);
    await until(() => world.calls.length === 1, 'its call arrives');
    expect(metrics.connections.get('cri')?.value).toBe(20);
    await until(() => silent.filter(isGone).length === 181, 'the oldest are closed');
    // The call in flight outlives another flood.
    for (let i = 0; i < 100; i++) silent.push(await connect(world.path));
    expect(world.calls[0]?.isOver).toBe(false);
    peer[Symbol.dispose]();
    for (const socket of silent) socket.destroy();
  });

  it('takes a new client, and keeps an idle one, whatever number of unfinished requests is there', async () => {
    const metrics = newMetrics();
    await using world = await frontWorld({ limit: limitFor('cri', metrics, 20) });
    using idle = await RawPeer.connect(world.path);
    idle.send(...VERSION);
    await until(() => world.calls.length === 1, 'its call arrives');
    world.calls[0]?.finish(trailersOnly('OK', ''), STATUS.OK, '');
    await idle.received('its answer', (f) => f.type === TYPE.headers);
    const open: RawPeer[] = [];
    for (let i = 0; i < 60; i++) {
      const peer = await RawPeer.connect(world.path);
      if (i % 2 === 0) peer.send(...VERSION, frame(TYPE.headers, END_HEADERS, 3, requestBlock('Version')));
      else peer.send(frame(TYPE.headers, END_HEADERS, 1, requestBlock('Version')));
      await peer.roundTrip();
      world.calls.at(-1)?.finish(trailersOnly('OK', ''), STATUS.OK, '');
      open.push(peer);
    }
    using peer = await RawPeer.connect(world.path);
    peer.send(...VERSION);
    await peer.roundTrip();
    expect(world.calls.at(-1)?.isOver).toBe(false);
    await until(
      () => open.filter(({ isEnded }) => isEnded).length === 42,
      'the oldest unfinished ones are closed',
    );
    expect(open.slice(0, 42).every(({ isEnded }) => isEnded)).toBe(true);
    expect(idle.isEnded).toBe(false);
    for (const each of open) each[Symbol.dispose]();
  });

  it('closes no client whose request came whole for one that has an unfinished one', async () => {
    await using world = await frontWorld({ limit: limitFor('cri', newMetrics(), 3) });
    using waiting = await RawPeer.connect(world.path);
    waiting.send(...VERSION, frame(TYPE.headers, END_HEADERS, 3, requestBlock('Version')));
    await waiting.roundTrip();
    using second = await RawPeer.connect(world.path);
    second.send(frame(TYPE.headers, END_HEADERS, 1, requestBlock('Version')));
    await second.roundTrip();
    using third = await RawPeer.connect(world.path);
    third.send(...VERSION);
    await third.roundTrip();
    using fourth = await RawPeer.connect(world.path);
    await fourth.roundTrip();
    expect([waiting.isEnded, second.isEnded, third.isEnded]).toEqual([false, true, false]);
  });
});
