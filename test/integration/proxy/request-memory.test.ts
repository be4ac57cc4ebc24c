// Requests that come in parts, or never end, and their headers: what they hold is about what came, bounded over all
// connections, and never at the cost of a connection that holds little.
import { afterEach, expect, it, vi } from 'vitest';
import { framed } from '../../../src/grpc/message.ts';
import { STATUS } from '../../../src/grpc/status.ts';
import type { Field } from '../../../src/http2/field.ts';
import { Decoder } from '../../../src/http2/hpack-decoder.ts';
import { DEFAULT_LIMITS } from '../../../src/http2/limits.ts';
import { frontWorld, requestBlock } from '../../support/front-world.ts';
import {
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  type RawFrame,
  RawPeer,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
const FRAME_BYTES = 16_384;
const HEADER_TABLE_SIZE = 1;
const open = (id: number) => frame(TYPE.headers, END_HEADERS, id, requestBlock('ListContainers'));
const data = (id: number, payload: Uint8Array, flags = 0) => frame(TYPE.data, flags, id, payload);
const reset = (id: number) => frame(TYPE.reset, 0, id, uint32(8));
const isRefusal = (id: number) => (f: RawFrame) =>
  f.type === TYPE.headers &&
  f.flags === END_HEADERS + END_STREAM &&
  f.streamId === id &&
  grpcStatus(f.payload) === STATUS.RESOURCE_EXHAUSTED;

/** A client that keeps no header table, so that each block can be read by itself. */
const connect = (path: string) => RawPeer.connect(path, settings([HEADER_TABLE_SIZE, 0]));

function grpcStatus(block: Buffer): number {
  const fields: Field[] = [];
  const decoder = new Decoder(DEFAULT_LIMITS, DEFAULT_LIMITS.headerTableBytes);
  decoder.decode(block, 0, block.length, fields);
  return Number(fields.find(({ name }) => name === 'grpc-status')?.value);
}

/** An opened stream with so many bytes of a request of 15 MiB, which does not end. */
function unfinished(id: number, sizeBytes: number): Buffer[] {
  const prefix = Buffer.concat([Buffer.of(0), uint32(15 * MIB)]);
  const whole = Array.from({ length: sizeBytes / FRAME_BYTES }, () => data(id, Buffer.alloc(FRAME_BYTES)));
  return [open(id), data(id, prefix), ...whole];
}

/** The headers of a request with 60,000 bytes in four fields, or in its path. */
function longHeaders(id: number, where: 'metadata' | 'path', flags = 0): Buffer {
  const fields =
    where === 'metadata'
      ? [requestBlock('Version'), ...[1, 2, 3, 4].map((i) => block([`x-${i}`, 'y'.repeat(15_000)]))]
      : [requestBlock('p'.repeat(60_000))];
  const bytes = Buffer.concat(fields);
  const [first, rest] = [bytes.subarray(0, FRAME_BYTES), bytes.subarray(FRAME_BYTES)];
  const parts = [0, 1, 2].map((i) => rest.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES));
  return Buffer.concat([
    frame(TYPE.headers, flags, id, first),
    ...parts.map((part, i) => frame(TYPE.continuation, i === 2 ? END_HEADERS : 0, id, part)),
  ]);
}

afterEach(() => vi.restoreAllMocks());

it('a request in DATA frames of one byte is collected in memory of its own size', async () => {
  await using world = await frontWorld();
  using peer = await RawPeer.connect(world.path);
  const request = framed(Buffer.from(Array.from({ length: 300_000 }, (_, i) => i & 255)));
  const frames: Buffer[] = [];
  for (const byte of request.subarray(0, -1)) frames.push(data(1, Buffer.of(byte)));
  frames.push(data(1, request.subarray(-1), END_STREAM));
  peer.send(open(1), Buffer.concat(frames));
  const made = vi.spyOn(Buffer, 'allocUnsafe'); // nothing is read yet
  await until(() => world.calls.length === 1, 'the request is whole');
  const call = world.calls[0];
  expect(call?.body.equals(request)).toBe(true);
  expect(call?.client.requestBytes.used).toBe(request.length);
  const sizes = made.mock.calls.map(([size]) => size).filter((size) => size >= 4096);
  expect(sizes.length).toBeLessThan(12);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3 * request.length);
});

it.each([0, 2 ** 32 - 1])('a prefix that says %d bytes changes nothing in that', async (said) => {
  await using world = await frontWorld();
  using peer = await RawPeer.connect(world.path);
  await peer.roundTrip();
  const made = vi.spyOn(Buffer, 'allocUnsafe');
  const prefix = Buffer.concat([Buffer.of(0), uint32(said)]);
  peer.send(open(1), data(1, prefix), ...Array.from({ length: 20_000 }, () => data(1, Buffer.of(1))));
  peer.send(open(3), data(3, framed(Buffer.of(1)), END_STREAM));
  await until(() => world.calls.length === 1, 'all before is read');
  const { used } = world.calls[0]?.client.requestBytes ?? { used: 0 };
  expect(used).toBeGreaterThan(20_000);
  expect(used).toBeLessThan(2 * 20_005);
  expect(made.mock.calls.filter(([size]) => size >= 4096).length).toBeLessThan(6);
});

