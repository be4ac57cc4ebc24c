import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { Field } from '../../../src/http2/field.ts';
import type { Http2Limits } from '../../../src/http2/limits.ts';
import { ListenerBudget } from '../../../src/http2/listener-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  PADDED,
  PREFACE,
  PRIORITY,
  type RawFrame,
  RawPeer,
  REQUEST,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { type RecordingServer, recordingServer, toFields } from '../../support/http2-recorder.ts';
import { until } from '../../support/until.ts';

const request = (id: number, flags = END_HEADERS, fields: readonly (readonly [string, string])[] = REQUEST) =>
  frame(TYPE.headers, flags, id, block(...fields));
const data = (id: number, body: string | Buffer, flags = 0) => frame(TYPE.data, flags, id, Buffer.from(body));
const windowUpdate = (id: number, size: number) => frame(TYPE.windowUpdate, 0, id, uint32(size));
const OK = toFields([[':status', '200']]);

async function answering(limits: Partial<Http2Limits> = {}): Promise<RecordingServer> {
  return recordingServer({ limits }, (recorder, stream) => {
    recorder.onEnd = () => stream.sendHeaders([...OK, ...toFields([['grpc-status', '0']])], true);
  });
}

async function expectAnswered(peer: RawPeer, id: number): Promise<void> {
  peer.send(request(id, END_HEADERS | END_STREAM));
  await peer.received(`an answer on ${id}`, (f) => f.type === TYPE.headers && f.streamId === id);
}

