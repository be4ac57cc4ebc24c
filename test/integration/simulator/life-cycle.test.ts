// The life of pods and containers in the simulated runtimes, over real sockets, as a kubelet leads it.
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES } from '../../../src/simulator/profile.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { BUSYBOX, CREATED, EXITED, leaveDuring, NOT_READY, READY, RUNNING, stage } from './stage.ts';

describe.each(PROFILE_NAMES)('the life of a pod in %s', (profile) => {
  it('gives a ready sandbox with the pod’s metadata, an address and a 64-digit id', async () => {
    await using at = await stage(profile);
    const podSandboxId = await at.pod({ name: 'web', namespace: 'shop', uid: 'u-1', labels: { app: 'web' } });
    const { status } = await at.client.call('PodSandboxStatus', { podSandboxId });
    expect(podSandboxId).toMatch(/^[0-9a-f]{64}$/);
    expect(status).toMatchObject({
      id: podSandboxId,
      metadata: { name: 'web', namespace: 'shop', uid: 'u-1', attempt: 0 },
      state: READY,
      network: { ip: expect.stringMatching(/^10\./) },
      labels: { app: 'web' },
    });
    expect(Math.abs((status?.createdAt ?? 0) / 1e6 - Date.now())).toBeLessThan(60_000);
  });

  it('takes a container through created, running and exited, with times in that order', async () => {
    await using at = await stage(profile);
    const containerId = await at.container(await at.pod());
    const status = async () => (await at.client.call('ContainerStatus', { containerId })).status;
    expect(await status()).toMatchObject({ state: CREATED, startedAt: 0, finishedAt: 0 });
    await at.client.call('StartContainer', { containerId });
    expect(await status()).toMatchObject({ state: RUNNING, metadata: { name: 'main', attempt: 0 } });
    await at.client.call('StopContainer', { containerId, timeout: 2 });
    const ended = await status();
    expect(ended).toMatchObject({ state: EXITED, exitCode: 143, reason: 'Error' });
    expect(ended?.startedAt).toBeGreaterThan(ended?.createdAt ?? 0);
    expect(ended?.finishedAt).toBeGreaterThan(ended?.startedAt ?? 0);
  });

  it('ends a container with its command’s exit code', async () => {
    await using at = await stage(profile);
    const sandbox = await at.pod();
    const completed = await at.running(sandbox, 'good', ['true']);
    const failed = await at.running(sandbox, 'bad', ['sh', '-c', 'exit 3']);
    const status = async (containerId: string) =>
      (await at.client.call('ContainerStatus', { containerId })).status;
    await until(async () => (await status(failed))?.state === EXITED, 'the container exits');
    expect(await status(completed)).toMatchObject({ state: EXITED, exitCode: 0, reason: 'Completed' });
    expect(await status(failed)).toMatchObject({ state: EXITED, exitCode: 3, reason: 'Error' });
  });

  it('stops the containers with their sandbox, and removes them with it', async () => {
    await using at = await stage(profile);
    const podSandboxId = await at.pod();
    const containerId = await at.running(podSandboxId);
    await at.client.call('StopPodSandbox', { podSandboxId });
    const { items } = await at.client.call('ListPodSandbox', {});
    expect(items).toMatchObject([{ id: podSandboxId, state: NOT_READY }]);
    const { containers } = await at.client.call('ListContainers', {});
    expect(containers).toMatchObject([{ id: containerId, podSandboxId, state: EXITED }]);
    await at.client.call('RemovePodSandbox', { podSandboxId });
    expect((await at.client.call('ListPodSandbox', {})).items).toEqual([]);
    expect((await at.client.call('ListContainers', {})).containers).toEqual([]);
  });

  it('takes repeated stops and removals of what it has', async () => {
    await using at = await stage(profile);
    const podSandboxId = await at.pod();
    const containerId = await at.running(podSandboxId);
    for (let round = 0; round < 2; round++) {
      await at.client.call('StopContainer', { containerId, timeout: 0 });
      await at.client.call('StopPodSandbox', { podSandboxId });
    }
    const { status } = await at.client.call('ContainerStatus', { containerId });
    expect(status).toMatchObject({ state: EXITED, exitCode: 137 });
  });

  it('takes the next attempt of a pod beside the one before', async () => {
    await using at = await stage(profile);
    const first = await at.pod({ name: 'web', uid: 'u-1', attempt: 0 });
    const second = await at.pod({ name: 'web', uid: 'u-1', attempt: 1 });
    expect(second).not.toBe(first);
    expect((await at.client.call('ListPodSandbox', {})).items).toHaveLength(2);
  });

  it('gives a name free again when its sandbox is removed', async () => {
    await using at = await stage(profile);
    const podSandboxId = await at.pod({ name: 'web', uid: 'u-1' });
    await at.client.call('RemovePodSandbox', { podSandboxId });
    expect(await at.pod({ name: 'web', uid: 'u-1' })).not.toBe(podSandboxId);
  });
});

