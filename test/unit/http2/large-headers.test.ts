import { describe, expect, it } from 'vitest';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { BACKEND_LIMITS } from '../../../src/http2/limits.ts';
import { type ClientWorld, clientWorld } from '../../support/http2-client-world.ts';
import {
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  type RawFrame,
  RawPeer,
  REQUEST,
  settings,
  TYPE,
} from '../../support/http2-raw-peer.ts';
import { recordingServer, toFields } from '../../support/http2-recorder.ts';
import { until } from '../../support/until.ts';

const FRAME_BYTES = 16_384;
const MIB = 1024 * 1024;
const MAX_HEADER_LIST_SIZE = 6;

/** HEADERS and as many CONTINUATION frames as the block needs. */
function headerFrames(id: number, flags: number, bytes: Buffer, frameBytes = FRAME_BYTES): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += frameBytes) {
    const isLast = at + frameBytes >= bytes.length;
    const type = at === 0 ? TYPE.headers : TYPE.continuation;
    const endFlags = (at === 0 ? flags : 0) | (isLast ? END_HEADERS : 0);
    frames.push(frame(type, endFlags, id, bytes.subarray(at, at + frameBytes)));
  }
  return frames;
}

const failure = (text: string) => block([':status', '200'], ['grpc-status', '5'], ['grpc-message', text]);

/** What `settings` says the limit is. */
function announcedLimit({ payload }: RawFrame): number | undefined {
  for (let at = 0; at < payload.length; at += 6) {
    if (payload.readUInt16BE(at) === MAX_HEADER_LIST_SIZE) return payload.readUInt32BE(at + 2);
  }
  return undefined;
}

async function twoCalls(w: ClientWorld) {
  const calls = [w.call(), w.call()] as const;
  await w.backend.received('both calls', (f) => f.type === TYPE.data && f.streamId === 3);
  return calls;
}

