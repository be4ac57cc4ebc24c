// The mount points in statistics of containers: a kubelet gives them to cAdvisor, which knows the file systems of its
// start only.
import { afterEach, describe, expect, it } from 'vitest';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { calls } from '../../support/image-world.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const MAIN: WorldBackend = { name: 'main', profile: 'containerd-2.1' };
const CRIO: WorldBackend = { name: 'crio', profile: 'cri-o', handlers: { crio: '' } };
const DOCKER: WorldBackend = { name: 'docker', profile: 'cri-dockerd', handlers: { docker: '' } };
const OVERLAYFS = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs';
const OVERLAY_CONTAINERS = '/var/lib/containers/storage/overlay-containers';
const OWN = /^\/var\/lib\/containers\/storage\/overlay\/[0-9a-f]{64}\/merged$/;

interface Stats {
  readonly writableLayer: { readonly fsId: { readonly mountpoint: string } | null } | null;
}
const mountpointOf = (stats: Stats | null | undefined) => stats?.writableLayer?.fsId?.mountpoint;

describe('mount points of containers', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const run = async (handler = '') => {
    const pod = await runPod(world.client, { handler, name: `on-${handler || 'main'}` });
    const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    return { podSandboxId: pod.podSandboxId, containerId };
  };
  /** Of one container, by every RPC that tells it. */
  const tell = async ({ podSandboxId, containerId }: Awaited<ReturnType<typeof run>>) => {
    const client = world.connect();
    const found: (string | undefined)[] = [];
    found.push(mountpointOf((await client.call('ContainerStats', { containerId })).stats));
    const list = await client.call('ListContainerStats', { filter: { id: containerId } });
    found.push(...list.stats.map(mountpointOf));
    for await (const { containerStats } of client.stream('StreamContainerStats', {
      filter: { id: containerId },
    }))
      found.push(...containerStats.map(mountpointOf));
    const pod = await client.call('PodSandboxStats', { podSandboxId });
    found.push(...(pod.stats?.linux?.containers ?? []).map(mountpointOf));
    const pods = await client.call('ListPodSandboxStats', { filter: { id: podSandboxId } });
    found.push(...pods.stats.flatMap(({ linux }) => (linux?.containers ?? []).map(mountpointOf)));
    for await (const { podSandboxStats } of client.stream('StreamPodSandboxStats', {
      filter: { id: podSandboxId },
    }))
      found.push(...podSandboxStats.flatMap(({ linux }) => (linux?.containers ?? []).map(mountpointOf)));
    return found;
  };
  const fsInfoKnown = (...names: readonly string[]) =>
    until(
      () =>
        names.every((name) =>
          world
            .runtime(name)
            .journal.some(({ method, ended }) => method === 'ImageFsInfo' && ended !== undefined),
        ),
      'the file systems are known',
    );

  it('are those of its ImageFsInfo for a runtime that names another directory for each container', async () => {
    world = await proxyWorld([MAIN, CRIO]);
    await fsInfoKnown('main', 'crio');
    const [main, crio] = [await run(), await run('crio')];
    expect(await tell(crio)).toEqual(Array.from({ length: 6 }, () => OVERLAY_CONTAINERS));
    expect(await tell(main)).toEqual(Array.from({ length: 6 }, () => OVERLAYFS));
    using direct = world.direct('crio');
    const own = await direct.call('ContainerStats', { containerId: crio.containerId });
    expect(mountpointOf(own.stats)).toMatch(OWN);
    // All else is as the runtime says it; the figures are those of another moment.
    const shown = await world.client.call('ContainerStats', { containerId: crio.containerId });
    expect(shown.stats?.attributes).toEqual(own.stats?.attributes);
    expect(shown.stats?.writableLayer?.usedBytes).toEqual(own.stats?.writableLayer?.usedBytes);
  });

  it('are right also after statistics that name none, of a pod without containers', async () => {
    world = await proxyWorld([MAIN, CRIO]);
    await fsInfoKnown('main', 'crio');
    const { podSandboxId } = await runPod(world.client, { handler: 'crio' });
    const { stats } = await world.client.call('PodSandboxStats', { podSandboxId });
    expect(stats?.linux?.containers).toEqual([]);
    const crio = await run('crio');
    expect(await tell(crio)).toEqual(Array.from({ length: 6 }, () => OVERLAY_CONTAINERS));
  });

  it('are those of every runtime in the list of all', async () => {
    world = await proxyWorld([MAIN, CRIO, DOCKER]);
    await fsInfoKnown('main', 'crio', 'docker');
    for (const handler of ['', 'crio', 'docker']) await run(handler);
    const { stats } = await world.client.call('ListContainerStats', {});
    expect(stats.map(mountpointOf)).toEqual([OVERLAYFS, OVERLAY_CONTAINERS, '/var/lib/docker']);
  });

  it('stay as they came while the file systems of the runtime are not known, and are right from its first ImageFsInfo on', async () => {
    world = await proxyWorld([MAIN, CRIO]);
    await world.switchyard.close();
    const refused = world
      .runtime('crio')
      .faults.add('ImageFsInfo', { kind: 'refuse', status: 'UNKNOWN', message: 'busy' });
    await world.restart(undefined, 'forgetting');
    const { containerId } = await run('crio');
    const shown = async () =>
      mountpointOf((await world.connect().call('ContainerStats', { containerId })).stats);
    expect(await shown()).toMatch(OWN);
    refused.clear();
    await world.client.call('ImageFsInfo', {});
    expect(await shown()).toBe(OVERLAY_CONTAINERS);
    // They outlive a restart, so a kubelet gets no other ones right after it.
    world.runtime('crio').faults.add('ImageFsInfo', { kind: 'hang' });
    await world.restart();
    expect(await shown()).toBe(OVERLAY_CONTAINERS);
    expect(calls(world, 'crio', 'ContainerStats')).toBe(3);
  });
});
