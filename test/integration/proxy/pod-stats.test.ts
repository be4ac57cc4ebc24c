// R11: whether there are statistics of pods is one answer for the node, and the same whoever is away. A kubelet that is
// told UNIMPLEMENTED looks elsewhere for all pods; one of 1.37 asks once, when it starts.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { calls, crash } from '../../support/image-world.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const MAIN: WorldBackend = { name: 'main', profile: 'reference' };
const DOCKER: WorldBackend = { name: 'docker', profile: 'cri-dockerd', handlers: { docker: '' } };
const CRIO: WorldBackend = { name: 'crio', profile: 'cri-o', handlers: { crio: '' } };
const UNIMPLEMENTED = { code: status.UNIMPLEMENTED };
const NOBODY = 'f'.repeat(64);

describe('statistics of pods', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const run = async (handler: string, name = `on-${handler || 'main'}`) => {
    const pod = await runPod(world.client, { handler, name });
    const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    return { podSandboxId: pod.podSandboxId, containerId };
  };
  const listed = async (filter: { readonly id?: string } = {}) => {
    const { stats } = await world.connect().call('ListPodSandboxStats', { filter });
    return stats.map(({ attributes }) => attributes?.id ?? '').sort();
  };
  const streamed = async (filter: object = {}) => {
    const pods = [];
    for await (const { podSandboxStats } of world.connect().stream('StreamPodSandboxStats', { filter })) {
      expect(podSandboxStats).not.toEqual([]);
      pods.push(...podSandboxStats);
    }
    return pods;
  };
  const streamedIds = async (filter: object = {}) =>
    (await streamed(filter)).map(({ attributes }) => attributes?.id ?? '').sort();
  /** What a kubelet that looks for support may ask. */
  const expectNoSupport = async () => {
    const client = world.connect();
    await expect(client.call('ListPodSandboxStats', {})).rejects.toMatchObject(UNIMPLEMENTED);
    for (const podSandboxId of [NOBODY, ''])
      await expect(client.call('PodSandboxStats', { podSandboxId })).rejects.toMatchObject(UNIMPLEMENTED);
  };
  /** A backend goes and comes back, and is busy when it is asked for its statistics of pods. */
  const returnBusy = async (name: string) => {
    const { faults } = world.runtime(name);
    await crash(world, name);
    faults.clear();
    const busy = { kind: 'refuse', status: 'UNAVAILABLE', message: 'not initialized yet' } as const;
    const refused = faults.add('ListPodSandboxStats', busy, { calls: 1 });
    await world.runtime(name).restart();
    await until(() => refused.hits === 1, 'it was asked');
    // Its answer to this comes on the same connection, so after that one.
    await world.client.call('ListContainers', {});
  };

  it('are UNIMPLEMENTED while a backend lacks them, also while it is away, and over a restart of Switchyard', async () => {
    world = await proxyWorld([MAIN, DOCKER]);
    await run('');
    await run('docker');
    await expectNoSupport();
    await crash(world, 'docker');
    await expectNoSupport();
    await world.restart('docker');
    await expectNoSupport();
    // Nobody is asked for figures that are not given.
    expect(calls(world, 'main', 'ListPodSandboxStats')).toBe(2);
  });

  it('are there while all backends have them, also while one is away, and over a restart of Switchyard', async () => {
    world = await proxyWorld([MAIN, CRIO]);
    const [main, crio] = [await run(''), await run('crio')];
    expect(await listed()).toEqual([main.podSandboxId, crio.podSandboxId].sort());
    await crash(world, 'crio');
    expect(await listed()).toEqual([main.podSandboxId]);
    await world.restart('crio');
    expect(await listed()).toEqual([main.podSandboxId]);
    await expect(
      world.client.call('PodSandboxStats', { podSandboxId: crio.podSandboxId }),
    ).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('are UNIMPLEMENTED while a backend was never there to say it: that is right whatever it is', async () => {
    world = await proxyWorld([MAIN, { ...CRIO, isDown: true }]);
    const { podSandboxId } = await run('');
    await expect(listed()).rejects.toMatchObject({
      ...UNIMPLEMENTED,
      details: expect.stringContaining('backend crio has never said'),
    });
    // Of one pod its own backend tells.
    expect(await listed({ id: podSandboxId })).toEqual([podSandboxId]);
  });

  it('are UNIMPLEMENTED until a backend that is busy when it is first met has said it: it may lack them', async () => {
    world = await proxyWorld([MAIN, DOCKER, CRIO]);
    const busy = { kind: 'refuse', status: 'UNAVAILABLE', message: 'starting' } as const;
    const [docker, crio] = ['docker', 'crio'].map((name) =>
      world.runtime(name).faults.add('ListPodSandboxStats', busy),
    );
    await world.restart(undefined, 'forgetting');
    await expectNoSupport();
    crio?.clear();
    await expectNoSupport();
    docker?.clear();
    await expectNoSupport();
    // And one that has them gives them as soon as it says so.
    await world.replaceRuntime('docker', 'cri-o');
    world.runtime('docker').faults.add('ListPodSandboxStats', busy, { calls: 1 });
    await until(async () => (await listed().catch(() => undefined)) !== undefined, 'they are there');
  });

  it('are there again when the backend that lacked them comes back as one that has them', async () => {
    world = await proxyWorld([MAIN, DOCKER]);
    await expect(listed()).rejects.toMatchObject(UNIMPLEMENTED);
    await world.replaceRuntime('docker', 'containerd-2.1');
    await until(async () => (await listed().catch(() => undefined)) !== undefined, 'it is known');
    await world.replaceRuntime('docker', 'containerd-1.4');
    await until(async () => (await listed().catch(() => undefined)) === undefined, 'it is known');
    await expect(listed()).rejects.toMatchObject(UNIMPLEMENTED);
  });

  it('stay UNIMPLEMENTED when the backend that lacks them ends the question with another error after its return', async () => {
    world = await proxyWorld([MAIN, DOCKER]);
    await expectNoSupport();
    await returnBusy('docker');
    // It is not there to say it again.
    await crash(world, 'docker');
    await expectNoSupport();
  });

  it('are there again when the backend that lacked them has them after its return, and was busy when it was asked', async () => {
    world = await proxyWorld([MAIN, CRIO]);
    const lacks = { kind: 'refuse', status: 'UNIMPLEMENTED', message: 'unknown method' } as const;
    world.runtime('crio').faults.add('ListPodSandboxStats', lacks);
    await world.restart(undefined, 'forgetting');
    await expectNoSupport();
    await returnBusy('crio');
    await until(async () => (await listed().catch(() => undefined)) !== undefined, 'it is known');
  });

  it('lack a backend that ends them as UNKNOWN "not implemented", as old releases of cri-dockerd do', async () => {
    world = await proxyWorld([MAIN, CRIO]);
    const refuse = { kind: 'refuse', status: 'UNKNOWN', message: 'Not implemented' } as const;
    world.runtime('crio').faults.add('ListPodSandboxStats', refuse);
    await world.restart();
    await expect(listed()).rejects.toMatchObject(UNIMPLEMENTED);
  });

  it('are what a single backend says of itself', async () => {
    world = await proxyWorld([{ ...DOCKER, handlers: {} }]);
    await expect(listed()).rejects.toMatchObject({
      ...UNIMPLEMENTED,
      details: expect.not.stringContaining('switchyard'),
    });
    await crash(world, 'docker');
    await expect(listed()).rejects.toMatchObject(UNIMPLEMENTED);
  });

  it('are made of those of containers for a backend without them, in parts, where UNIMPLEMENTED would end all parts', async () => {
    world = await proxyWorld([MAIN, DOCKER]);
    const [main, docker] = [await run(''), await run('docker')];
    const second = await runPod(world.client, { handler: 'docker', name: 'second', labels: { app: 'b' } });
    const empty = second.podSandboxId;
    const pods = await streamed();
    expect(pods.map(({ attributes }) => attributes?.id ?? '').sort()).toEqual(
      [main.podSandboxId, docker.podSandboxId, empty].sort(),
    );
    const made = pods.find(({ attributes }) => attributes?.id === docker.podSandboxId);
    expect(made?.attributes).toMatchObject({ metadata: { name: 'on-docker' } });
    const [container] = made?.linux?.containers ?? [];
    expect(container?.attributes?.id).toBe(docker.containerId);
    expect(made?.linux?.memory?.workingSetBytes).toEqual(container?.memory?.workingSetBytes);
    expect(made?.linux?.cpu?.usageCoreNanoSeconds).toEqual(container?.cpu?.usageCoreNanoSeconds);
    expect(made?.linux?.network).toBeNull();
    expect(pods.find(({ attributes }) => attributes?.id === empty)?.linux?.containers).toEqual([]);
    expect(await streamedIds({ id: docker.podSandboxId })).toEqual([docker.podSandboxId]);
    expect(await streamedIds({ labelSelector: { app: 'b' } })).toEqual([empty]);
    await world.client.call('StopPodSandbox', { podSandboxId: empty });
    expect(await streamedIds()).toEqual([main.podSandboxId, docker.podSandboxId].sort());
  });

  it('are made of them where no backend has any, and lack one that is away', async () => {
    world = await proxyWorld([{ ...MAIN, profile: 'containerd-1.4' }, DOCKER]);
    const [main, docker] = [await run(''), await run('docker')];
    expect(await streamedIds()).toEqual([main.podSandboxId, docker.podSandboxId].sort());
    await crash(world, 'docker');
    expect(await streamedIds()).toEqual([main.podSandboxId]);
    await crash(world, 'main');
    await expect(streamed()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('lack a backend that gives nothing to make them of', async () => {
    const hurried = { ...DOCKER, timeouts: { listMs: 200, statusMs: 500 } };
    world = await proxyWorld([MAIN, hurried]);
    const [main] = [await run(''), await run('docker')];
    const { faults } = world.runtime('docker');
    faults.add('ListContainerStats', { kind: 'refuse', status: 'UNKNOWN', message: 'busy' });
    expect(await streamedIds()).toEqual([main.podSandboxId]);
    faults.clear();
    faults.add('ListPodSandbox', { kind: 'hang' });
    expect(await streamedIds()).toEqual([main.podSandboxId]);
    faults.clear();
  });

  it('of the metrics leave a backend without them out, and the log says so once', async () => {
    world = await proxyWorld([MAIN, DOCKER]);
    const main = await run('');
    for (let round = 0; round < 2; round++) {
      const { podMetrics } = await world.client.call('ListPodSandboxMetrics', {});
      expect(podMetrics.map(({ podSandboxId }) => podSandboxId)).toEqual([main.podSandboxId]);
      const ids: string[] = [];
      for await (const { podSandboxMetrics } of world.connect().stream('StreamPodSandboxMetrics', {}))
        ids.push(...podSandboxMetrics.map(({ podSandboxId }) => podSandboxId));
      expect(ids).toEqual([main.podSandboxId]);
    }
    const gaps = world.lines.filter(({ text }) => text.startsWith('a backend has nothing for a list'));
    expect(gaps.map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ backend: 'docker', method: 'StreamPodSandboxMetrics' }),
    ]);
  });

  it('of the metrics are UNIMPLEMENTED only where all backends lack them, also those that are away', async () => {
    world = await proxyWorld([{ ...MAIN, profile: 'containerd-2.1' }, DOCKER]);
    const metrics = () => world.connect().call('ListPodSandboxMetrics', {});
    const descriptors = () => world.connect().call('ListMetricDescriptors', {});
    for (const away of [undefined, 'docker', 'main']) {
      if (away !== undefined) await crash(world, away);
      await expect(metrics()).rejects.toMatchObject(UNIMPLEMENTED);
      await expect(descriptors()).rejects.toMatchObject(UNIMPLEMENTED);
    }
  });
});
