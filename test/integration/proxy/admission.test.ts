// How many calls are in flight at once, and whose are refused.
import { expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { frontWorld, requestBlock } from '../../support/front-world.ts';
import { block, END_HEADERS, END_STREAM, frame, RawPeer, TYPE } from '../../support/http2-raw-peer.ts';
import { proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const VERSION = block(
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/runtime.v1.RuntimeService/Version'],
  [':authority', 'localhost'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
);

it('a call that is answered takes no place from the next, although both came in one read', async () => {
  const one = (config: Config): Config => ({ ...config, limits: { ...config.limits, callsInFlight: 1 } });
  await using world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }], one);
  using peer = await RawPeer.connect(world.switchyard.socket);
  const ids = [1, 3, 5, 7];
  const call = (id: number) => [
    frame(TYPE.headers, END_HEADERS, id, VERSION),
    frame(TYPE.data, END_STREAM, id, Buffer.alloc(5)),
  ];
  peer.send(...ids.flatMap(call));
  for (const id of ids) {
    const isData = (f: { type: number; streamId: number }) => f.type === TYPE.data && f.streamId === id;
    await peer.received(`a message on ${id}`, isData);
  }
});

it('a client that leaves as many replies unread as it may is refused, but for its lists; others are served', async () => {
  const MIB = 1024 * 1024;
  const [long, short] = [Buffer.alloc(16 * MIB - 5), Buffer.alloc(16 * 1024 - 5)];
  await using front = await frontWorld({
    handle: (call) => {
      call.sendHeaders([]);
      if (call.rpc === 'ContainerStats') call.sendMessage([long]);
      else if (call.rpc === 'ContainerStatus') {
        call.keep(short.length + 5); // never refused, so it may be more than there is room for
        call.sendCollected([short]);
      }
    },
  });
  const ask = (peer: RawPeer, id: number, rpc: string) =>
    peer.send(
      frame(TYPE.headers, END_HEADERS, id, requestBlock(rpc)),
      frame(TYPE.data, END_STREAM, id, Buffer.alloc(5)),
    );
  const served = () => front.calls.length;
  using lazy = await RawPeer.connect(front.path);
  for (let nth = 0; nth < 16; nth++) ask(lazy, 2 * nth + 1, 'ContainerStats');
  await until(() => served() === 16, 'all it may leave unread is there');
  for (let nth = 16; nth < 32; nth++) ask(lazy, 2 * nth + 1, 'ContainerStatus');
  await lazy.received('a refusal', (f) => f.type === TYPE.headers && (f.flags & END_STREAM) > 0);
  await lazy.roundTrip();
  const taken = served();
  expect(front.front.replyBytes).toBeGreaterThan(256 * MIB);
  expect(taken).toBeLessThan(32);

  ask(lazy, 101, 'ListContainers');
  await until(() => served() === taken + 1, 'its list may wait for room');
  using other = await RawPeer.connect(front.path);
  ask(other, 1, 'Version');
  await until(() => served() === taken + 2, 'another client is served');
});
