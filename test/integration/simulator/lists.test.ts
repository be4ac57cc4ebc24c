// Lists of the simulated runtimes: filters, streams, and thousands of containers.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOT_READY, READY, RUNNING, type Stage, stage } from './stage.ts';

/** Two pods with two containers each; one of each is stopped. */
async function twoPods(at: Stage) {
  const web = await at.pod({ name: 'web', uid: 'u-web', labels: { app: 'web', tier: 'front' } });
  const db = await at.pod({ name: 'db', uid: 'u-db', labels: { app: 'db', tier: 'back' } });
  const containers = {
    nginx: await at.running(web, 'nginx'),
    sidecar: await at.container(web, 'sidecar'),
    mysql: await at.running(db, 'mysql'),
    backup: await at.container(db, 'backup'),
  };
  await at.client.call('StopPodSandbox', { podSandboxId: db });
  return { web, db, ...containers };
}

describe('ListPodSandbox and StreamPodSandboxes', () => {
  it.each([
    ['nothing', {}, ['web', 'db']],
    ['an empty filter', { filter: {} }, ['web', 'db']],
    ['a state', { filter: { state: { state: READY } } }, ['web']],
    ['the other state', { filter: { state: { state: NOT_READY } } }, ['db']],
    ['a label', { filter: { labelSelector: { tier: 'back' } } }, ['db']],
    [
      'the UID label of a kubelet',
      { filter: { labelSelector: { 'io.kubernetes.pod.uid': 'u-web' } } },
      ['web'],
    ],
    ['two labels that never meet', { filter: { labelSelector: { app: 'web', tier: 'back' } } }, []],
    [
      'a state and a label',
      { filter: { state: { state: READY }, labelSelector: { tier: 'front' } } },
      ['web'],
    ],
  ])('select by %s', async (_what, request, names) => {
    await using at = await stage('reference');
    await twoPods(at);
    const { items } = await at.client.call('ListPodSandbox', request);
    expect(items.map((item) => item.metadata?.name)).toEqual(names);
    const streamed: (string | undefined)[] = [];
    for await (const message of at.client.stream('StreamPodSandboxes', request)) {
      streamed.push(...message.podSandboxes.map((item) => item.metadata?.name));
    }
    expect(streamed).toEqual(names);
  });

  it('select by id', async () => {
    await using at = await stage('reference');
    const { db } = await twoPods(at);
    const { items } = await at.client.call('ListPodSandbox', { filter: { id: db } });
    expect(items).toMatchObject([{ id: db, state: NOT_READY }]);
  });
});

describe('ListContainers and StreamContainers', () => {
  it('select by sandbox, state, id and labels, also together', async () => {
    await using at = await stage('reference');
    const { web, db, nginx, mysql } = await twoPods(at);
    const names = async (filter: object) => {
      const { containers } = await at.client.call('ListContainers', { filter });
      const streamed: unknown[] = [];
      for await (const message of at.client.stream('StreamContainers', { filter })) {
        streamed.push(...message.containers);
      }
      expect(streamed).toEqual(containers);
      return containers.map((container) => container.metadata?.name);
    };
    expect(await names({})).toEqual(['nginx', 'sidecar', 'mysql', 'backup']);
    expect(await names({ podSandboxId: web })).toEqual(['nginx', 'sidecar']);
    expect(await names({ state: { state: RUNNING } })).toEqual(['nginx']);
    expect(await names({ id: mysql })).toEqual(['mysql']);
    expect(await names({ id: nginx, podSandboxId: db })).toEqual([]);
    expect(await names({ labelSelector: { 'io.kubernetes.container.name': 'backup' } })).toEqual(['backup']);
  });
});

