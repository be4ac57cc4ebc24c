// Pod sandboxes: run, status, stop, remove, resources, checkpoint.
import { expect, it } from 'vitest';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';
import { type Bench, CREATED, NOT_READY, READY } from './bench.ts';

export function definePodSandboxes(bench: Bench): void {
  const { place } = bench;
  const { traits } = place;
  const statusOf = async (podSandboxId: string) =>
    (await bench.cri.call('PodSandboxStatus', { podSandboxId })).status;

  it('R2: a pod sandbox can be asked for as soon as it was answered, with all that a kubelet needs of it', async () => {
    const pod = await bench.pod({ labels: { tier: 'front' }, annotations: { note: 'kept' } });
    const status = await statusOf(pod.podSandboxId);
    expect(status).toMatchObject({
      id: pod.podSandboxId,
      state: READY,
      metadata: { name: pod.config.metadata?.name, uid: pod.uid, namespace: 'default', attempt: 0 },
      labels: pod.config.labels,
      annotations: { note: 'kept' },
      linux: { namespaces: { options: { network: 0 } } },
    });
    expect(status?.createdAt).toBeGreaterThan(0);
    expect(status?.network?.ip).toMatch(/^10\./);
  });

  it('R1: a pod sandbox has one id of 64 hexadecimal digits in every answer', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    expect(podSandboxId).toMatch(/^[0-9a-f]{64}$/);
    expect((await statusOf(podSandboxId))?.id).toBe(podSandboxId);
    const { items } = await bench.cri.call('ListPodSandbox', { filter: { id: podSandboxId } });
    expect(items.map(({ id }) => id)).toEqual([podSandboxId]);
    const { containers } = await bench.cri.call('ListContainers', { filter: { id: containerId } });
    expect(containers.map((one) => one.podSandboxId)).toEqual([podSandboxId]);
  });

  it('tells more of a pod sandbox when asked to be verbose', async () => {
    const { podSandboxId } = await bench.shared();
    const { info } = await bench.cri.call('PodSandboxStatus', { podSandboxId, verbose: true });
    expect(Object.keys(info)).not.toEqual([]);
    expect((await bench.cri.call('PodSandboxStatus', { podSandboxId })).info).toEqual({});
  });

  it(`tells the runtime handler of a pod as "${traits.showsHandler ? place.ownHandler : ''}"`, async () => {
    const { podSandboxId } = await bench.shared();
    const shown = traits.showsHandler ? place.ownHandler : '';
    expect((await statusOf(podSandboxId))?.runtimeHandler).toBe(shown);
  });

  it('runs a pod in the network of the host, which has no address of its own', async () => {
    const { podSandboxId } = await bench.pod({ hostNetwork: true });
    const status = await statusOf(podSandboxId);
    expect(status?.network?.ip ?? '').toBe('');
    expect(status?.linux?.namespaces?.options?.network).toBe(2);
  });

  it('R4: stops and removes a pod sandbox, and does not mind being told again', async () => {
    const pod = await bench.pod();
    const { podSandboxId } = pod;
    await bench.cri.call('StopPodSandbox', { podSandboxId });
    await bench.cri.call('StopPodSandbox', { podSandboxId });
    expect((await statusOf(podSandboxId))?.state).toBe(NOT_READY);
    await bench.cri.call('RemovePodSandbox', { podSandboxId });
    expect(await bench.code('RemovePodSandbox', { podSandboxId })).toBe(traits.unknownId.RemovePodSandbox);
    expect(await bench.code('StopPodSandbox', { podSandboxId })).toBe(traits.unknownId.StopPodSandbox);
    expect(await bench.code('PodSandboxStatus', { podSandboxId })).toBe(traits.unknownId.PodSandboxStatus);
    expect((await bench.cri.call('ListPodSandbox', { filter: { id: podSandboxId } })).items).toEqual([]);
  });

  it('takes the containers of a pod sandbox away with it', async () => {
    const pod = await bench.pod();
    const containerId = await bench.running(pod);
    const { podSandboxId } = pod;
    await bench.cri.call('StopPodSandbox', { podSandboxId });
    await bench.cri.call('RemovePodSandbox', { podSandboxId });
    expect(await bench.code('ContainerStatus', { containerId })).toBe(traits.unknownId.ContainerStatus);
    expect((await bench.cri.call('ListContainers', { filter: { id: containerId } })).containers).toEqual([]);
  });

  it(`answers ${traits.unknownHandler} and the name to a runtime handler that it does not have`, async () => {
    const config = aPodSandboxConfig({ cgroupParent: bench.target.cgroupParent });
    const uid = config.metadata?.uid ?? '';
    const run = bench.attempt('RunPodSandbox', { config, runtimeHandler: 'nothing-such' });
    expect((await run).details).toContain('nothing-such');
    expect(await bench.code('RunPodSandbox', { config, runtimeHandler: 'nothing-such' })).toBe(
      traits.unknownHandler,
    );
    const filter = { labelSelector: { 'io.kubernetes.pod.uid': uid } };
    expect((await bench.cri.call('ListPodSandbox', { filter })).items).toEqual([]);
  });

  it(`R12: answers ${traits.samePodAgain} to the same attempt at a pod, and makes no second one`, async () => {
    const pod = await bench.pod();
    const request = { config: pod.config, runtimeHandler: place.handler };
    expect(await bench.code('RunPodSandbox', request)).toBe(traits.samePodAgain);
    const { items } = await bench.cri.call('ListPodSandbox', {
      filter: { labelSelector: { 'io.kubernetes.pod.uid': pod.uid } },
    });
    expect(items.map(({ id }) => id)).toEqual([pod.podSandboxId]);
  });

  it('runs another attempt at a pod that was stopped, and shows both', async () => {
    const first = await bench.pod();
    await bench.cri.call('StopPodSandbox', { podSandboxId: first.podSandboxId });
    const second = await bench.pod({
      uid: first.uid,
      name: first.config.metadata?.name ?? '',
      attempt: 1,
    });
    const { items } = await bench.cri.call('ListPodSandbox', {
      filter: { labelSelector: { 'io.kubernetes.pod.uid': first.uid } },
    });
    expect(items.map(({ id, state, metadata }) => [id, state, metadata?.attempt]).sort()).toEqual(
      [
        [first.podSandboxId, NOT_READY, 0],
        [second.podSandboxId, READY, 1],
      ].sort(),
    );
  });

  it('changes the resources of a pod, where it can', async () => {
    const { podSandboxId } = await bench.pod();
    const code = await bench.code('UpdatePodSandboxResources', { podSandboxId, resources: { cpuShares: 7 } });
    expect(code).toBe(bench.lacks('UpdatePodSandboxResources') ? 'UNIMPLEMENTED' : 'OK');
  });

  it('R2: restores a pod from its checkpoint, where it can, and answers for it and its containers at once', async () => {
    const pod = await bench.pod();
    await bench.running(pod, { name: 'db' });
    const outputPath = `/checkpoint-${pod.uid}.tar`;
    const checkpoint = { podSandboxId: pod.podSandboxId, outputPath };
    const config = aPodSandboxConfig({ cgroupParent: bench.target.cgroupParent });
    const restore = { checkpointPath: outputPath, config, runtimeHandler: place.handler };
    if (bench.lacks('RestorePod')) {
      expect(await bench.code('CheckpointPod', checkpoint)).toBe('UNIMPLEMENTED');
      expect(await bench.code('RestorePod', restore)).toBe('UNIMPLEMENTED');
      return;
    }
    await bench.cri.call('CheckpointPod', checkpoint);
    const { podSandboxId, restoredContainers } = await bench.cri.call('RestorePod', restore);
    bench.adopt(podSandboxId);
    expect((await statusOf(podSandboxId))?.metadata?.uid).toBe(config.metadata?.uid);
    expect(restoredContainers).toMatchObject([{ name: 'db' }]);
    const containerId = restoredContainers[0]?.containerId ?? '';
    const { status } = await bench.cri.call('ContainerStatus', { containerId });
    expect(status).toMatchObject({ id: containerId, state: CREATED, metadata: { name: 'db' } });
  });
}