describe('a server connection', () => {
  it('says its SETTINGS first, acks those of the client and answers', async () => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    await expectAnswered(peer, 1);
    expect(peer.frames[0]?.type).toBe(TYPE.settings);
    expect(peer.frames[0]?.flags).toBe(0);
    expect(peer.frames.some((f) => f.type === TYPE.settings && f.flags === ACK)).toBe(true);
    expect(server.streams[0]?.headers).toEqual([REQUEST.map((pair) => [...pair])]);
  });

  it.each([
    ['a raw socket path', '/run/x.sock'],
    ['a percent-coded socket path', '%2Frun%2Fx.sock'],
    ['nothing', ''],
    ['no authority at all', undefined],
  ])('takes a request whose :authority is %s', async (_, authority) => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    const fields = REQUEST.filter(([name]) => name !== ':authority').map(
      (pair) => [...pair] as [string, string],
    );
    if (authority !== undefined) fields.splice(1, 0, [':authority', authority]);
    peer.send(request(1, END_HEADERS | END_STREAM, fields));
    await peer.received('an answer', (f) => f.type === TYPE.headers);
  });

  it('takes headers in CONTINUATION frames, padded, with priority', async () => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    const bytes = block(...REQUEST, ['x-long', 'y'.repeat(20_000)]);
    const first = Buffer.concat([Buffer.from([7]), Buffer.alloc(5), bytes.subarray(0, 100), Buffer.alloc(7)]);
    peer.send(
      frame(TYPE.headers, PADDED | PRIORITY | END_STREAM, 1, first),
      frame(TYPE.continuation, 0, 1, bytes.subarray(100, 16_000)),
      frame(TYPE.continuation, END_HEADERS, 1, bytes.subarray(16_000)),
    );
    await peer.received('an answer', (f) => f.type === TYPE.headers);
    expect(server.streams[0]?.headers[0]?.at(-1)).toEqual(['x-long', 'y'.repeat(20_000)]);
  });

  it('takes DATA with padding, and trailers', async () => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    peer.send(
      request(1),
      data(1, '\x05hello\0\0\0\0\0', PADDED),
      data(1, ' world'),
      frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(['x-trailer', 'end'])),
    );
    await peer.received('an answer', (f) => f.type === TYPE.headers);
    expect(server.streams[0]?.body.toString()).toBe('hello world');
    expect(server.streams[0]?.headers[1]).toEqual([['x-trailer', 'end']]);
  });

  it('ignores frames of unknown types, PRIORITY, and frames for streams it has reset', async () => {
    await using server = await recordingServer();
    using peer = await RawPeer.connect(server.path);
    peer.send(frame(99, 255, 5, Buffer.from('x')), frame(TYPE.priority, 0, 3, Buffer.alloc(5)), request(1));
    await until(() => server.streams.length === 1, 'the stream is there');
    server.streams[0]?.stream?.reset(ERROR_CODE.CANCEL);
    expect(await peer.resetCode(1)).toBe(ERROR_CODE.CANCEL);
    peer.send(
      data(1, 'late'),
      windowUpdate(1, 5),
      frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(['late', 'trailer'])),
      frame(TYPE.reset, 0, 1, uint32(ERROR_CODE.CANCEL)),
    );
    await peer.roundTrip();
    expect(server.streams[0]?.body.length).toBe(0);
    expect(server.closes).toEqual([]);
  });

  it('tells the client to stop sending when the answer is complete before the request', async () => {
    await using server = await recordingServer({}, (_, stream) => {
      queueMicrotask(() => stream.sendHeaders(OK, true));
    });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1));
    expect(await peer.resetCode(1)).toBe(ERROR_CODE.NO_ERROR);
    expect(server.connections[0]?.streamCount).toBe(0);
    peer.send(data(1, 'more'));
    await peer.roundTrip();
  });

  it('ignores RST_STREAM and WINDOW_UPDATE for streams that were never opened', async () => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    for (const id of [2, 7, 0x7fffffff]) {
      peer.send(frame(TYPE.reset, 0, id, uint32(8)), windowUpdate(id, 100), windowUpdate(id, 0));
    }
    await expectAnswered(peer, 7);
  });

  it('aborts a stream that the client resets, and only that', async () => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), request(3), frame(TYPE.reset, 0, 1, uint32(ERROR_CODE.CANCEL)));
    await peer.roundTrip();
    expect(server.streams[0]?.abort).toMatchObject({ kind: 'reset', code: ERROR_CODE.CANCEL });
    expect(server.streams[1]?.abort).toBeUndefined();
    await expectAnswered(peer, 5);
  });

  it('aborts every stream when the client goes, without an error of the protocol', async () => {
    await using server = await recordingServer();
    const peer = await RawPeer.connect(server.path);
    peer.send(request(1), request(3));
    await until(() => server.streams.length === 2, 'two streams');
    peer.socket.destroy();
    await until(() => server.closes.length === 1, 'the connection closed');
    expect(server.closes[0]?.error).toBeUndefined();
    expect(server.streams.map((s) => s.abort?.kind)).toEqual(['connection', 'connection']);
  });

  it('refuses streams over the limit as not processed, and takes new ones when others end', async () => {
    await using server = await recordingServer({ limits: { streams: 2 } });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), request(3), request(5));
    expect(await peer.resetCode(5)).toBe(ERROR_CODE.REFUSED_STREAM);
    server.streams[0]?.stream?.reset(ERROR_CODE.CANCEL);
    peer.send(request(7));
    await until(() => server.streams.length === 3, 'another stream');
  });

  it('refuses streams over the limit of all connections, but leaves each its part of the reserve', async () => {
    const budget = new ListenerBudget({ streams: 4, streamsReserve: 32 }); // two for each of up to 16 connections
    await using server = await recordingServer({ budget });
    using many = await RawPeer.connect(server.path);
    using few = await RawPeer.connect(server.path);
    many.send(request(1), request(3), request(5), request(7), request(9));
    expect(await many.resetCode(9)).toBe(ERROR_CODE.REFUSED_STREAM);
    few.send(request(1), request(3), request(5));
    expect(await few.resetCode(5)).toBe(ERROR_CODE.REFUSED_STREAM);
    expect(server.streams.length).toBe(6);
    many.socket.destroy();
    await until(() => server.closes.length === 1, 'the greedy one has gone');
    few.send(request(7), request(9));
    await until(() => server.streams.length === 8, 'there is room again');
  });

  it('resets only the stream whose receiver throws, and reports the error', async () => {
    await using server = await recordingServer({}, (recorder, stream) => {
      if (stream.id === 1) {
        recorder.onData = () => {
          throw new Error('a bug');
        };
      }
    });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), data(1, 'x'), data(1, 'y', END_STREAM), request(3), data(3, 'z', END_STREAM));
    expect(await peer.resetCode(1)).toBe(ERROR_CODE.INTERNAL_ERROR);
    await until(() => server.streams[1]?.isEnded === true, 'the other stream ended');
    expect(server.errors).toEqual([new Error('a bug')]);
  });

  it('resets the stream when accept throws', async () => {
    await using server = await recordingServer({
      accept: () => {
        throw new Error('no');
      },
    });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1));
    expect(await peer.resetCode(1)).toBe(ERROR_CODE.INTERNAL_ERROR);
  });
});

