import { describe, expect, it } from 'vitest';
import type { Http2Limits } from '../../../src/http2/limits.ts';
import { ListenerBudget } from '../../../src/http2/listener-budget.ts';
import type { Stream } from '../../../src/http2/stream.ts';
import {
  ACK,
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
import { type RecordingServer, recordingServer, toFields } from '../../support/http2-recorder.ts';
import { until } from '../../support/until.ts';

const OK = toFields([[':status', '200']]);
const TRAILERS = toFields([['grpc-status', '0']]);
const INITIAL_WINDOW = 4;
const request = (id: number) => frame(TYPE.headers, END_HEADERS | END_STREAM, id, block(...REQUEST));
const windowUpdate = (id: number, size: number) => frame(TYPE.windowUpdate, 0, id, uint32(size));

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8)) & 255;
  return bytes;
}

/** A server that answers each request with `send`. */
function sending(
  send: (stream: Stream) => void,
  limits: Partial<Http2Limits> = {},
): Promise<RecordingServer> {
  return recordingServer({ limits }, (recorder, stream) => {
    recorder.onEnd = () => {
      stream.sendHeaders(OK, false);
      send(stream);
    };
  });
}

describe('sending', () => {
  it.each(['sendData', 'sendOwned'] as const)(
    '%s stops at the window of the stream and goes on with it',
    async (method) => {
      const body = pattern(50_000);
      await using server = await sending((stream) => {
        stream[method](body, 0, body.length, false);
        stream.sendHeaders(TRAILERS, true);
      });
      using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1000]));
      peer.send(request(1));
      await peer.roundTrip();
      expect(peer.data(1).length).toBe(1000);
      expect(server.streams[0]?.stream?.queuedBytes).toBe(49_000);
      for (let sent = 1000; sent < 50_000; ) {
        const step = Math.min(17_000, 50_000 - sent);
        peer.send(windowUpdate(1, step));
        await peer.roundTrip();
        sent += step;
        expect(peer.data(1).length).toBe(sent);
      }
      expect(peer.data(1).equals(body)).toBe(true);
      expect(server.streams[0]?.drains).toBe(0); // the stream ended with it
      const last = peer.frames.filter((f) => f.streamId === 1).at(-1);
      expect([last?.type, (last?.flags ?? 0) & END_STREAM]).toEqual([TYPE.headers, END_STREAM]);
    },
  );

  it('copies what has to wait, so that the caller may use its buffer again', async () => {
    const body = pattern(3000);
    await using server = await sending((stream) => {
      const buffer = Buffer.from(body);
      stream.sendData(buffer, 0, buffer.length, true);
      buffer.fill(0);
    });
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 100]));
    peer.send(request(1));
    await peer.roundTrip();
    peer.send(windowUpdate(1, 10_000));
    await peer.received('the end', (f) => f.type === TYPE.data && f.flags === END_STREAM);
    expect(peer.data(1).equals(body)).toBe(true);
  });

  it('calls onDrain once when all that waited has left', async () => {
    await using server = await sending((stream) => stream.sendData(Buffer.alloc(3000), 0, 3000, false));
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1000]));
    peer.send(request(1));
    await peer.roundTrip();
    peer.send(windowUpdate(1, 1000));
    await peer.roundTrip();
    expect(server.streams[0]?.drains).toBe(0);
    peer.send(windowUpdate(1, 1000));
    await peer.roundTrip();
    expect(server.streams[0]?.drains).toBe(1);
  });

  it('applies a smaller INITIAL_WINDOW_SIZE to open streams, down below zero', async () => {
    await using server = await sending((stream) => stream.sendData(pattern(5000), 0, 5000, true));
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1000]));
    peer.send(request(1));
    await peer.roundTrip();
    peer.send(settings([INITIAL_WINDOW, 200]), windowUpdate(1, 700)); // now at -100
    await peer.roundTrip();
    expect(peer.data(1).length).toBe(1000);
    peer.send(windowUpdate(1, 150));
    await peer.roundTrip();
    expect(peer.data(1).length).toBe(1050);
    peer.send(settings([INITIAL_WINDOW, 100_000]));
    await peer.received('the end', (f) => f.type === TYPE.data && f.flags === END_STREAM);
    expect(peer.data(1).equals(pattern(5000))).toBe(true);
  });

  it('sends an empty end of stream even when the window is used up', async () => {
    await using server = await sending((stream) => {
      stream.sendData(Buffer.alloc(1000), 0, 1000, false);
      stream.sendData(Buffer.alloc(0), 0, 0, true);
    });
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1000]));
    peer.send(request(1));
    await peer.received('the end', (f) => f.type === TYPE.data && f.flags === END_STREAM);
  });

  it('shares the window of the connection fairly between streams', async () => {
    await using server = await sending((stream) => stream.sendOwned(Buffer.alloc(200_000), 0, 200_000, true));
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1_000_000]));
    peer.send(request(1), request(3), request(5));
    await peer.roundTrip();
    expect([1, 3, 5].map((id) => peer.data(id).length)).toEqual([65_535, 0, 0]);
    peer.send(windowUpdate(0, 3 * 2 * 16_384));
    await peer.roundTrip();
    expect([3, 5].map((id) => peer.data(id).length)).toEqual([32_768, 32_768]);
    peer.send(windowUpdate(0, 1_000_000));
    await until(() => [1, 3, 5].every((id) => peer.data(id).length === 200_000), 'all came');
  });

  it.each([
    ['at once', 1_000_000],
    ['when it had to wait for windows', 1000],
  ])('tells when the kernel has taken what was given away: %s', async (_, windowBytes) => {
    let isWritten = false;
    await using server = await sending((stream) => {
      stream.sendOwned(pattern(50_000), 0, 50_000, false);
      stream.afterWritten(() => {
        isWritten = true;
      });
    });
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, windowBytes]));
    peer.send(request(1));
    await peer.roundTrip();
    expect(isWritten).toBe(windowBytes > 50_000);
    peer.send(windowUpdate(1, 50_000));
    await until(() => peer.data(1).length === 50_000, 'all came');
    await until(() => isWritten, 'it is told');
  });

  it('never tells so of a stream that is reset before', async () => {
    let isWritten = false;
    await using server = await sending((stream) => {
      stream.sendOwned(pattern(50_000), 0, 50_000, false);
      stream.afterWritten(() => {
        isWritten = true;
      });
    });
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1000]));
    peer.send(request(1), frame(TYPE.reset, 0, 1, uint32(8)));
    await peer.roundTrip();
    peer.send(windowUpdate(0, 50_000));
    await peer.roundTrip();
    expect(isWritten).toBe(false);
  });

  it('drops what waits when the stream is reset by either side', async () => {
    await using server = await sending((stream) => stream.sendData(Buffer.alloc(5000), 0, 5000, true));
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1000]));
    peer.send(request(1), request(3));
    await peer.roundTrip();
    expect(server.connections[0]?.queuedBytes).toBeGreaterThanOrEqual(8000);
    peer.send(frame(TYPE.reset, 0, 1, uint32(8)));
    await peer.roundTrip();
    server.streams[1]?.stream?.reset(8);
    await peer.resetCode(3);
    expect(server.connections[0]?.queuedBytes).toBe(0);
    peer.send(windowUpdate(0, 5000));
    await peer.roundTrip();
    expect([1, 3].map((id) => peer.data(id).length)).toEqual([1000, 1000]);
  });

  it('leaves nothing of a reset stream in any queue while the window of the connection is used up', async () => {
    await using server = await sending((stream) => stream.sendOwned(Buffer.alloc(100_000), 0, 100_000, true));
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 1_000_000]));
    peer.send(request(1), request(3), request(5), request(7)); // the first uses up the connection's 65,535 bytes
    await peer.roundTrip();
    peer.send(...[1, 3, 5].map((id) => frame(TYPE.reset, 0, id, uint32(8))));
    await peer.roundTrip();
    const places = server.streams.map(({ stream }) => stream?.line?.size);
    expect(places).toEqual([undefined, undefined, undefined, 1]);
    expect(server.connections[0]?.queuedBytes).toBe(100_000);
    peer.send(windowUpdate(0, 100_000));
    await until(() => peer.data(7).length === 100_000, 'the one that is left has all');
  });

  it('does nothing on a stream that has ended', async () => {
    await using server = await sending((stream) => {
      stream.sendHeaders(TRAILERS, true);
      stream.sendData(Buffer.from('late'), 0, 4, true);
      stream.sendOwned(Buffer.from('late'), 0, 4, true);
      stream.sendHeaders(TRAILERS, true);
      stream.consume(10);
      stream.reset(8);
    });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1));
    await peer.roundTrip();
    expect(peer.frames.filter((f) => f.streamId === 1).length).toBe(2);
  });
});