describe('towards a backend', () => {
  it('header lists of 16 MiB are announced', async () => {
    await using w = await clientWorld(settings());
    const hello = await w.backend.received('SETTINGS', (f) => f.type === TYPE.settings);
    expect(announcedLimit(hello)).toBe(16 * MIB);
  });

  it.each([70_000, MIB, 15 * MIB])('an error of %i bytes comes as it is', async (sizeBytes) => {
    await using w = await clientWorld(settings());
    const call = w.call();
    const text = 'e'.repeat(sizeBytes);
    w.backend.send(...headerFrames(1, END_STREAM, failure(text)));
    await call.whole();
    expect(call.headers[0]?.[2]?.[1] === text).toBe(true);
  });

  it('a list over that costs its own call, with a reason, and no other', async () => {
    await using w = await clientWorld(settings());
    const [large, small] = await twoCalls(w);
    w.backend.send(...headerFrames(1, END_STREAM, failure('e'.repeat(17 * MIB))));
    expect(await w.backend.resetCode(1)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    w.backend.send(...headerFrames(3, END_STREAM, failure('small')));
    await small.whole();
    expect(large.abort).toEqual({
      kind: 'oversize',
      message: 'its headers have more than 16777216 bytes or 10000 fields',
      processed: true,
    });
    expect(w.log.closed).toBeUndefined();
  });

  it.each<[string, (bytes: Buffer) => Buffer[]]>([
    ['headers', (bytes) => headerFrames(1, 0, Buffer.concat([block([':status', '200']), bytes]))],
    ['1xx headers', (bytes) => headerFrames(1, 0, Buffer.concat([block([':status', '103']), bytes]))],
  ])('%s that do not end their stream, over 64 KiB, cost their own call', async (_, make) => {
    await using w = await clientWorld(settings());
    const [large, small] = await twoCalls(w);
    w.backend.send(...make(block(['x', 'y'.repeat(66_000)])));
    expect(await w.backend.resetCode(1)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    w.backend.send(...headerFrames(3, 0, block([':status', '200'], ['x', 'y'.repeat(60_000)])));
    w.backend.send(...headerFrames(3, END_STREAM, block(['grpc-status', '5'], ['x', 'y'.repeat(MIB)])));
    await small.whole();
    expect(large.headers).toEqual([]);
    expect(large.abort).toEqual({
      kind: 'oversize',
      message: 'its headers have more than 65536 bytes or 256 fields without ending the stream',
      processed: true,
    });
    expect(small.headers.map((list) => list.at(-1)?.[1].length)).toEqual([60_000, MIB]);
  });

  it('257 fields that do not end their stream cost their own call', async () => {
    await using w = await clientWorld(settings());
    const [many, few] = await twoCalls(w);
    const fields = (count: number) =>
      block([':status', '200'], ...Array.from({ length: count - 1 }, () => ['a', 'b'] as const));
    w.backend.send(...headerFrames(1, 0, fields(257)), ...headerFrames(3, 0, fields(256)));
    await until(() => many.abort !== undefined && few.headers.length === 1, 'both have come');
    expect(many.abort).toMatchObject({ kind: 'oversize' });
  });

  it('a list over the limit still moves the compression table along', async () => {
    await using w = await clientWorld(settings());
    const [large, small] = await twoCalls(w);
    // A literal with incremental indexing: `x: later`, behind what is too long.
    const indexed = Buffer.from('\x40\x01x\x05later', 'latin1');
    const tooLong = Buffer.concat([failure('e'.repeat(17 * MIB)), indexed]);
    w.backend.send(...headerFrames(1, END_STREAM, tooLong));
    await until(() => large.abort !== undefined, 'the call with the long list ended');
    w.backend.send(
      ...headerFrames(3, END_STREAM, Buffer.concat([failure('small'), Buffer.from([0x80 | 62])])),
    );
    await small.whole();
    expect(small.headers[0]?.at(-1)).toEqual(['x', 'later']);
  });

  it('a list of too many fields costs its own call', async () => {
    await using w = await clientWorld(settings());
    const [many, few] = await twoCalls(w);
    const fields = Buffer.concat([failure('x'), Buffer.alloc(BACKEND_LIMITS.headerFields, 0x82)]);
    w.backend.send(...headerFrames(1, END_STREAM, fields), ...headerFrames(3, END_STREAM, failure('few')));
    await few.whole();
    expect(many.abort).toMatchObject({ kind: 'oversize' });
  });

  it('a block of 100,000 fields costs its own call, one of more the connection: each takes time', async () => {
    await using w = await clientWorld(settings());
    const [many, more] = await twoCalls(w);
    const fields = Buffer.alloc(BACKEND_LIMITS.headerBlockFields, 0x82);
    w.backend.send(...headerFrames(1, END_STREAM, fields));
    await until(() => many.abort !== undefined, 'the first call ended');
    expect(many.abort).toMatchObject({ kind: 'oversize' });
    w.backend.send(...headerFrames(3, END_STREAM, Buffer.concat([fields, Buffer.from([0x82])])));
    await until(() => more.abort !== undefined, 'the second call ended');
    expect(w.log.closed?.error?.code).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    expect(w.log.closed?.reason).toContain('a header block has too many fields');
  });

  it.each<[string, Iterable<Buffer>]>([
    [
      'of 16 KiB',
      Array.from({ length: 1281 }, () => frame(TYPE.continuation, 0, 1, Buffer.alloc(FRAME_BYTES, 0x82))),
    ],
    ['of one byte', Array.from({ length: 4097 }, () => frame(TYPE.continuation, 0, 1, Buffer.from([0x82])))],
  ])('CONTINUATION frames %s without end cost the connection, with a reason', async (_, flood) => {
    await using w = await clientWorld(settings());
    const call = w.call();
    w.backend.send(frame(TYPE.headers, 0, 1, failure('x')), ...flood);
    await until(() => w.log.closed !== undefined, 'the connection closed');
    expect(w.log.closed?.error?.code).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    expect(w.log.closed?.reason).toContain(
      'a header block has more than 20971520 bytes or 4096 CONTINUATION',
    );
    expect(call.abort?.kind).toBe('connection');
  });
});

describe('towards a client', () => {
  it('header lists of 64 KiB are announced, and a longer one costs its own call', async () => {
    await using server = await recordingServer({}, (recorder, stream) => {
      recorder.onEnd = () => stream.sendHeaders(toFields([[':status', '200']]), true);
    });
    using peer = await RawPeer.connect(server.path);
    expect(announcedLimit(await peer.received('SETTINGS', (f) => f.type === TYPE.settings))).toBe(65_536);
    peer.send(...headerFrames(1, END_STREAM, block(...REQUEST, ['x', 'y'.repeat(70_000)])));
    expect(await peer.resetCode(1)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    peer.send(...headerFrames(3, END_STREAM, block(...REQUEST)));
    await peer.received('an answer', (f) => f.type === TYPE.headers && f.streamId === 3);
  });

  it('an answer with 16 MiB of trailers passes to one that reads', async () => {
    const text = 'e'.repeat(15 * MIB);
    await using server = await recordingServer({}, (recorder, stream) => {
      recorder.onEnd = () =>
        stream.sendHeaders(
          toFields([
            [':status', '200'],
            ['x', text],
          ]),
          true,
        );
    });
    using peer = await RawPeer.connect(server.path);
    peer.send(...headerFrames(1, END_STREAM, block(...REQUEST)));
    const isEnd = (f: RawFrame) => f.type === TYPE.continuation && f.flags === END_HEADERS;
    await peer.received('the last CONTINUATION', isEnd);
  });
});