describe('a server connection that is asked to drain', () => {
  it('warns, then names the last stream, refuses later ones and closes with the last', async () => {
    await using server = await recordingServer();
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1));
    await until(() => server.streams.length === 1, 'the stream is there');
    server.connections[0]?.drain();
    const warning = await peer.received('the warning', (f) => f.type === TYPE.goaway);
    expect(warning.payload.readUInt32BE(0)).toBe(0x7fffffff);
    const ping = await peer.received('a PING', (f) => f.type === TYPE.ping);
    peer.send(request(3), frame(TYPE.ping, ACK, 0, ping.payload));
    const last = await peer.received('the last id', (f) => f.type === TYPE.goaway && f !== warning);
    expect(last.payload.readUInt32BE(0)).toBe(3);
    peer.send(request(5), data(5, 'late'));
    expect(await peer.resetCode(5)).toBe(ERROR_CODE.REFUSED_STREAM);
    server.streams[0]?.stream?.sendHeaders(OK, true);
    server.streams[1]?.stream?.sendHeaders(OK, true);
    await until(() => peer.isEnded, 'the connection ended');
    expect(peer.frames.filter((f) => f.type === TYPE.headers).length).toBe(2);
    expect(server.closes).toEqual([{ reason: 'drained', error: undefined }]);
  });

  it('closes at once when nothing is in flight', async () => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    await expectAnswered(peer, 1);
    server.connections[0]?.drain();
    const ping = await peer.received('a PING', (f) => f.type === TYPE.ping);
    peer.send(frame(TYPE.ping, ACK, 0, ping.payload));
    await until(() => peer.isEnded, 'the connection ended');
  });

  it('goes on without the PING when the client does not answer it', async () => {
    const clock = new FakeClock();
    await using server = await recordingServer({ clock });
    using peer = await RawPeer.connect(server.path);
    await peer.roundTrip();
    server.connections[0]?.drain();
    await peer.received('a PING', (f) => f.type === TYPE.ping && f.flags === 0);
    clock.advance(1000);
    await until(() => peer.isEnded, 'the connection ended');
  });
});

describe('the socket of a connection that we closed', () => {
  it('goes after a second, when the client does not close its own end', async () => {
    const clock = new FakeClock();
    let isGone = false;
    const onGone = () => {
      isGone = true;
    };
    await using server = await recordingServer({ clock, onGone });
    const socket = net.connect({ path: server.path, allowHalfOpen: true });
    using peer = new RawPeer(socket, { expectsPreface: false });
    peer.send(PREFACE, settings());
    await until(() => server.connections.length === 1, 'it is accepted');
    server.connections[0]?.close();
    await until(() => peer.isEnded, 'the client has read to the end');
    expect(await peer.goawayCode()).toBe(ERROR_CODE.NO_ERROR);
    clock.advance(999);
    await nextTurn();
    expect(isGone).toBe(false);
    clock.advance(1);
    await until(() => isGone, 'the socket has gone');
  });
});