describe('a client that does not read', () => {
  it('makes DATA wait in its stream instead of the socket, and gets all of it later', async () => {
    const limits = { unsentBytes: 256 * 1024 };
    const body = pattern(8_000_000);
    await using server = await sending((stream) => stream.sendOwned(body, 0, body.length, true), limits);
    using peer = await RawPeer.connect(server.path, settings([INITIAL_WINDOW, 0x7fffffff]));
    peer.send(windowUpdate(0, 0x7fffffff - 65_535));
    peer.socket.pause();
    peer.send(request(1));
    await until(() => server.streams[0]?.isEnded === true, 'the request came');
    const stream = server.streams[0]?.stream;
    expect(stream?.queuedBytes).toBeGreaterThan(7_000_000);
    peer.socket.resume();
    await peer.received('the end', (f) => f.type === TYPE.data && f.flags === END_STREAM);
    expect(peer.data(1).equals(body)).toBe(true);
    expect(stream?.queuedBytes).toBe(0);
  });

  it('is cut off when other frames pile up for it', async () => {
    await using server = await recordingServer({
      limits: { unsentCutOffBytes: 100_000, pingsPerSecond: 1e9 },
    });
    using peer = await RawPeer.connect(server.path);
    peer.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))));
    for (let i = 0; i < 100 && server.closes.length === 0; i++) {
      peer.send(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => server.closes.length === 1, 'the connection closed');
    expect(server.closes[0]?.reason).toContain('does not read');
  });

  it('is cut off earlier when all clients together leave too much unread, but not one that reads', async () => {
    const MIB = 1024 * 1024;
    const budget = new ListenerBudget({ queuedBytes: MIB, queuedReserveBytes: 16 * MIB }); // 1 MiB for each
    const long = toFields([
      [':status', '200'],
      ['x', 'y'.repeat(10_000)],
    ]); // not DATA, so no window holds it
    await using server = await recordingServer({ budget }, (recorder, stream) => {
      recorder.onEnd = () => stream.sendHeaders(long, true);
    });
    using deaf = await RawPeer.connect(server.path);
    using good = await RawPeer.connect(server.path);
    deaf.socket.pause();
    for (let i = 0; i < 400; i++) deaf.send(request(2 * i + 1));
    await until(() => server.streams.length === 400 || server.closes.length === 1, 'all is written');
    deaf.send(request(801)); // in a read of its own, should all others have come in one
    await until(() => server.closes.length === 1, 'the one that does not read is cut off');
    expect(server.closes[0]?.reason).toContain('does not read');
    for (let id = 1; id < 800; id += 2) {
      good.send(request(id));
      await good.received('an answer', (f) => f.type === TYPE.headers && f.streamId === id);
    }
    expect(budget.queuedBytes.used).toBe(0);
  });
});

