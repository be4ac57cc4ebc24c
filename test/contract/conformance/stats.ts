// Statistics and metrics of containers and pods.
import { expect, it } from 'vitest';
import type { Response, Rpc } from '../../support/cri-codec.ts';
import type { Bench } from './bench.ts';

export function defineStats(bench: Bench): void {
  /** Holds a missing RPC to UNIMPLEMENTED; true when there is nothing more to test. */
  async function isMissing(rpc: Rpc): Promise<boolean> {
    if (!bench.lacks(rpc)) return false;
    expect(await bench.code(rpc, {})).toBe('UNIMPLEMENTED');
    return true;
  }

  it('gives the statistics of a container, also in a list that is narrowed to its pod', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    const { stats } = await bench.cri.call('ContainerStats', { containerId });
    expect(stats?.attributes).toMatchObject({ id: containerId, metadata: { name: 'main' } });
    expect(stats?.memory?.workingSetBytes?.value).toBeGreaterThan(0);
    const list = await bench.cri.call('ListContainerStats', { filter: { podSandboxId } });
    expect(list.stats.map(({ attributes }) => attributes?.id)).toEqual([containerId]);
    const byId = await bench.cri.call('ListContainerStats', { filter: { id: containerId } });
    expect(byId.stats.map(({ attributes }) => attributes?.id)).toEqual([containerId]);
  });

  it('says on which of its file systems a container lies, where it names no directory of the container alone', async () => {
    const { containerId } = await bench.shared();
    const { imageFilesystems, containerFilesystems } = await bench.cri.call('ImageFsInfo', {});
    const mountpoints = [...imageFilesystems, ...containerFilesystems].map(({ fsId }) => fsId?.mountpoint);
    const { stats: one } = await bench.cri.call('ContainerStats', { containerId });
    const { stats: all } = await bench.cri.call('ListContainerStats', { filter: { id: containerId } });
    for (const stats of [one, ...all]) {
      const mountpoint = stats?.writableLayer?.fsId?.mountpoint;
      expect(mountpoints.includes(mountpoint)).toBe(!bench.place.traits.namesOwnDirectory);
    }
  });

  it('lists statistics of all running containers, each with its names', async () => {
    const { containerId } = await bench.shared();
    const { stats } = await bench.cri.call('ListContainerStats', {});
    expect(stats.map(({ attributes }) => attributes?.id)).toContain(containerId);
    for (const { attributes } of stats) expect(attributes?.metadata?.name).not.toBe('');
  });

  it('streams statistics of containers, where it can', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    if (await isMissing('StreamContainerStats')) return;
    const messages = await bench.all('StreamContainerStats', { filter: { podSandboxId } });
    const ids = messages.flatMap(({ containerStats }) => containerStats.map((one) => one.attributes?.id));
    expect(ids).toEqual([containerId]);
  });

  it('gives the statistics of a pod, also in a list that is narrowed to it, where it can', async () => {
    const { podSandboxId } = await bench.shared();
    const filter = { id: podSandboxId };
    if (bench.lacks('PodSandboxStats')) {
      expect(await bench.code('PodSandboxStats', { podSandboxId })).toBe('UNIMPLEMENTED');
      expect(await bench.code('ListPodSandboxStats', { filter })).toBe('UNIMPLEMENTED');
      return;
    }
    const { stats } = await bench.cri.call('PodSandboxStats', { podSandboxId });
    expect(stats?.attributes?.id).toBe(podSandboxId);
    const list = await bench.cri.call('ListPodSandboxStats', { filter });
    expect(list.stats.map(({ attributes }) => attributes?.id)).toEqual([podSandboxId]);
  });

  it('R11: lists the statistics of all pods, or says that it cannot for any', async () => {
    const { podSandboxId } = await bench.shared();
    if (await isMissing('ListPodSandboxStats')) return;
    const { stats } = await bench.cri.call('ListPodSandboxStats', {});
    expect(stats.map(({ attributes }) => attributes?.id)).toContain(podSandboxId);
  });

  it('R11: streams statistics of pods with their containers, where it can, also of pods that it has none of in one piece', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    if (await isMissing('StreamPodSandboxStats')) return;
    const messages = await bench.all('StreamPodSandboxStats', { filter: { id: podSandboxId } });
    const pods = messages.flatMap(({ podSandboxStats }) => podSandboxStats);
    const ids = pods.map(({ attributes }) => attributes?.id);
    expect(pods[0]?.linux?.containers.map(({ attributes }) => attributes?.id)).toEqual([containerId]);
    expect(pods[0]?.linux?.memory?.workingSetBytes?.value).toBeGreaterThan(0);
    expect(ids).toEqual([podSandboxId]);
  });

  it('R11: lists the statistics of all other pods while one is stopped, unless it is a single runtime that cannot', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    const stopped = await bench.pod();
    await bench.cri.call('StopPodSandbox', { podSandboxId: stopped.podSandboxId });
    const expected = bench.place.traits.statsBesideStopped;
    const expectBoth = (stats: Response<'ListPodSandboxStats'>['stats']) => {
      const ids = stats.map(({ attributes }) => attributes?.id);
      expect(ids).toContain(podSandboxId);
      expect(ids).not.toContain(stopped.podSandboxId);
      const own = stats.find(({ attributes }) => attributes?.id === podSandboxId);
      expect(own?.linux?.containers.map(({ attributes }) => attributes?.id)).toEqual([containerId]);
    };
    if (!(await isMissing('ListPodSandboxStats'))) {
      // What kubelets and crictl send.
      expectBoth((await bench.cri.call('ListPodSandboxStats', { filter: {} })).stats);
      expect(await bench.code('ListPodSandboxStats', {})).toBe(expected);
      if (expected === 'OK') expectBoth((await bench.cri.call('ListPodSandboxStats', {})).stats);
    }
    if (await isMissing('StreamPodSandboxStats')) return;
    expect(await bench.code('StreamPodSandboxStats', {})).toBe(expected);
    if (expected !== 'OK') return;
    const messages = await bench.all('StreamPodSandboxStats', {});
    expectBoth(messages.flatMap(({ podSandboxStats }) => podSandboxStats));
  });

  it('describes its metrics, and gives a value for each label of each sample, where it can', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    const missing = [await isMissing('ListMetricDescriptors'), await isMissing('ListPodSandboxMetrics')];
    if (missing.includes(true)) return;
    const { descriptors } = await bench.cri.call('ListMetricDescriptors', {});
    const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
    expect(keys.size).toBe(descriptors.length);
    const { podMetrics } = await bench.cri.call('ListPodSandboxMetrics', {});
    const messages = await bench.all('StreamPodSandboxMetrics', {});
    for (const pods of [podMetrics, messages.flatMap((message) => message.podSandboxMetrics)]) {
      const own = pods.find((pod) => pod.podSandboxId === podSandboxId);
      expect(own !== undefined).toBe(bench.place.traits.hasMetrics);
      const ofContainers = pods.flatMap(({ containerMetrics }) => containerMetrics);
      for (const { name, labelValues } of [...pods, ...ofContainers].flatMap(({ metrics }) => metrics)) {
        expect(labelValues).toHaveLength(keys.get(name)?.length ?? -1);
      }
      const ofMain = own?.containerMetrics.find((one) => one.containerId === containerId);
      for (const { name, labelValues } of ofMain?.metrics ?? []) {
        const labelled = (key: string) => labelValues[keys.get(name)?.indexOf(key) ?? -1];
        expect([labelled('id'), labelled('container')]).toEqual([containerId, 'main']);
      }
    }
  });

  it('streams metrics, where it can', async () => {
    if (await isMissing('StreamPodSandboxMetrics')) return;
    await bench.all('StreamPodSandboxMetrics', {});
  });
}