describe('a PING', () => {
  const PROBE = Buffer.from('02041010090e0707', 'hex');

  it('is answered at once with its payload', async () => {
    await using server = await recordingServer({ clock: new FakeClock() });
    using peer = await RawPeer.connect(server.path);
    peer.send(frame(TYPE.ping, 0, 0, Buffer.from('12345678')));
    const ack = await peer.received('the ack', (f) => f.type === TYPE.ping);
    expect([ack.flags, ack.payload.toString()]).toEqual([ACK, '12345678']);
  });

  it("that is grpc-go's probe is answered after 50 ms, whatever else is written before", async () => {
    const clock = new FakeClock();
    await using server = await recordingServer({ clock });
    using peer = await RawPeer.connect(server.path);
    await peer.roundTrip();
    const isAck = (f: RawFrame) => f.type === TYPE.ping && f.payload.equals(PROBE);
    peer.send(frame(TYPE.ping, 0, 0, PROBE), request(1));
    await until(() => server.streams.length === 1, 'the probe and the request arrived');
    server.streams[0]?.stream?.sendHeaders(OK, true);
    clock.advance(49);
    await peer.roundTrip();
    expect(peer.frames.filter(isAck)).toEqual([]);
    clock.advance(1);
    expect((await peer.received('the ack', isAck)).flags).toBe(ACK);
    await peer.roundTrip();
    expect(peer.frames.filter(isAck).length).toBe(1);
  });

  it("that is grpc-go's probe is answered as soon as DATA waits, and at once while it does", async () => {
    await using server = await recordingServer({ clock: new FakeClock() });
    using peer = await RawPeer.connect(server.path);
    const isAck = (f: RawFrame) => f.type === TYPE.ping && f.payload.equals(PROBE);
    peer.send(frame(TYPE.ping, 0, 0, PROBE), request(1));
    await until(() => server.streams.length === 1, 'the probe and the request arrived');
    const stream = server.streams[0]?.stream;
    stream?.sendHeaders(OK, false);
    stream?.sendData(Buffer.alloc(65_535), 0, 65_535, false); // all that the window lets through
    await peer.roundTrip();
    expect(peer.frames.filter(isAck)).toEqual([]);
    stream?.sendData(Buffer.alloc(1), 0, 1, false);
    await peer.received('the ack', isAck);
    peer.send(frame(TYPE.ping, 0, 0, PROBE));
    await until(() => peer.frames.filter(isAck).length === 2, 'the ack of the next probe');
  });
});

