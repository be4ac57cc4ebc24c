// One client that fills a backend with calls, and the others that want something of the same backend.
import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { framed } from '../../../src/grpc/message.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { requestBlock } from '../../support/front-world.ts';
import { END_HEADERS, END_STREAM, frame, RawPeer, TYPE } from '../../support/http2-raw-peer.ts';
import { proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

/** Half of them for one of two backends, and a tenth more of that for clients with few calls. */
const CALLS = 400;

it('a backend that one client fills with calls still takes those of clients that have few', async () => {
  const few = (config: Config): Config => ({ ...config, limits: { ...config.limits, callsInFlight: CALLS } });
  await using world = await proxyWorld(
    [
      { name: 'one', profile: 'containerd-2.1' },
      { name: 'two', profile: 'containerd-2.1', handlers: { two: '' } },
    ],
    few,
  );
  const { client } = world;
  const pod = await runPod(client);
  const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
  using greedy = await RawPeer.connect(world.switchyard.socket);
  const sleep = framed(codecOf('ExecSync').encode({ containerId, cmd: ['sleep', '600'] }));
  const head = requestBlock('ExecSync');
  const exec = (nth: number) => {
    const id = 2 * nth + 1;
    greedy.send(frame(TYPE.headers, END_HEADERS, id, head), frame(TYPE.data, END_STREAM, id, sleep));
  };
  const sleeping = () => world.runtime('one').journal.filter(({ method }) => method === 'ExecSync').length;
  const refused = () => greedy.frames.filter((f) => f.type === TYPE.headers && f.flags & END_STREAM).length;
  for (let nth = 0; nth < CALLS / 2 + 50; nth++) exec(nth);
  await until(() => refused() === 50, 'it is refused what is beyond the limit');
  await until(() => sleeping() === CALLS / 2, 'the rest is on the backend');

  for (let round = 0; round < 10; round++) {
    const others = world.connect();
    await Promise.all([
      others.call('ContainerStatus', { containerId }),
      others.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId }),
      others.call('ExecSync', { containerId, cmd: ['true'] }),
      others.call('ListContainers', {}),
    ]);
  }
  exec(CALLS);
  await until(() => refused() === 51, 'it is still refused more');

  // What is kept is shared too: a second one that takes all it can get leaves room for a third.
  const second = world.connect();
  const sleeps = Array.from({ length: 20 }, () =>
    second
      .call('ExecSync', { containerId, cmd: ['sleep', '600'] })
      .catch((error: { readonly code: number }) => error.code),
  );
  const ends: unknown[] = [];
  for (const one of sleeps) void one.then((end) => ends.push(end));
  await until(() => ends.length === 16, 'it is refused most');
  expect(new Set(ends)).toEqual(new Set([status.RESOURCE_EXHAUSTED]));
  await world.connect().call('ContainerStatus', { containerId });
});
