// Lists of statistics: they may lack a backend that gives none, and are never old.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const MAIN: WorldBackend = { name: 'main', profile: 'reference' };
const SIDE: WorldBackend = { name: 'side', profile: 'cri-o', handlers: { side: '' } };
/** Short enough to be waited for, long enough for a busy machine. */
const HURRIED: WorldBackend = { ...SIDE, timeouts: { listMs: 500, statusMs: 500 } };

describe('lists of statistics', () => {
  let world: ProxyWorld;

  afterEach(() => world[Symbol.asyncDispose]());

  /** One pod with a container on each backend that has the handler; sandbox id to container id. */
  const runAll = async (handlers: readonly string[]) => {
    const made: { readonly podSandboxId: string; readonly containerId: string }[] = [];
    for (const handler of handlers) {
      const pod = await runPod(world.client, { handler, name: `on-${handler || 'main'}` });
      const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
      made.push({ podSandboxId: pod.podSandboxId, containerId });
    }
    return made;
  };
  type Filter = { readonly id?: string; readonly podSandboxId?: string };
  const ofContainers = async (filter: Filter = {}) => {
    const { stats } = await world.connect().call('ListContainerStats', { filter });
    return stats.map(({ attributes }) => attributes?.id ?? '').sort();
  };
  const streamedOfContainers = async () => {
    const ids: string[] = [];
    for await (const { containerStats } of world.connect().stream('StreamContainerStats', {})) {
      expect(containerStats).not.toEqual([]);
      ids.push(...containerStats.map(({ attributes }) => attributes?.id ?? ''));
    }
    return ids.sort();
  };
  const ofSandboxes = async () => {
    const { stats } = await world.connect().call('ListPodSandboxStats', {});
    return stats.map(({ attributes }) => attributes?.id ?? '').sort();
  };
  const streamedOfSandboxes = async () => {
    const ids: string[] = [];
    for await (const { podSandboxStats } of world.connect().stream('StreamPodSandboxStats', {}))
      ids.push(...podSandboxStats.map(({ attributes }) => attributes?.id ?? ''));
    return ids.sort();
  };
  const goesAway = async (name: string) => {
    world.runtime(name).crash();
    await until(
      () =>
        world.lines.some(({ text, fields }) => text === 'backend is absent' && fields['backend'] === name),
      'it is absent',
    );
  };

  it('leave an absent backend out, unary and streamed', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const [main, side] = await runAll(['', 'side']);
    const all = [main?.containerId, side?.containerId].sort();
    expect(await ofContainers()).toEqual(all);
    expect(await streamedOfContainers()).toEqual(all);
    await goesAway('side');
    expect(await ofContainers()).toEqual([main?.containerId]);
    expect(await streamedOfContainers()).toEqual([main?.containerId]);
    expect(await ofSandboxes()).toEqual([main?.podSandboxId]);
    expect(await streamedOfSandboxes()).toEqual([main?.podSandboxId]);
  });

  it('fail with UNAVAILABLE when all backends are absent: an empty list would say that nothing runs', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    // Both have been asked whether they have them.
    expect(await ofSandboxes()).toEqual([]);
    await goesAway('main');
    await goesAway('side');
    const unavailable = { code: status.UNAVAILABLE, details: expect.stringContaining('side is unreachable') };
    for (const answer of [
      ofContainers(),
      streamedOfContainers(),
      ofSandboxes(),
      streamedOfSandboxes(),
      world.client.call('ListPodSandboxMetrics', {}),
    ])
      await expect(answer).rejects.toMatchObject(unavailable);
  });

  it('ask only the owner of the container or pod that the filter names', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const [, side] = await runAll(['', 'side']);
    await goesAway('main');
    for (const filter of [{ id: side?.containerId ?? '' }, { podSandboxId: side?.podSandboxId ?? '' }])
      expect(await ofContainers(filter)).toEqual([side?.containerId]);
    await goesAway('side');
    await expect(ofContainers({ id: side?.containerId ?? '' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  it('leave out a backend that ends them with an error, and one that hangs', async () => {
    world = await proxyWorld([MAIN, HURRIED]);
    const [main] = await runAll(['', 'side']);
    const { faults } = world.runtime('side');
    const refuse = { kind: 'refuse', status: 'UNKNOWN', message: 'no cgroup path' } as const;
    for (const rpc of ['ListContainerStats', 'StreamContainerStats']) faults.add(rpc, refuse);
    expect(await ofContainers()).toEqual([main?.containerId]);
    expect(await streamedOfContainers()).toEqual([main?.containerId]);
    faults.clear();
    faults.add('*', { kind: 'hang' });
    expect(await ofContainers()).toEqual([main?.containerId]);
    faults.clear();
  });

  it('wait for a slow backend, but not for ever while others have answered, and stop asking it then', async () => {
    world = await proxyWorld([MAIN, HURRIED]);
    const [main, side] = await runAll(['', 'side']);
    const { faults, journal } = world.runtime('side');
    const rpcs = ['ListContainerStats', 'StreamContainerStats'] as const;
    for (const rpc of rpcs) faults.add(rpc, { kind: 'delay', delayMs: 700 }, { calls: 1 });
    const all = [main?.containerId, side?.containerId].sort();
    expect(await ofContainers()).toEqual(all);
    expect(await streamedOfContainers()).toEqual(all);
    for (const rpc of rpcs) faults.add(rpc, { kind: 'hang' });
    expect(await ofContainers()).toEqual([main?.containerId]);
    expect(await streamedOfContainers()).toEqual([main?.containerId]);
    for (const rpc of rpcs)
      await until(
        () => journal.filter(({ method }) => method === rpc).at(-1)?.ended === 'CANCELLED',
        `${rpc} is cancelled there`,
      );
    faults.clear();
  });

  it('fail the call, and nothing else, when they turn out too long once a slow backend is not waited for any more', async () => {
    const OTHER: WorldBackend = { ...MAIN, name: 'other', handlers: { other: '' } };
    world = await proxyWorld([MAIN, OTHER, HURRIED], (config) => ({
      ...config,
      limits: { ...config.limits, messageSizeBytes: 64 * 1024 },
    }));
    for (const name of ['main', 'other'])
      world.runtime(name).world.seed({ sandboxes: 10, containersPerSandbox: 8, namePrefix: name });
    world.runtime('side').faults.add('ListContainerStats', { kind: 'hang' });
    await expect(ofContainers()).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('the joined reply of ListContainerStats'),
    });
    world.runtime('side').faults.clear();
    expect((await world.client.call('Version', {})).version).toBe('0.1.0');
  });
});