describe('containers', () => {
  it('outlive SIGTERM for the whole grace period when they trap it', async () => {
    const clock = new FakeClock();
    await using at = await stage('reference', { clock });
    const stubborn = ['sh', '-c', "trap '' TERM; sleep infinity"];
    const containerId = await at.running(await at.pod(), 'stubborn', stubborn);
    const stop = at.client.call('StopContainer', { containerId, timeout: 30 });
    await until(() => at.runtime.journal.at(-1)?.method === 'StopContainer', 'the call arrives');
    clock.advance(29_999);
    const status = async () => (await at.client.call('ContainerStatus', { containerId })).status;
    expect(await status()).toMatchObject({ state: RUNNING });
    clock.advance(1);
    await stop;
    expect(await status()).toMatchObject({ state: EXITED, exitCode: 137 });
  });

  it('go on when the client that stops them leaves within the grace period', async () => {
    await using at = await stage('reference');
    const containerId = await at.running(await at.pod(), 'stubborn', [
      'sh',
      '-c',
      "trap '' TERM; sleep infinity",
    ]);
    await leaveDuring(at, 'StopContainer', (signal) =>
      at.client.call('StopContainer', { containerId, timeout: 600 }, { signal }),
    );
    const { status } = await at.client.call('ContainerStatus', { containerId });
    expect(status?.state).toBe(RUNNING);
  });

  it('show their log path below the log directory of their pod', async () => {
    await using at = await stage('reference');
    const podSandboxId = await at.pod();
    const config = aContainerConfig({ image: BUSYBOX, logPath: 'main/0.log' });
    const sandboxConfig = aPodSandboxConfig({ logDirectory: '/var/log/pods/a_b_c' });
    const { containerId } = await at.client.call('CreateContainer', { podSandboxId, config, sandboxConfig });
    const { status } = await at.client.call('ContainerStatus', { containerId });
    expect(status?.logPath).toBe('/var/log/pods/a_b_c/main/0.log');
  });

  it('cannot start twice, or in a sandbox that is stopped', async () => {
    await using at = await stage('containerd-2.1');
    const podSandboxId = await at.pod();
    const started = await at.running(podSandboxId, 'one');
    const waiting = await at.container(podSandboxId, 'two');
    await expect(at.client.call('StartContainer', { containerId: started })).rejects.toMatchObject({
      code: 2,
    });
    await at.client.call('StopPodSandbox', { podSandboxId });
    await expect(at.client.call('StartContainer', { containerId: waiting })).rejects.toMatchObject({
      code: 2,
    });
  });

  it('are refused when the image is not there', async () => {
    await using at = await stage('containerd-2.1');
    const podSandboxId = await at.pod();
    const config = aContainerConfig({ image: 'localhost/nothing:1' });
    const create = at.client.call('CreateContainer', {
      podSandboxId,
      config,
      sandboxConfig: aPodSandboxConfig(),
    });
    await expect(create).rejects.toMatchObject({
      code: 5,
      details: expect.stringContaining('localhost/nothing:1'),
    });
  });

  it('take new resources and reopened logs while they run', async () => {
    await using at = await stage('reference');
    const containerId = await at.running(await at.pod());
    await at.client.call('UpdateContainerResources', { containerId, linux: { cpuShares: 512 } });
    await at.client.call('ReopenContainerLog', { containerId });
    const { status } = await at.client.call('ContainerStatus', { containerId });
    expect(status?.resources?.linux?.cpuShares).toBe(512);
    expect(at.runtime.world.containers.get(containerId)?.logReopens).toBe(1);
  });
});

describe('pods', () => {
  it('in the host’s network have no address', async () => {
    await using at = await stage('reference');
    const podSandboxId = await at.pod({ hostNetwork: true });
    const { status } = await at.client.call('PodSandboxStatus', { podSandboxId });
    expect(status).toMatchObject({ network: { ip: '' }, linux: { namespaces: { options: { network: 2 } } } });
  });

  it('come back from a checkpoint with their containers under new ids', async () => {
    await using at = await stage('reference');
    const podSandboxId = await at.pod();
    const containerId = await at.running(podSandboxId, 'db');
    await at.client.call('CheckpointContainer', { containerId, location: '/c.tar' });
    await at.client.call('CheckpointPod', { podSandboxId, outputPath: '/p.tar' });
    const config = aPodSandboxConfig({ name: 'again' });
    const restored = await at.client.call('RestorePod', {
      checkpointPath: '/p.tar',
      config,
      runtimeHandler: '',
    });
    expect(restored.restoredContainers).toMatchObject([{ name: 'db' }]);
    expect(restored.restoredContainers[0]?.containerId).not.toBe(containerId);
    const { containers } = await at.client.call('ListContainers', {
      filter: { podSandboxId: restored.podSandboxId },
    });
    expect(containers).toMatchObject([{ metadata: { name: 'db' }, state: CREATED }]);
  });

  it('keep what was asked of them, also fields the list does not show', async () => {
    await using at = await stage('reference');
    const podSandboxId = await at.pod();
    await at.client.call('UpdatePodSandboxResources', { podSandboxId, resources: { cpuShares: 7 } });
    await at.client.call('UpdateRuntimeConfig', {
      runtimeConfig: { networkConfig: { podCidr: '10.9.0.0/24' } },
    });
    expect(at.runtime.world.sandboxes.get(podSandboxId)?.resources?.cpuShares).toBe(7n);
    expect(at.runtime.world.podCidr).toBe('10.9.0.0/24');
  });
});
