// Few bytes of a peer that could make us do much. The bounds are counts of work, not times.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { ListenerBudget } from '../../../src/http2/listener-budget.ts';
import { NEWCOMER_MS } from '../../../src/http2/shared-rate.ts';
import { Stream } from '../../../src/http2/stream.ts';
import { StreamSlots } from '../../../src/http2/stream-slots.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  RawPeer,
  REQUEST,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { recordingServer, toFields } from '../../support/http2-recorder.ts';
import { until } from '../../support/until.ts';

const OK = toFields([[':status', '200']]);
const HEADER_TABLE = 1;
const INITIAL_WINDOW = 4;
const UNKNOWN_SETTING = 99;
const request = (id: number) => frame(TYPE.headers, END_HEADERS | END_STREAM, id, block(...REQUEST));
const windowUpdate = (id: number, size: number) => frame(TYPE.windowUpdate, 0, id, uint32(size));
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const ids = (count: number) => times(count, (i) => 2 * i + 1);

/** A server that answers each request with so many bytes. */
const answering = (sizeBytes: number, limits = {}) =>
  recordingServer({ limits, clock: new FakeClock() }, (recorder, stream) => {
    recorder.onEnd = () => {
      stream.sendHeaders(OK, false);
      stream.sendOwned(Buffer.alloc(sizeBytes), 0, sizeBytes, true);
    };
  });

afterEach(() => vi.restoreAllMocks());

describe('SETTINGS', () => {
  it('count with the last value of a frame', async () => {
    await using server = await answering(1000);
    using peer = await RawPeer.connect(
      server.path,
      settings(...times(16, (i) => [INITIAL_WINDOW, 2 * i] as const), [INITIAL_WINDOW, 70]),
    );
    peer.send(request(1));
    await peer.roundTrip();
    expect(peer.data(1).length).toBe(70);
  });

  it('that shrink the header table and widen it again in one frame are both signalled', async () => {
    await using server = await answering(1);
    using peer = await RawPeer.connect(server.path, settings([HEADER_TABLE, 0], [HEADER_TABLE, 4096]));
    peer.send(request(1));
    const { payload } = await peer.received('headers', (f) => f.type === TYPE.headers);
    expect(payload.subarray(0, 4).toString('hex')).toBe('203fe11f'); // a size of 0, then of 4096
  });

  it('over 32 in one frame end the connection', async () => {
    await using server = await answering(1);
    using good = await RawPeer.connect(
      server.path,
      settings(...times(32, () => [UNKNOWN_SETTING, 1] as const)),
    );
    await good.roundTrip();
    using bad = await RawPeer.connect(
      server.path,
      settings(...times(33, () => [UNKNOWN_SETTING, 1] as const)),
    );
    expect(await bad.goawayCode()).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
  });

  it('that change the windows of a thousand open streams visit none of them while nothing waits', async () => {
    await using server = await recordingServer({ clock: new FakeClock() });
    using peer = await RawPeer.connect(server.path);
    peer.send(...ids(1000).map((id) => frame(TYPE.headers, END_HEADERS, id, block(...REQUEST))));
    await until(() => server.streams.length === 1000, 'all are open');
    const all = vi.spyOn(StreamSlots.prototype, 'all');
    const highest = vi.spyOn(StreamSlots.prototype, 'highestOffsetBytes');
    const pump = vi.spyOn(Stream.prototype, 'pump');
    peer.send(...times(50, (i) => settings([INITIAL_WINDOW, 65_535 + (i % 2)])));
    await peer.roundTrip();
    expect([all, highest, pump].map((spy) => spy.mock.calls.length)).toEqual([0, 0, 0]);
    expect(server.streams[500]?.stream?.sendWindowBytes).toBe(65_536);
  });

  it('that widen the windows of streams which wait visit so many in a second and no more', async () => {
    await using server = await answering(1000, { streamVisitsPerSecond: 250 });
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 0]));
    peer.send(...ids(100).map(request));
    await peer.roundTrip();
    const pump = vi.spyOn(Stream.prototype, 'pump');
    peer.send(...times(9, (i) => settings([INITIAL_WINDOW, 1 + i])));
    expect(await peer.goawayCode()).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    expect(pump).toHaveBeenCalledTimes(200);
    expect(peer.data(199).length).toBe(2);
  });

  it('that make any window too large end the connection, also when that stream was widened long before', async () => {
    await using server = await recordingServer({ clock: new FakeClock() });
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 100]));
    const open = (id: number) => frame(TYPE.headers, END_HEADERS, id, block(...REQUEST));
    peer.send(open(1), open(3), windowUpdate(3, 0x7fffffff - 100), frame(TYPE.reset, 0, 3, uint32(8)));
    peer.send(settings([INITIAL_WINDOW, 200])); // that stream is gone
    await peer.roundTrip();
    peer.send(open(5), windowUpdate(5, 0x7fffffff - 200), settings([INITIAL_WINDOW, 201]));
    expect(await peer.goawayCode()).toBe(ERROR_CODE.FLOW_CONTROL_ERROR);
  });
});

describe('WINDOW_UPDATE', () => {
  it('of one byte for the connection touches one of a thousand streams that wait, each in turn', async () => {
    await using server = await answering(1000);
    using peer = await RawPeer.connect(server.path);
    peer.send(...ids(1000).map(request));
    await until(() => server.streams.length === 1000 && server.streams[999]?.isEnded === true, 'all wait');
    await peer.roundTrip();
    const pump = vi.spyOn(Stream.prototype, 'pump');
    peer.send(...times(100, () => windowUpdate(0, 1)));
    await peer.roundTrip();
    expect(pump).toHaveBeenCalledTimes(100);
    const waiting = ids(1000).filter((id) => peer.data(id).length === 1);
    expect(waiting).toEqual(ids(165).slice(66)); // 65 and a half had the window before; one goes to that other half
  });
});

describe('resets on many connections', () => {
  const resets = (from: number, count: number) =>
    times(count, (i) => {
      const id = 2 * (from + i) + 1;
      return Buffer.concat([request(id), frame(TYPE.reset, 0, id, uint32(8))]);
    });

  it('end those that reset more than their part, and none that reset a handful', async () => {
    const budget = new ListenerBudget({ resetsPerSecond: 400 });
    const clock = new FakeClock();
    await using server = await recordingServer({ budget, clock });
    using modest = await RawPeer.connect(server.path);
    await modest.roundTrip();
    clock.advance(NEWCOMER_MS);
    const attackers = await Promise.all(times(4, () => RawPeer.connect(server.path)));
    modest.send(...resets(0, 10));
    await modest.roundTrip();
    for (const peer of attackers) peer.send(...resets(0, 200));
    await until(() => server.closes.length >= 2, 'the later ones are over the budget');
    for (const peer of attackers) peer.send(...resets(200, 1)); // the first was within it until now
    await until(() => server.closes.length === 4, 'the attackers are ended');
    expect(server.closes.map(({ error }) => error?.code)).toEqual(
      times(4, () => ERROR_CODE.ENHANCE_YOUR_CALM),
    );
    expect(server.streams.length).toBeLessThan(10 + 400 + 3 * 134); // of 814
    modest.send(...resets(10, 10));
    await modest.roundTrip();
  });
});
