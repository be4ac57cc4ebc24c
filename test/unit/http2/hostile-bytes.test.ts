// Bytes that no honest client sends, and honest bytes cut at any place: the connection may end, nothing else.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import {
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  PADDED,
  PREFACE,
  RawPeer,
  REQUEST,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { type RecordingServer, recordingServer, toFields } from '../../support/http2-recorder.ts';
import { until } from '../../support/until.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

// What an honest client may say, all kinds of frames.
const SESSION = Buffer.concat([
  PREFACE,
  settings([3, 100], [4, 50_000]),
  frame(TYPE.settings, 1, 0),
  frame(TYPE.windowUpdate, 0, 0, uint32(1000)),
  frame(TYPE.headers, END_HEADERS, 1, block(...REQUEST)),
  frame(TYPE.data, 0, 1, Buffer.from('hello ')),
  frame(TYPE.ping, 0, 0, Buffer.from('12345678')),
  frame(TYPE.headers, 0, 3, block(...REQUEST).subarray(0, 20)),
  frame(TYPE.continuation, END_HEADERS, 3, block(...REQUEST).subarray(20)),
  frame(TYPE.data, PADDED | END_STREAM, 3, Buffer.from('\x03three\0\0\0', 'latin1')),
  frame(TYPE.priority, 0, 1, Buffer.alloc(5)),
  frame(TYPE.headers, END_HEADERS, 5, block(...REQUEST)),
  frame(TYPE.reset, 0, 5, uint32(ERROR_CODE.CANCEL)),
  frame(TYPE.windowUpdate, 0, 1, uint32(1000)),
  frame(TYPE.data, 0, 1, Buffer.from('world')),
  frame(TYPE.headers, END_HEADERS | END_STREAM, 1, block(['x-trailer', '1'])),
]);

describe('a server connection', () => {
  let server: RecordingServer;

  beforeAll(async () => {
    server = await recordingServer({}, (recorder, stream) => {
      recorder.onEnd = () => {
        stream.sendHeaders(toFields([[':status', '200']]), false);
        stream.sendData(recorder.body, 0, recorder.body.length, false);
        stream.sendHeaders(toFields([['grpc-status', '0']]), true);
      };
    });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const seen = () => server.streams.map((s) => [s.headers, s.body.toString(), s.isEnded, s.abort]).splice(0);

  it('sees the same, however the bytes of an honest client are cut into reads', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(SESSION.length), { maxLength: 12 }), async (cuts) => {
        server.streams.length = 0;
        using peer = await RawPeer.dial(server.path);
        const places = [0, ...cuts, SESSION.length].sort((a, b) => a - b);
        for (let i = 1; i < places.length; i++) {
          peer.send(SESSION.subarray(places[i - 1], places[i]));
          await nextTurn();
        }
        await peer.received(
          'the end of 1',
          (f) => f.streamId === 1 && f.type === TYPE.headers && f.flags === 5,
        );
        const first = REQUEST.map((pair) => [...pair]);
        const cancelled = {
          kind: 'reset',
          code: 8,
          message: 'the peer reset the stream (CANCEL)',
          processed: true,
        };
        expect(seen()).toEqual([
          [[first, [['x-trailer', '1']]], 'hello world', true, undefined],
          [[first], 'three', true, undefined],
          [[first], '', false, cancelled],
        ]);
        expect(peer.data(1).toString()).toBe('hello world');
      }),
      { numRuns: 60 },
    );
  });

  it('answers any damage to those bytes with an error of the protocol, or none, and serves others', async () => {
    const damage = fc.record({
      at: fc.nat(SESSION.length - 1),
      remove: fc.nat(12),
      insert: fc.uint8Array({ maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
        server.closes.length = 0;
        let bytes = SESSION;
        for (const { at, remove, insert } of damages) {
          bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        }
        using peer = await RawPeer.dial(server.path);
        peer.send(bytes);
        peer.socket.end();
        await until(() => server.closes.length === 1, 'the connection closed');
        const code = server.closes[0]?.error?.code;
        if (code !== undefined) expect(code).not.toBe(ERROR_CODE.INTERNAL_ERROR);
      }),
      { numRuns: 300 },
    );
    expect(server.errors).toEqual([]);
    using peer = await RawPeer.dial(server.path);
    peer.send(SESSION);
    await peer.received('an answer', (f) => f.streamId === 3 && f.type === TYPE.headers && f.flags === 5);
  });

  it('never fails by itself on any frames behind an honest start', async () => {
    const anyFrame = fc
      .tuple(fc.nat(10), fc.nat(255), fc.constantFrom(0, 1, 2, 3, 5, 7, 9), fc.uint8Array({ maxLength: 40 }))
      .map(([type, flags, id, payload]) => frame(type, flags, id, payload));
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 12 }), async (frames) => {
        server.closes.length = 0;
        using peer = await RawPeer.connect(server.path, settings());
        peer.send(frame(TYPE.headers, END_HEADERS, 1, block(...REQUEST)), ...frames);
        peer.socket.end();
        await until(() => server.closes.length === 1, 'the connection closed');
        expect(server.closes[0]?.error?.code).not.toBe(ERROR_CODE.INTERNAL_ERROR);
      }),
      { numRuns: 300 },
    );
    expect(server.errors).toEqual([]);
  });
});
