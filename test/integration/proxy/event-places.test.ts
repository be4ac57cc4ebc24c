// Streams of events are few. A client that opens as many as it can keeps nobody else from having one.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runPod } from '../../support/cri-pod.ts';
import { listenToEvents } from '../../support/event-listener.ts';
import { requestBlock } from '../../support/front-world.ts';
import {
  END_HEADERS,
  END_STREAM,
  frame,
  PREFACE,
  RawPeer,
  settings,
  TYPE,
} from '../../support/http2-raw-peer.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

let world: ProxyWorld;

beforeEach(async () => {
  world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }]);
});

afterEach(() => world[Symbol.asyncDispose]());

/** Opens so many streams of events on one connection and reads none of their bytes: its window is nothing. */
async function hog(count: number): Promise<RawPeer> {
  const peer = await RawPeer.dial(world.switchyard.socket);
  peer.send(PREFACE, settings([4, 0]));
  for (let nth = 0; nth < count; nth++) {
    const id = 1 + 2 * nth;
    peer.send(
      frame(TYPE.headers, END_HEADERS, id, requestBlock('GetContainerEvents')),
      frame(TYPE.data, END_STREAM, id, Buffer.alloc(5)),
    );
    // As a client that stays within the bounds of streams that are reset.
    if (nth % 500 === 499) await peer.roundTrip();
  }
  await peer.roundTrip();
  return peer;
}

const answersOf = (peer: RawPeer) => peer.frames.filter(({ type }) => type === TYPE.headers).length;

describe('a client that opens 10,000 streams of events and reads none', () => {
  it('has 64 of them, and others get theirs with all events', async () => {
    using peer = await hog(10_000);
    await until(() => answersOf(peer) >= 10_000, 'all are answered');
    const listener = listenToEvents(world.connect());
    let pods = 0;
    await until(async () => {
      await runPod(world.client, { name: `pod-${pods}`, uid: `uid-${pods}` });
      pods++;
      return listener.events.length > 0;
    }, 'events come');
    const before = process.memoryUsage();
    const seen = listener.events.length;
    for (let nth = 0; nth < 50; nth++)
      await runPod(world.client, { name: `more-${nth}`, uid: `more-${nth}` });
    await until(() => listener.events.length >= seen + 50, 'all events come');
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024);
  });

  it('gives way also when it has a connection for each', async () => {
    const peers: RawPeer[] = [];
    for (let nth = 0; nth < 64; nth++) peers.push(await hog(1));
    await until(() => peers.every((peer) => answersOf(peer) === 1), 'all are answered');
    // Something waits for each of them.
    for (let nth = 0; nth < 3; nth++) await runPod(world.client, { name: `pod-${nth}`, uid: `uid-${nth}` });
    const listener = listenToEvents(world.connect());
    let ended = '';
    void listener.ended.then(({ code }) => {
      ended = code;
    });
    let pods = 0;
    await until(async () => {
      await runPod(world.client, { name: `late-${pods}`, uid: `late-${pods}` });
      pods++;
      return listener.events.length > 0 || ended !== '';
    }, 'events come');
    expect(ended).toBe('');
    for (const peer of peers) peer[Symbol.dispose]();
  });
});
