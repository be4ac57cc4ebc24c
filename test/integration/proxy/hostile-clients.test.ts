// What clients that break the protocol, or do not read, can make the client side of the proxy do and hold.
import { expect, it } from 'vitest';
import { STATUS, trailers } from '../../../src/grpc/status.ts';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { Field } from '../../../src/http2/field.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { frontWorld, requestBlock } from '../../support/front-world.ts';
import {
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
const INITIAL_WINDOW = 4;
const BIG_REPLY = Buffer.alloc(15 * MIB); // given away by reference, so that it is in memory once
const call = (id: number, rpc: string) => [
  frame(TYPE.headers, END_HEADERS, id, requestBlock(rpc)),
  frame(TYPE.data, END_STREAM, id, Buffer.alloc(5)),
];

/** Answers `ListContainers` with 15 MiB, all else with nothing. */
const bigReplies = () =>
  frontWorld({
    handle: (call) => {
      call.sendHeaders([new Field(':status', '200')]);
      call.sendMessage(call.rpc === 'ListContainers' ? [BIG_REPLY] : []);
      call.finish(trailers('OK', ''), STATUS.OK, '');
    },
  });

it('clients that break the protocol get a few lines of the log in a second, and one for all others', async () => {
  const clock = new FakeClock();
  await using world = await frontWorld({ clock });
  for (let i = 0; i < 20; i++) {
    using peer = await RawPeer.connect(world.path, frame(TYPE.push, 0, 0));
    await peer.goawayCode();
  }
  const texts = () => world.lines.map(({ text }) => text);
  expect(texts()).toEqual(Array.from({ length: 5 }, () => 'a client broke the protocol: connection ended'));
  clock.advance(1000);
  expect(world.lines.slice(5)).toMatchObject([{ level: 'warn', fields: { count: 15 } }]);
});

it('replies that many clients do not read are bounded together, and one that reads is served all the same', async () => {
  await using world = await bigReplies();
  const deaf = await Promise.all(
    Array.from({ length: 4 }, () => RawPeer.connect(world.path, settings([INITIAL_WINDOW, 0]))),
  );
  for (const peer of deaf) {
    for (let id = 1; id < 40; id += 2) peer.send(...call(id, 'ListContainers'));
  }
  for (const peer of deaf) expect(await peer.resetCode(39)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
  expect(world.front.replyBytes).toBeLessThan((256 + 4 * 16) * MIB);
  using good = await RawPeer.connect(world.path, settings([INITIAL_WINDOW, 0x7fffffff]));
  good.send(frame(TYPE.windowUpdate, 0, 0, uint32(0x7fffffff - 65_535)), ...call(1, 'ListContainers'));
  await good.received('the end', (f) => f.type === TYPE.headers && f.flags === END_HEADERS + END_STREAM);
  expect(good.data(1).length).toBe(BIG_REPLY.length + 5);
  for (const peer of deaf) peer.socket.destroy();
  await until(() => world.front.replyBytes === 0, 'nothing waits any more');
});

it('a call that was let in while there was room is cut off when its reply finds none', async () => {
  const waiting: (() => void)[] = [];
  await using world = await frontWorld({
    handle: (call) => {
      waiting.push(() => {
        call.sendHeaders([new Field(':status', '200')]);
        call.sendMessage([BIG_REPLY]);
        call.finish(trailers('OK', ''), STATUS.OK, '');
      });
    },
  });
  using deaf = await RawPeer.connect(world.path, settings([INITIAL_WINDOW, 0]));
  for (let id = 1; id < 60; id += 2) deaf.send(...call(id, 'ListContainers'));
  await until(() => waiting.length === 30, 'all calls are let in');
  for (const answer of waiting) answer();
  expect(await deaf.resetCode(59)).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
  expect(world.front.replyBytes).toBeLessThan((256 + 16) * MIB);
});

it('a client that uses up all calls in flight leaves others some of their own', async () => {
  await using world = await frontWorld({ callsInFlight: 320 }); // and 32 in reserve: two for each of up to 16 connections
  using greedy = await RawPeer.connect(world.path);
  using modest = await RawPeer.connect(world.path);
  for (let id = 1; id < 2 * 400; id += 2) greedy.send(...call(id, 'Version'));
  const isRefused = (id: number) => (f: RawFrame) =>
    f.streamId === id && f.flags === END_HEADERS + END_STREAM;
  await greedy.received('a refusal', isRefused(799));
  modest.send(...call(1, 'Version'), ...call(3, 'Version'), ...call(5, 'Version'));
  await modest.received('a refusal', isRefused(5));
  expect(world.calls.length).toBe(320 + 2);
  greedy.socket.destroy();
  await until(() => world.admission.callsInFlight === 2, 'the greedy one has gone');
});