describe('stats and metrics', () => {
  it('are there for running containers and ready pods, and narrow by pod', async () => {
    await using at = await stage('reference');
    const { web, db, nginx } = await twoPods(at);
    const containers = await at.client.call('ListContainerStats', {});
    expect(containers.stats.map((one) => one.attributes?.id)).toEqual([nginx]);
    expect(containers.stats[0]?.attributes?.metadata?.name).toBe('nginx');
    expect((await at.client.call('ListContainerStats', { filter: { podSandboxId: db } })).stats).toEqual([]);
    const pods = await at.client.call('ListPodSandboxStats', {});
    expect(pods.stats.map((one) => one.attributes?.id)).toEqual([web]);
    const one = await at.client.call('PodSandboxStats', { podSandboxId: web });
    expect(one.stats?.linux?.containers).toHaveLength(1);
    expect((await at.client.call('ContainerStats', { containerId: nginx })).stats?.cpu).not.toBeNull();
  });

  it('grow with time', async () => {
    const clock = new FakeClock();
    await using at = await stage('reference', { clock });
    const { nginx } = await twoPods(at);
    const used = async () =>
      (await at.client.call('ContainerStats', { containerId: nginx })).stats?.cpu?.usageCoreNanoSeconds
        ?.value ?? 0;
    const before = await used();
    clock.advance(1);
    expect(await used()).toBeGreaterThan(before);
  });

  it('say the same as a stream', async () => {
    await using at = await stage('reference');
    await twoPods(at);
    const count = { containers: 0, pods: 0, metrics: 0 };
    for await (const { containerStats } of at.client.stream('StreamContainerStats', {})) {
      count.containers += containerStats.length;
    }
    for await (const { podSandboxStats } of at.client.stream('StreamPodSandboxStats', {})) {
      count.pods += podSandboxStats.length;
    }
    for await (const { podSandboxMetrics } of at.client.stream('StreamPodSandboxMetrics', {})) {
      count.metrics += podSandboxMetrics.length;
    }
    expect(count).toEqual({ containers: 1, pods: 1, metrics: 1 });
  });

  it('of a pod without a cgroup parent fail in containerd 1.7, and with them the whole list', async () => {
    await using at = await stage('containerd-1.7');
    await at.pod();
    expect((await at.client.call('ListPodSandboxStats', {})).stats).toHaveLength(1);
    const podSandboxId = await at.pod({ cgroupParent: '' });
    const refused = { code: Code.UNKNOWN, details: expect.stringContaining(podSandboxId) };
    await expect(at.client.call('PodSandboxStats', { podSandboxId })).rejects.toMatchObject(refused);
    await expect(at.client.call('ListPodSandboxStats', {})).rejects.toMatchObject(refused);
  });

  it('of a stopped pod are UNAVAILABLE in containerd', async () => {
    await using at = await stage('containerd-2.1');
    const podSandboxId = await at.pod();
    await at.client.call('StopPodSandbox', { podSandboxId });
    const stats = at.client.call('PodSandboxStats', { podSandboxId });
    await expect(stats).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect((await at.client.call('ListPodSandboxStats', {})).stats).toEqual([]);
  });

  it('carry as many label values as their descriptor has keys', async () => {
    await using at = await stage('cri-o');
    await twoPods(at);
    const { descriptors } = await at.client.call('ListMetricDescriptors', {});
    const keys = new Map(descriptors.map((one) => [one.name, one.labelKeys.length]));
    const { podMetrics } = await at.client.call('ListPodSandboxMetrics', {});
    const samples = podMetrics.flatMap((pod) => [
      ...pod.metrics,
      ...pod.containerMetrics.flatMap((c) => c.metrics),
    ]);
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) expect(sample.labelValues).toHaveLength(keys.get(sample.name) ?? -1);
  });
});

describe('a seeded world', () => {
  it('lists thousands of containers, in one message and in several', async () => {
    await using at = await stage('reference');
    at.runtime.world.seed({ sandboxes: 500, containersPerSandbox: 4 });
    const { containers } = await at.client.call('ListContainers', {});
    expect(containers).toHaveLength(2000);
    expect(new Set(containers.map((container) => container.id)).size).toBe(2000);
    expect(containers[0]).toMatchObject({
      state: RUNNING,
      labels: { 'io.kubernetes.pod.uid': expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    const sizes: number[] = [];
    for await (const message of at.client.stream('StreamContainers', {}))
      sizes.push(message.containers.length);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(sizes.reduce((total, size) => total + size, 0)).toBe(2000);
  });

  it('shows a change at once in a list that was joined before', async () => {
    await using at = await stage('reference');
    at.runtime.world.seed({ sandboxes: 3, containersPerSandbox: 1 });
    const ids = async () => (await at.client.call('ListPodSandbox', {})).items.map((item) => item.id);
    const before = await ids();
    await at.client.call('RemovePodSandbox', { podSandboxId: before[1] ?? '' });
    expect(await ids()).toEqual([before[0], before[2]]);
  });

  it('is the same again with the same seed', async () => {
    const idsWith = async (seed: number) => {
      await using at = await stage('reference', { seed });
      at.runtime.world.seed({ sandboxes: 2, containersPerSandbox: 1 });
      return (await at.client.call('ListContainers', {})).containers.map((container) => container.id);
    };
    expect(await idsWith(7)).toEqual(await idsWith(7));
    expect(await idsWith(7)).not.toEqual(await idsWith(8));
  });

  it('makes no events', async () => {
    await using at = await stage('containerd-1.7');
    at.runtime.world.seed({ sandboxes: 2, containersPerSandbox: 1 });
    const abort = new AbortController();
    const events = at.client.stream('GetContainerEvents', {}, { signal: abort.signal });
    const first = events.next();
    const podSandboxId = await at.pod();
    expect((await first).value).toMatchObject({ containerId: podSandboxId });
    abort.abort();
  });
});
