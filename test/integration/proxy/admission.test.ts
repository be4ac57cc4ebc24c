// How many calls are in flight at once.
import { it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { block, END_HEADERS, END_STREAM, frame, RawPeer, TYPE } from '../../support/http2-raw-peer.ts';
import { proxyWorld } from '../../support/proxy-world.ts';

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
