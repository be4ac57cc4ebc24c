// The metrics of pods: the kubelet asks once what their labels mean, and from then on goes by their place.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const CRIO = { name: 'crio', profile: 'cri-o' } as const;
const CONTAINERD = { name: 'containerd', profile: 'reference', handlers: { containerd: '' } } as const;
const WITHOUT = { name: 'docker', profile: 'cri-dockerd', handlers: { docker: '' } } as const;
const CPU = 'container_cpu_usage_seconds_total';
const MEMORY = 'container_memory_usage_bytes';

describe('metrics of pods', () => {
  let world: ProxyWorld;

  afterEach(() => world[Symbol.asyncDispose]());

  /** What a kubelet knows after its one question: the label keys of each metric. */
  const askOnce = async () => {
    const { descriptors } = await world.connect().call('ListMetricDescriptors', {});
    return new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
  };
  /** What it then shows, by pod: each metric with its labels, as far as it was described with so many. */
  const scrape = async (told: Map<string, string[]>) => {
    const { podMetrics } = await world.connect().call('ListPodSandboxMetrics', {});
    const shown = podMetrics.map(({ podSandboxId, metrics }) => {
      const labelled = metrics.flatMap(({ name, labelValues }) => {
        const keys = told.get(name);
        if (keys?.length !== labelValues.length) return [];
        return [[name, Object.fromEntries(keys.map((key, i) => [key, labelValues[i]]))] as const];
      });
      return [podSandboxId, new Map(labelled)] as const;
    });
    return new Map(shown);
  };
  const isAbsent = (name: string) =>
    until(
      () =>
        world.lines.some(({ text, fields }) => text === 'backend is absent' && fields['backend'] === name),
      `${name} is absent`,
    );

  it('have every label under its own name, from runtimes that order them differently', async () => {
    world = await proxyWorld([CRIO, CONTAINERD, WITHOUT]);
    const [one, other] = [
      await runPod(world.client),
      await runPod(world.client, { handler: 'containerd', name: 'web-2' }),
    ];
    const shown = await scrape(await askOnce());
    for (const { podSandboxId: id, cpu } of [
      { ...one, cpu: 'cpu0' },
      { ...other, cpu: '' },
    ]) {
      expect(shown.get(id)?.get(CPU)).toMatchObject({ id, cpu, container: 'POD' });
      expect(shown.get(id)?.get(MEMORY)).toMatchObject({ id, container: 'POD' });
      expect(shown.get(id)?.get(MEMORY)).not.toHaveProperty('cpu');
    }
  });

  it('are described in full also while a backend is down, over a restart too', async () => {
    world = await proxyWorld([CRIO, CONTAINERD]);
    const before = await askOnce();
    world.runtime('crio').crash();
    await world.restart('crio');
    expect(await askOnce()).toEqual(before);
    await world.runtime('crio').restart();
    const { podSandboxId } = await runPod(world.connect(), { handler: 'containerd' });
    expect((await scrape(before)).get(podSandboxId)?.get(CPU)).toMatchObject({ id: podSandboxId, cpu: '' });
  });

  it('keep the labels that were told when the runtime that was described first comes later', async () => {
    world = await proxyWorld([{ ...CRIO, isDown: true }, CONTAINERD]);
    const told = await askOnce();
    expect(told.get(CPU)).not.toContain('cpu');
    await using _late = await startSimulatedRuntime({ profile: 'cri-o', socket: world.socketOf('crio') });
    await until(
      () =>
        world.lines.some(({ text, fields }) => text === 'backend is ready' && fields['backend'] === 'crio'),
      'it is met',
    );
    const inside = await runPod(world.client, { handler: 'containerd' });
    const late = await runPod(world.client, { name: 'late' });
    const shown = await scrape(told);
    expect(shown.get(inside.podSandboxId)?.get(CPU)).toMatchObject({ id: inside.podSandboxId });
    expect(shown.get(late.podSandboxId)?.get(MEMORY)).toMatchObject({ id: late.podSandboxId });
    // Without its processor the sample could not be told from that of another one.
    expect(shown.get(late.podSandboxId)?.has(CPU)).toBe(false);
    await until(
      () => world.lines.some(({ text }) => text.startsWith('a backend has metrics with labels')),
      'it is told',
    );
    expect((await askOnce()).get(CPU)).toEqual([...(told.get(CPU) ?? []), 'cpu']);
  });

  it('keep their labels when a runtime is replaced by one that orders them differently', async () => {
    world = await proxyWorld([CRIO, CONTAINERD]);
    const told = await askOnce();
    await world.replaceRuntime('crio', 'reference');
    const { podSandboxId } = await runPod(world.client);
    expect((await scrape(told)).get(podSandboxId)?.get(MEMORY)).toMatchObject({
      id: podSandboxId,
      container: 'POD',
    });
  });

  it('of an absent backend are left out, never old', async () => {
    world = await proxyWorld([CRIO, CONTAINERD]);
    await runPod(world.client);
    const { podSandboxId } = await runPod(world.client, { handler: 'containerd', name: 'web-2' });
    world.runtime('crio').crash();
    await isAbsent('crio');
    expect([...(await scrape(await askOnce())).keys()]).toEqual([podSandboxId]);
  });

  it('R11: are UNIMPLEMENTED where all backends lack them, and where one may have them but is down UNAVAILABLE', async () => {
    world = await proxyWorld([WITHOUT, { name: 'old', profile: 'containerd-1.7' }]);
    const unimplemented = { code: status.UNIMPLEMENTED };
    await expect(world.client.call('ListMetricDescriptors', {})).rejects.toMatchObject(unimplemented);
    await expect(world.client.call('ListPodSandboxMetrics', {})).rejects.toMatchObject(unimplemented);
    // It has said that it has none before it went away.
    world.runtime('old').crash();
    await isAbsent('old');
    await expect(world.client.call('ListMetricDescriptors', {})).rejects.toMatchObject(unimplemented);
    await world[Symbol.asyncDispose]();

    world = await proxyWorld([WITHOUT, { ...CRIO, isDown: true }]);
    await isAbsent('crio');
    const unavailable = { code: status.UNAVAILABLE };
    await expect(world.client.call('ListMetricDescriptors', {})).rejects.toMatchObject(unavailable);
    await expect(world.client.call('ListPodSandboxMetrics', {})).rejects.toMatchObject(unavailable);
  });
});
