// Containers: create, start, stop, remove, status, resources, log, checkpoint.
import { expect, it } from 'vitest';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { until } from '../../support/until.ts';
import { type Bench, CREATED, EXITED, RUNNING } from './bench.ts';

export function defineContainers(bench: Bench): void {
  const { traits } = bench.place;
  const statusOf = async (containerId: string) =>
    (await bench.cri.call('ContainerStatus', { containerId })).status;

  it('R2: a container can be used as soon as it was answered, and each step of its life shows in its status', async () => {
    const pod = await bench.pod();
    const containerId = await bench.container(pod);
    expect(await statusOf(containerId)).toMatchObject({ id: containerId, state: CREATED });
    await bench.cri.call('StartContainer', { containerId });
    expect((await statusOf(containerId))?.state).toBe(RUNNING);
    await bench.cri.call('StopContainer', { containerId, timeout: 0 });
    expect((await statusOf(containerId))?.state).toBe(EXITED);
    await bench.cri.call('StopContainer', { containerId, timeout: 0 });
    await bench.cri.call('RemoveContainer', { containerId });
    expect(await bench.code('ContainerStatus', { containerId })).toBe(traits.unknownId.ContainerStatus);
    expect((await bench.cri.call('ListContainers', { filter: { id: containerId } })).containers).toEqual([]);
  });

  it('tells of a container what a kubelet needs', async () => {
    const { containerId } = await bench.shared();
    expect(containerId).toMatch(/^[0-9a-f]{64}$/);
    const status = await statusOf(containerId);
    expect(status).toMatchObject({
      id: containerId,
      metadata: { name: 'main', attempt: 0 },
      state: RUNNING,
      labels: { 'io.kubernetes.container.name': 'main' },
    });
    expect(status?.createdAt).toBeGreaterThan(0);
    expect(status?.startedAt).toBeGreaterThanOrEqual(status?.createdAt ?? Number.POSITIVE_INFINITY);
    expect(status?.image?.image).not.toBe('');
    expect(status?.imageRef).toMatch(traits.usedRef);
  });

  it('tells more of a container when asked to be verbose', async () => {
    const { containerId } = await bench.shared();
    const { info } = await bench.cri.call('ContainerStatus', { containerId, verbose: true });
    expect(Object.keys(info)).not.toEqual([]);
    expect((await bench.cri.call('ContainerStatus', { containerId })).info).toEqual({});
  });

  it('keeps the exit code and the reason of a container that ended by itself', async () => {
    const containerId = await bench.running(await bench.pod(), { command: ['sh', '-c', 'exit 3'] });
    await bench.eventually(async () => (await statusOf(containerId))?.state === EXITED, 'it has ended');
    const status = await statusOf(containerId);
    expect(status).toMatchObject({ exitCode: 3, reason: 'Error' });
    // Not the start: a runtime notes that after the process runs, when a short one may be over.
    expect(status?.finishedAt).toBeGreaterThanOrEqual(status?.createdAt ?? Number.POSITIVE_INFINITY);
  });

  it('kills a container that does not heed SIGTERM when its time is up', async () => {
    const command = ['sh', '-c', "trap '' TERM; sleep 86400"];
    const pod = await bench.pod();
    let attempt = 0;
    // A shell that gets the signal before it has read its script ends by it: then once more.
    await until(async () => {
      const containerId = await bench.running(pod, { command, attempt: attempt++ });
      await bench.inTime(bench.cri.call('StopContainer', { containerId, timeout: 1 }));
      const status = await statusOf(containerId);
      expect(status?.state).toBe(EXITED);
      return status?.exitCode === 137;
    }, 'a container was killed');
  });

  it('does not start a container twice', async () => {
    const { containerId } = await bench.shared();
    expect(await bench.code('StartContainer', { containerId })).not.toBe('OK');
    expect((await statusOf(containerId))?.state).toBe(RUNNING);
  });

  it(`R12: answers ${traits.sameContainerAgain} to the same attempt at a container, and makes no second one`, async () => {
    const pod = await bench.pod();
    const containerId = await bench.container(pod, { name: 'main' });
    const { podSandboxId } = pod;
    const config = aContainerConfig({ image: bench.target.image, name: 'main' });
    const again = { podSandboxId, config, sandboxConfig: pod.config };
    expect(await bench.code('CreateContainer', again)).toBe(traits.sameContainerAgain);
    const { containers } = await bench.cri.call('ListContainers', { filter: { podSandboxId } });
    expect(containers.map(({ id }) => id)).toEqual([containerId]);
  });

  it(`R12: answers ${traits.absentImage} and the name to a container of an image that is not there`, async () => {
    const { podSandboxId, config: sandboxConfig } = await bench.shared();
    const config = aContainerConfig({ image: 'conformance.test/absent:1', name: 'no-image' });
    const reply = await bench.attempt('CreateContainer', { podSandboxId, config, sandboxConfig });
    expect(reply.details).toContain('conformance.test/absent:1');
    expect(await bench.code('CreateContainer', { podSandboxId, config, sandboxConfig })).toBe(
      traits.absentImage,
    );
  });

  it('R14: makes a container in the sandbox that the call names, whatever pod config comes with it', async () => {
    const pod = await bench.pod();
    const sandboxConfig = aPodSandboxConfig({
      namespace: 'elsewhere',
      annotations: { 'switchyard.dev/backend': 'elsewhere' },
      logDirectory: bench.target.logs,
    });
    const { podSandboxId } = pod;
    const config = aContainerConfig({ image: bench.target.image });
    const { containerId } = await bench.cri.call('CreateContainer', { podSandboxId, config, sandboxConfig });
    const { containers } = await bench.cri.call('ListContainers', { filter: { id: containerId } });
    expect(containers.map((one) => one.podSandboxId)).toEqual([podSandboxId]);
  });

  it('writes the log of a container below the log directory of its pod', async () => {
    const pod = await bench.pod();
    const containerId = await bench.container(pod, { logPath: 'main.log' });
    expect((await statusOf(containerId))?.logPath).toBe(`${pod.config.logDirectory}/main.log`);
  });

  it(traits.reopensLogs ? 'reopens the log of a container' : 'says that it cannot reopen a log', async () => {
    const { containerId } = await bench.shared();
    const code = await bench.code('ReopenContainerLog', { containerId });
    expect(code).toBe(traits.reopensLogs ? 'OK' : 'UNKNOWN');
  });

  it('changes the resources of a running container', async () => {
    const containerId = await bench.running(await bench.pod());
    const linux = { cpuShares: 512, memoryLimitInBytes: 64 << 20 };
    await bench.cri.call('UpdateContainerResources', { containerId, linux });
    expect((await statusOf(containerId))?.state).toBe(RUNNING);
  });

  it('makes a checkpoint of a container, where it can', async () => {
    const { containerId } = await bench.shared();
    const code = await bench.code('CheckpointContainer', { containerId, location: '/checkpoint.tar' });
    if (bench.lacks('CheckpointContainer')) expect(code).toBe('UNIMPLEMENTED');
    else expect(code).toBe(traits.hasCriu ? 'OK' : 'UNKNOWN');
  });
}