it('unfinished requests are bounded over all connections; who holds much is refused more, others are not', async () => {
  await using world = await frontWorld();
  const peers = await Promise.all([1, 2, 3].map(() => connect(world.path)));
  using good = await RawPeer.connect(world.path);
  const call = framed(Buffer.alloc(100_000));
  const goodCall = (id: number) => [
    open(id),
    ...[0, 1, 2, 3, 4, 5].map((i) => data(id, call.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES))),
    data(id, call.subarray(6 * FRAME_BYTES), END_STREAM),
  ];
  for (const peer of peers) for (const id of [1, 3, 5, 7]) peer.send(...unfinished(id, 8 * MIB));
  await Promise.all(peers.map((peer) => peer.received('a refusal', isRefusal(7))));
  good.send(...goodCall(1), ...goodCall(3));
  await until(() => world.calls.length === 2, 'calls of another connection pass');
  expect(world.calls[0]?.client.requestBytes.used).toBe(2 * call.length);
  for (const peer of peers) peer.socket.destroy();
  await until(() => world.front.requestBytes === 2 * call.length, 'what the others held is free');
});

it('what a request holds is given back when it is reset, and when its call is over', async () => {
  await using world = await frontWorld({ handle: (call) => call.finish([], STATUS.OK, '') });
  using peer = await RawPeer.connect(world.path);
  peer.send(...unfinished(1, MIB), ...unfinished(3, MIB), reset(1));
  await peer.roundTrip();
  await until(() => world.front.requestBytes > MIB, 'one holds its part');
  peer.send(reset(3));
  await until(() => world.front.requestBytes === 0, 'none does');
  const whole = framed(Buffer.alloc(FRAME_BYTES - 5));
  peer.send(open(5), data(5, whole.subarray(0, 100)), data(5, whole.subarray(100), END_STREAM));
  await until(() => world.calls.length === 1, 'the call came');
  expect(world.front.requestBytes).toBe(0);
});

it.each(['metadata', 'path'] as const)(
  'headers of open requests are bounded with their bodies, when they are long in their %s',
  async (where) => {
    await using world = await frontWorld();
    const peers = await Promise.all([1, 2, 3].map(() => connect(world.path)));
    using good = await RawPeer.connect(world.path);
    for (let id = 1; id <= 801; id += 2) for (const peer of peers) peer.send(longHeaders(id, where));
    await Promise.all(peers.map((peer) => peer.received('a refusal', isRefusal(801))));
    expect(world.front.requestBytes).toBeGreaterThan(60 * MIB);
    expect(world.front.requestBytes).toBeLessThan((64 + 3 * 2) * MIB);
    good.send(longHeaders(1, 'metadata'), data(1, Buffer.alloc(5), END_STREAM));
    await until(() => world.calls.length === 1, 'a call of another connection passes');
    expect(world.calls[0]?.metadata.length).toBe(5);
    for (const peer of peers) peer.socket.destroy();
    await until(() => world.front.requestBytes < 70_000, 'what the others held is free');
    expect(world.front.requestBytes).toBeGreaterThan(60_000);
  },
);

it('headers are counted until their call is over, also when it is refused, has no body, or was reset', async () => {
  await using world = await frontWorld({ handle: (call) => call.finish([], STATUS.OK, '') });
  using peer = await RawPeer.connect(world.path);
  peer.send(longHeaders(1, 'metadata'), longHeaders(3, 'path'));
  await until(() => world.front.requestBytes > 120_000, 'both are counted');
  peer.send(reset(1), data(3, framed(Buffer.alloc(0)), END_STREAM), longHeaders(5, 'metadata', END_STREAM));
  await peer.received(
    'the end of the one without a body',
    (f) => f.type === TYPE.headers && f.streamId === 5,
  );
  expect(world.front.requestBytes).toBe(0);
});

it('headers as a kubelet sends them are not counted', async () => {
  await using world = await frontWorld();
  using peer = await RawPeer.connect(world.path);
  const agent = block(
    ['user-agent', 'grpc-go/1.72.2'],
    ['traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
  );
  const head = Buffer.concat([requestBlock('Version'), agent]);
  peer.send(frame(TYPE.headers, END_HEADERS, 1, head), data(1, Buffer.alloc(5), END_STREAM));
  await until(() => world.calls.length === 1, 'the call came');
  expect(world.front.requestBytes).toBe(0);
});