describe('what ends the whole connection', () => {
  const bigBlock = block(...REQUEST, ['x', 'y'.repeat(300_000)]);
  it.each<[string, Buffer[], number]>([
    ['no SETTINGS first', [PREFACE, frame(TYPE.ping, 0, 0, Buffer.alloc(8))], ERROR_CODE.PROTOCOL_ERROR],
    ['a SETTINGS ack first', [PREFACE, frame(TYPE.settings, ACK, 0)], ERROR_CODE.PROTOCOL_ERROR],
    ['HTTP/1', [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')], ERROR_CODE.PROTOCOL_ERROR],
    ['SETTINGS on a stream', [PREFACE, frame(TYPE.settings, 0, 1)], ERROR_CODE.PROTOCOL_ERROR],
    [
      'SETTINGS of a wrong length',
      [PREFACE, frame(TYPE.settings, 0, 0, Buffer.alloc(5))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    [
      'a SETTINGS ack with a payload',
      [PREFACE, settings(), frame(TYPE.settings, ACK, 0, Buffer.alloc(6))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    ['ENABLE_PUSH 2', [PREFACE, settings([2, 2])], ERROR_CODE.PROTOCOL_ERROR],
    ['INITIAL_WINDOW_SIZE 2^31', [PREFACE, settings([4, 0x80000000])], ERROR_CODE.FLOW_CONTROL_ERROR],
    ['MAX_FRAME_SIZE 100', [PREFACE, settings([5, 100])], ERROR_CODE.PROTOCOL_ERROR],
    ['MAX_FRAME_SIZE 2^24', [PREFACE, settings([5, 1 << 24])], ERROR_CODE.PROTOCOL_ERROR],
  ])('%s', async (_, parts, code) => {
    await using server = await answering();
    using peer = await RawPeer.dial(server.path);
    peer.send(...parts);
    expect(await peer.goawayCode()).toBe(code);
    await until(() => server.closes.length === 1, 'the connection closed');
    expect(server.closes[0]?.error?.code).toBe(code);
  });

  it.each<[string, Buffer[], number]>([
    ['DATA on stream 0', [data(0, 'x')], ERROR_CODE.PROTOCOL_ERROR],
    ['DATA on an idle stream', [data(9, 'x')], ERROR_CODE.PROTOCOL_ERROR],
    [
      'DATA on a closed stream',
      [request(1, END_HEADERS | END_STREAM), data(1, 'x')],
      ERROR_CODE.STREAM_CLOSED,
    ],
    ['HEADERS on stream 0', [request(0)], ERROR_CODE.PROTOCOL_ERROR],
    ['HEADERS with an even id', [request(2)], ERROR_CODE.PROTOCOL_ERROR],
    ['ids that go down', [request(5, END_HEADERS | END_STREAM), request(3)], ERROR_CODE.STREAM_CLOSED],
    ['PUSH_PROMISE', [frame(TYPE.push, 4, 1, Buffer.alloc(10))], ERROR_CODE.PROTOCOL_ERROR],
    ['PING of a wrong length', [frame(TYPE.ping, 0, 0, Buffer.alloc(7))], ERROR_CODE.FRAME_SIZE_ERROR],
    ['PING on a stream', [frame(TYPE.ping, 0, 1, Buffer.alloc(8))], ERROR_CODE.PROTOCOL_ERROR],
    ['RST_STREAM on stream 0', [frame(TYPE.reset, 0, 0, uint32(8))], ERROR_CODE.PROTOCOL_ERROR],
    ['RST_STREAM on stream 0', [frame(TYPE.reset, 0, 0, uint32(8))], ERROR_CODE.PROTOCOL_ERROR],
    [
      'RST_STREAM of a wrong length',
      [request(1), frame(TYPE.reset, 0, 1, Buffer.alloc(5))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    ['GOAWAY on a stream', [frame(TYPE.goaway, 0, 1, Buffer.alloc(8))], ERROR_CODE.PROTOCOL_ERROR],
    ['GOAWAY cut short', [frame(TYPE.goaway, 0, 0, Buffer.alloc(7))], ERROR_CODE.FRAME_SIZE_ERROR],
    ['PRIORITY on stream 0', [frame(TYPE.priority, 0, 0, Buffer.alloc(5))], ERROR_CODE.PROTOCOL_ERROR],
    [
      'PRIORITY of a wrong length',
      [frame(TYPE.priority, 0, 1, Buffer.alloc(4))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    [
      'WINDOW_UPDATE of a wrong length',
      [frame(TYPE.windowUpdate, 0, 0, Buffer.alloc(3))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    ['WINDOW_UPDATE of 0', [windowUpdate(0, 0)], ERROR_CODE.PROTOCOL_ERROR],
    ['WINDOW_UPDATE over the top', [windowUpdate(0, 0x7fffffff)], ERROR_CODE.FLOW_CONTROL_ERROR],
    [
      'SETTINGS that push a window over the top',
      [request(1), windowUpdate(1, 0x7fff0000), settings([4, 0x7fffffff])],
      ERROR_CODE.FLOW_CONTROL_ERROR,
    ],
    ['a frame over 16384 bytes', [frame(TYPE.data, 0, 1, Buffer.alloc(16_385))], ERROR_CODE.FRAME_SIZE_ERROR],
    [
      'CONTINUATION out of the blue',
      [frame(TYPE.continuation, 4, 1, block(...REQUEST))],
      ERROR_CODE.PROTOCOL_ERROR,
    ],
    ['DATA within a header block', [request(1, 0), data(1, 'x')], ERROR_CODE.PROTOCOL_ERROR],
    [
      'CONTINUATION for another stream',
      [request(1, 0), frame(TYPE.continuation, 4, 3, Buffer.alloc(0))],
      ERROR_CODE.PROTOCOL_ERROR,
    ],
    [
      'a header block over its bytes',
      [
        frame(TYPE.headers, 0, 1, bigBlock.subarray(0, 16_384)),
        ...Array.from({ length: 16 }, (_, i) => i + 1).map((i) =>
          frame(TYPE.continuation, 0, 1, bigBlock.subarray(i * 16_384, (i + 1) * 16_384)),
        ),
      ],
      ERROR_CODE.ENHANCE_YOUR_CALM,
    ],
    [
      'too many CONTINUATION frames',
      [
        request(1, 0),
        ...Array.from({ length: 20 }, () => frame(TYPE.continuation, 0, 1, Buffer.from([0x82]))),
      ],
      ERROR_CODE.ENHANCE_YOUR_CALM,
    ],
    [
      'a broken header block',
      [frame(TYPE.headers, END_HEADERS, 1, Buffer.from([0x80]))],
      ERROR_CODE.COMPRESSION_ERROR,
    ],
    [
      'HEADERS shorter than its priority',
      [frame(TYPE.headers, END_HEADERS | PRIORITY, 1, Buffer.alloc(4))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    [
      'padding longer than its HEADERS',
      [frame(TYPE.headers, END_HEADERS | PADDED, 1, Buffer.from([9, 0x82]))],
      ERROR_CODE.PROTOCOL_ERROR,
    ],
  ])('%s', async (_, parts, code) => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    peer.send(...parts);
    expect(await peer.goawayCode()).toBe(code);
    await until(() => peer.isEnded, 'the connection ended');
    expect(server.closes.length).toBe(1);
    expect(server.closes[0]?.error?.code).toBe(code);
  });

  it('leaves other connections alone', async () => {
    await using server = await answering();
    using good = await RawPeer.connect(server.path);
    using bad = await RawPeer.connect(server.path);
    bad.send(data(0, 'x'));
    await bad.goawayCode();
    await expectAnswered(good, 1);
  });
});

describe('what ends one stream and leaves the others untouched', () => {
  const without = (name: string) => REQUEST.filter(([n]) => n !== name);
  const malformed: [string, readonly (readonly [string, string])[]][] = [
    ['no :method', without(':method')],
    ['no :path', without(':path')],
    ['no :scheme', without(':scheme')],
    ['te with more than trailers', [...without('te'), ['te', 'trailers, deflate']]],
    ['te without trailers', [...without('te'), ['te', 'gzip']]],
    ['content-length that is no number', [...REQUEST, ['content-length', '4x']]],
    ['a negative content-length', [...REQUEST, ['content-length', '-1']]],
    ['two content-lengths that differ', [...REQUEST, ['content-length', '4'], ['content-length', '5']]],
    ['content-length of a request without DATA', [...REQUEST, ['content-length', '4']]],
    ['an empty :path', [...without(':path'), [':path', '']]],
    [':path twice', [[':path', '/x'], ...REQUEST]],
    ['a pseudo-header behind a regular one', [...without(':path'), [':path', '/x']]],
    ['an unknown pseudo-header', [[':what', 'x'], ...REQUEST]],
    [':status', [[':status', '200'], ...REQUEST]],
    ['an upper-case name', [...REQUEST, ['X-Up', 'x']]],
    ['an empty name', [...REQUEST, ['', 'x']]],
    ['a name with a space', [...REQUEST, ['a b', 'x']]],
    ['a value with a line break', [...REQUEST, ['x', 'a\r\nb']]],
    ['a value with a zero byte', [...REQUEST, ['x', 'a\0b']]],
    ['connection', [...REQUEST, ['connection', 'close']]],
    ['transfer-encoding', [...REQUEST, ['transfer-encoding', 'chunked']]],
  ];
  it.each(malformed)('malformed headers: %s', async (_, fields) => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), request(3, END_HEADERS | END_STREAM, fields));
    expect(await peer.resetCode(3)).toBe(ERROR_CODE.PROTOCOL_ERROR);
    expect(server.streams.length).toBe(1);
    peer.send(data(1, 'still here', END_STREAM));
    await peer.received('an answer on 1', (f) => f.type === TYPE.headers && f.streamId === 1);
  });

  it.each<[string, Buffer[], number]>([
    ['DATA behind END_STREAM', [data(3, 'x', END_STREAM), data(3, 'y')], ERROR_CODE.STREAM_CLOSED],
    [
      'HEADERS behind END_STREAM',
      [data(3, 'x', END_STREAM), frame(TYPE.headers, END_HEADERS | END_STREAM, 3, block(['a', 'b']))],
      ERROR_CODE.STREAM_CLOSED,
    ],
    [
      'trailers without END_STREAM',
      [frame(TYPE.headers, END_HEADERS, 3, block(['a', 'b']))],
      ERROR_CODE.PROTOCOL_ERROR,
    ],
    [
      'pseudo-headers in trailers',
      [frame(TYPE.headers, END_HEADERS | END_STREAM, 3, block([':path', '/']))],
      ERROR_CODE.PROTOCOL_ERROR,
    ],
    ['WINDOW_UPDATE of 0', [windowUpdate(3, 0)], ERROR_CODE.PROTOCOL_ERROR],
    ['WINDOW_UPDATE over the top', [windowUpdate(3, 0x7fffffff)], ERROR_CODE.FLOW_CONTROL_ERROR],
  ])('%s', async (_, parts, code) => {
    await using server = await recordingServer();
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), request(3), ...parts);
    expect(await peer.resetCode(3)).toBe(code);
    expect(server.streams[1]?.abort).toMatchObject({ kind: 'reset', code });
    peer.send(data(1, 'still here', END_STREAM));
    await until(() => server.streams[0]?.isEnded === true, 'the other stream ended');
  });

  it.each<[string, Buffer[]]>([
    ['more in one DATA frame', [data(3, 'five!', END_STREAM)]],
    ['less in one DATA frame', [data(3, 'one', END_STREAM)]],
    ['more in several DATA frames', [data(3, 'two '), data(3, 'parts', END_STREAM)]],
    ['less in several DATA frames', [data(3, 'a'), data(3, 'b', END_STREAM)]],
    ['less before an empty DATA frame that ends', [data(3, 'abc'), data(3, '', END_STREAM)]],
    ['less in padded DATA', [data(3, '\x03one\0\0\0', PADDED | END_STREAM)]],
    [
      'less before trailers',
      [data(3, 'abc'), frame(TYPE.headers, END_HEADERS | END_STREAM, 3, block(['x', 'y']))],
    ],
  ])('content-length 4, and %s', async (_, parts) => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), request(3, END_HEADERS, [...REQUEST, ['content-length', '4']]), ...parts);
    expect(await peer.resetCode(3)).toBe(ERROR_CODE.PROTOCOL_ERROR);
    expect(server.streams[1]?.isEnded).toBe(false);
    expect(server.streams[1]?.abort).toMatchObject({ kind: 'reset', code: ERROR_CODE.PROTOCOL_ERROR });
    peer.send(data(1, 'still here', END_STREAM));
    await peer.received('an answer on 1', (f) => f.type === TYPE.headers && f.streamId === 1);
  });

  it.each<[string, Buffer[]]>([
    ['in one DATA frame', [data(3, 'four', END_STREAM)]],
    ['in several', [data(3, 'fo'), data(3, ''), data(3, 'ur'), data(3, '', END_STREAM)]],
    ['in padded DATA', [data(3, '\x03four\0\0\0', PADDED | END_STREAM)]],
    ['before trailers', [data(3, 'four'), frame(TYPE.headers, 5, 3, block(['x', 'y']))]],
  ])('but not content-length 4 with as much %s', async (_, parts) => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    const lengths = [['content-length', '4'] as const, ['content-length', '4'] as const];
    peer.send(request(3, END_HEADERS, [...REQUEST, ...lengths]), ...parts);
    await peer.received('an answer on 3', (f) => f.type === TYPE.headers && f.streamId === 3);
    expect(server.streams[0]?.body.toString()).toBe('four');
  });

  it.each<[string, readonly (readonly [string, string])[]]>([
    ['no te', without('te')],
    ['te in capitals', [...without('te'), ['te', 'Trailers']]],
    ['no :authority', without(':authority')],
    // crictl and kubelets built with grpc-go up to 1.54.
    ['a socket path as :authority', [...without(':authority').slice(0, 3), [':authority', '/run/a.sock']]],
    ['content-length 0 and no DATA', [...REQUEST, ['content-length', '0']]],
  ])('but not a request with %s', async (_, fields) => {
    await using server = await answering();
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1, END_HEADERS | END_STREAM, fields));
    await peer.received('an answer', (f) => f.type === TYPE.headers && f.streamId === 1);
  });

  it('DATA over the window of the stream', async () => {
    const limits = { initialWindowBytes: 65_535, connectionWindowBytes: 1 << 20 };
    await using server = await recordingServer({ limits }, (recorder) => {
      recorder.consumes = false;
    });
    using peer = await RawPeer.connect(server.path, settings(), frame(TYPE.settings, ACK, 0));
    peer.send(request(1), request(3));
    for (let i = 0; i < 4; i++) peer.send(data(3, Buffer.alloc(16_384)));
    expect(await peer.resetCode(3)).toBe(ERROR_CODE.FLOW_CONTROL_ERROR);
    peer.send(data(1, 'x', END_STREAM));
    await until(() => server.streams[0]?.isEnded === true, 'the other stream ended');
  });

  it('a header list over its size, and one with too many fields', async () => {
    await using server = await answering({ headerListSizeBytes: 2000, headerFields: 20 });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1, END_HEADERS, [...REQUEST, ['x', 'y'.repeat(1900)]]));
    expect(await peer.resetCode(1)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    peer.send(
      request(3, END_HEADERS, [...REQUEST, ...Array.from({ length: 15 }, () => ['x', 'y'] as const)]),
    );
    expect(await peer.resetCode(3)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    await expectAnswered(peer, 5);
  });
});

describe('rates', () => {
  const many = (count: number, make: (i: number) => Buffer) =>
    Array.from({ length: count }, (_, i) => make(i));
  it.each<[string, Partial<Http2Limits>, Buffer[]]>([
    ['SETTINGS', { settingsPerSecond: 5 }, many(6, () => settings())],
    ['PINGs', { pingsPerSecond: 5 }, many(6, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)))],
    [
      'resets by the client',
      { resetsPerSecond: 5 },
      many(6, (i) => Buffer.concat([request(2 * i + 1), frame(TYPE.reset, 0, 2 * i + 1, uint32(8))])),
    ],
    [
      'resets that the client provokes',
      { resetsPerSecond: 5 },
      many(6, (i) => Buffer.concat([request(2 * i + 1), windowUpdate(2 * i + 1, 0)])),
    ],
    [
      'malformed requests',
      { resetsPerSecond: 5 },
      many(6, (i) => request(2 * i + 1, END_HEADERS, [['a', 'b']])),
    ],
    [
      'RST_STREAM for idle streams',
      { strayFramesPerSecond: 5 },
      many(6, () => frame(TYPE.reset, 0, 9, uint32(8))),
    ],
    ['WINDOW_UPDATE for idle streams', { strayFramesPerSecond: 5 }, many(6, () => windowUpdate(9, 1))],
    [
      'empty DATA for streams that were reset',
      { strayFramesPerSecond: 5 },
      [request(1), windowUpdate(1, 0), ...many(6, () => data(1, ''))],
    ],
    [
      'HEADERS for streams that were reset',
      { resetsPerSecond: 6 },
      [request(1), windowUpdate(1, 0), ...many(6, () => request(1, END_HEADERS | END_STREAM, [['a', 'b']]))],
    ],
    ['empty DATA frames', { emptyFramesPerSecond: 5 }, [request(1), ...many(6, () => data(1, ''))]],
    [
      'empty padded DATA frames',
      { emptyFramesPerSecond: 5 },
      [request(1), ...many(6, () => data(1, '\x01\0', PADDED))],
    ],
    [
      'empty CONTINUATION frames',
      { emptyFramesPerSecond: 5 },
      [request(1, 0), ...many(6, () => frame(TYPE.continuation, 0, 1))],
    ],
  ])('end the connection with ENHANCE_YOUR_CALM: %s', async (_, limits, parts) => {
    await using server = await recordingServer({ limits, clock: new FakeClock() });
    using peer = await RawPeer.connect(server.path);
    peer.send(...parts);
    expect(await peer.goawayCode()).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
  });

  it('take DATA with bytes for streams that were reset: an honest client has them under way', async () => {
    await using server = await recordingServer({
      limits: { strayFramesPerSecond: 5 },
      clock: new FakeClock(),
    });
    using peer = await RawPeer.connect(server.path);
    peer.send(request(1), windowUpdate(1, 0), ...many(100, () => data(1, 'late')));
    await peer.roundTrip();
    expect(server.closes).toEqual([]);
  });

  it('count anew in the next second', async () => {
    const clock = new FakeClock();
    await using server = await recordingServer({ limits: { settingsPerSecond: 5 }, clock });
    using peer = await RawPeer.connect(server.path);
    for (let second = 0; second < 3; second++) {
      peer.send(...many(4, () => settings()));
      await peer.roundTrip();
      clock.advance(1000);
    }
  });

  it('let a client PING as often as it gets answers', async () => {
    await using server = await recordingServer(
      { limits: { pingsPerSecond: 5 }, clock: new FakeClock() },
      (recorder, stream) => {
        recorder.onEnd = () => stream.sendHeaders([new Field(':status', '200')], true);
      },
    );
    using peer = await RawPeer.connect(server.path);
    for (let i = 0; i < 10; i++) {
      await expectAnswered(peer, 2 * i + 1);
      await peer.roundTrip();
    }
  });
});
