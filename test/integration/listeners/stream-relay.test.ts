// The stream relay with more connections than it may have: streams that are open stay, and so does room for the next.
import { once } from 'node:events';
import net from 'node:net';
import { expect, it } from 'vitest';
import { openStream, restOf } from '../../support/stream-client.ts';
import { until } from '../../support/until.ts';
import { relayStage } from '../streaming/stage.ts';

const isGone = (socket: net.Socket) => socket.readableEnded || socket.destroyed;

it('the relay closes connections without a request for the next client, never an open stream', async () => {
  await using stage = await relayStage(undefined, 1_000, 5);
  const { hostname: host, port } = new URL(stage.url());
  const connect = async () => {
    const socket = net.connect({ host, port: Number(port) });
    socket.on('error', () => undefined).resume();
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    return socket;
  };
  const streams = [await openStream(stage.url()), await openStream(stage.url())];
  const silent: net.Socket[] = [];
  for (let nth = 0; nth < 50; nth++) silent.push(await connect());
  for (let nth = 0; nth < 3; nth++) streams.push(await openStream(stage.url()));
  expect(streams.map(({ head }) => head.includes(' 101 '))).toEqual([true, true, true, true, true]);
  await until(() => silent.every(isGone), 'the silent ones are closed');
  expect(stage.metrics.turnedAway.at('streams', 'evicted').value).toBe(50);

  const late = await connect();
  await until(() => isGone(late), 'with streams alone the next client is refused');
  expect(stage.metrics.turnedAway.at('streams', 'refused').value).toBe(1);
  for (const { socket } of streams) {
    socket.end('still here');
    expect(`${await restOf(socket)}`).toBe('still here');
  }
  await until(() => stage.metrics.connections.get('streams')?.value === 0, 'all are counted off');
});
