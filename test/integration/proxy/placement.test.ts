import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CriClient } from '../../support/cri-client.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';

describe('pods over several runtimes', () => {
  let world: ProxyWorld;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'containerd', profile: 'containerd-2.1' },
      { name: 'crio', profile: 'cri-o', handlers: { fast: 'crun' } },
      { name: 'docker', profile: 'cri-dockerd', handlers: { docker: 'docker' } },
    ]);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  it('places a pod by its runtime handler, and one without on the default backend', async () => {
    const { client } = world;
    const plain = await runPod(client);
    const fast = await runPod(client, { handler: 'fast' });
    const docker = await runPod(client, { handler: 'docker' });
    for (const [name, pod] of Object.entries({ containerd: plain, crio: fast, docker })) {
      using direct = new CriClient(world.socketOf(name));
      const { items } = await direct.call('ListPodSandbox', { filter: { id: pod.podSandboxId } });
      expect(items.map(({ id }) => id)).toEqual([pod.podSandboxId]);
      expect(world.runtime(name).journal.filter(({ method }) => method === 'RunPodSandbox')).toHaveLength(1);
    }
  });

  it('refuses a runtime handler that nothing exposes, and asks no backend', async () => {
    await expect(runPod(world.client, { handler: 'kata' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('kata'),
    });
    for (const name of ['containerd', 'crio', 'docker']) {
      expect(world.runtime(name).journal.filter(({ method }) => method === 'RunPodSandbox')).toEqual([]);
    }
  });

  it('sends every later call about a pod and its containers to the owner, and joins the lists', async () => {
    const { client } = world;
    const pods = [await runPod(client), await runPod(client, { handler: 'fast' })];
    const containers = await Promise.all(
      pods.map((pod) => runContainer(client, pod, { image: SIMULATED_IMAGE })),
    );
    const listed = await client.call('ListContainers', {});
    expect(listed.containers.map(({ id }) => id).sort()).toEqual([...containers].sort());
    for (const containerId of containers) {
      const { status: containerStatus } = await client.call('ContainerStatus', { containerId });
      expect(containerStatus?.id).toBe(containerId);
      const { stdout } = await client.call('ExecSync', { containerId, cmd: ['echo', 'hello'] });
      expect(stdout.toString()).toBe('hello\n');
      await client.call('StopContainer', { containerId, timeout: 0 });
      await client.call('RemoveContainer', { containerId });
    }
    for (const { podSandboxId } of pods) {
      await client.call('StopPodSandbox', { podSandboxId });
      await client.call('RemovePodSandbox', { podSandboxId });
    }
    expect((await client.call('ListPodSandbox', {})).items).toEqual([]);
    expect((await client.call('ListContainers', {})).containers).toEqual([]);
  });
});
