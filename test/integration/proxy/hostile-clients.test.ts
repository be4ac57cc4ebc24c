// What clients that break the protocol, or do not read, can make the client side of the proxy do and hold.
import { expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { frontWorld } from '../../support/front-world.ts';
import { frame, RawPeer, TYPE } from '../../support/http2-raw-peer.ts';

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