describe('receiving', () => {
  const open = (id: number) => frame(TYPE.headers, END_HEADERS, id, block(...REQUEST));
  const body = (id: number, size: number) => frame(TYPE.data, 0, id, Buffer.alloc(size));
  const updates = (peer: RawPeer, id: number) =>
    peer.frames
      .filter((f) => f.type === TYPE.windowUpdate && f.streamId === id)
      .map((f) => f.payload.readUInt32BE(0));

  it('announces its windows', async () => {
    const limits = { initialWindowBytes: 100_000, connectionWindowBytes: 1_000_000 };
    await using server = await recordingServer({ limits });
    using peer = await RawPeer.connect(server.path);
    await peer.roundTrip();
    const payload = peer.frames[0]?.payload.toString('hex');
    expect(payload).toContain('0004000186a0');
    expect(updates(peer, 0)).toEqual([1_000_000 - 65_535]);
  });

  it('credits a stream only as its receiver consumes, in halves of the window', async () => {
    const limits = { initialWindowBytes: 20_000 };
    await using server = await recordingServer({ limits }, (recorder) => {
      recorder.consumes = false;
    });
    using peer = await RawPeer.connect(server.path, settings(), frame(TYPE.settings, ACK, 0));
    peer.send(open(1), body(1, 16_000), body(1, 4000));
    await peer.roundTrip();
    const stream = server.streams[0]?.stream;
    expect(updates(peer, 1)).toEqual([]);
    stream?.consume(9999);
    stream?.consume(1);
    await peer.roundTrip();
    expect(updates(peer, 1)).toEqual([10_000]);
    peer.send(body(1, 10_000));
    await peer.roundTrip();
    expect(server.streams[0]?.body.length).toBe(30_000);
    expect(server.streams[0]?.abort).toBeUndefined();
  });

  it('credits padding without the receiver', async () => {
    const limits = { initialWindowBytes: 20_000 };
    await using server = await recordingServer({ limits });
    using peer = await RawPeer.connect(server.path, settings(), frame(TYPE.settings, ACK, 0));
    const padded = frame(TYPE.data, 8, 1, Buffer.concat([Buffer.from([255, 1]), Buffer.alloc(255)]));
    peer.send(open(1));
    for (let i = 0; i < 200; i++) peer.send(padded);
    await peer.roundTrip();
    expect(server.streams[0]?.body.length).toBe(200);
    expect(updates(peer, 1).reduce((sum, size) => sum + size, 0)).toBeGreaterThan(30_000);
  });

  it('credits the connection on receipt, even for streams that are gone', async () => {
    const limits = { connectionWindowBytes: 65_535 };
    await using server = await recordingServer({ limits });
    using peer = await RawPeer.connect(server.path);
    peer.send(open(1));
    await until(() => server.streams.length === 1, 'the stream is there');
    server.streams[0]?.stream?.reset(8);
    for (let i = 0; i < 10; i++) peer.send(body(1, 16_000));
    await peer.roundTrip();
    expect(updates(peer, 0).reduce((sum, size) => sum + size, 0)).toBeGreaterThan(120_000);
  });
});
