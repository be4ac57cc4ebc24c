// That what is answered for an absent backend is never older than what it said last, whichever way that came.
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { aContainerConfig } from '../../support/cri-configs.ts';
import { runPod } from '../../support/cri-pod.ts';
import { crash } from '../../support/image-world.ts';
import { type ProxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { aPodOnTwo, list, look, twoBackends } from '../../support/status-world.ts';
import { until } from '../../support/until.ts';

const READY = 0;
const NOTREADY = 1;
const RUNNING = 1;
const EXITED = 2;

/** The container of a pod as runtime two has it. */
function containerOf(world: ProxyWorld, { containerId }: { containerId: string }) {
  return world.runtime('two').world.containers.get(containerId) ?? expect.unreachable('it is there');
}

/** The states in the lists: of the sandbox, and of the container. */
async function listed(client: ProxyWorld['client']) {
  const [{ items }, { containers }] = [
    await client.call('ListPodSandbox', {}),
    await client.call('ListContainers', {}),
  ];
  return [items[0]?.state, containers[0]?.state];
}

describe('the status of what an absent backend has', () => {
  it('is never older than the last that passed, however long that was, also after a restart', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const runtime = world.runtime('two');
    const exits: string[] = [];
    for (const sizeBytes of [20_000, 40_000, 400_000]) {
      const pod = await aPodOnTwo(world);
      const { containerId } = pod;
      expect((await look(world, pod)).container).toMatchObject({ state: RUNNING });
      const container = runtime.world.containers.get(containerId) ?? expect.unreachable('it is there');
      runtime.world.exitContainer(container, 3);
      Object.assign(container.exit ?? {}, { reason: `Error${'x'.repeat(sizeBytes)}` });
      expect((await look(world, pod)).container).toMatchObject({ state: EXITED, exitCode: 3 });
      exits.push(containerId);
    }
    const told = async (client: ProxyWorld['client']) =>
      await Promise.all(
        exits.map(async (containerId) => (await client.call('ContainerStatus', { containerId })).status),
      );
    runtime.crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    for (const isRestarted of [false, true]) {
      if (isRestarted) await world.restart('two');
      const [whole, stub, unseen] = await told(isRestarted ? world.connect() : client);
      expect(whole).toMatchObject({ state: EXITED, exitCode: 3, reason: `Error${'x'.repeat(20_000)}` });
      expect(stub).toMatchObject({ state: EXITED, exitCode: 3, reason: `Error${'x'.repeat(59)}` });
      expect(stub?.metadata).toMatchObject({ name: 'main' });
      expect(BigInt(stub?.finishedAt ?? 0)).toBeGreaterThan(BigInt(stub?.startedAt ?? 0));
      // Of one that was not even looked at, what the list says.
      expect(unseen).toMatchObject({ state: RUNNING, exitCode: 0, reason: '' });
    }
  });

  it('is not that of a reply that was long on its way', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await aPodOnTwo(world);
    const { containerId } = pod;
    const runtime = world.runtime('two');
    const hang = runtime.faults.add('ContainerStatus', { kind: 'hang', when: 'after' }, { calls: 1 });
    const slow = client.call('ContainerStatus', { containerId });
    await until(() => hang.hits === 1, 'the call hangs');
    const container = runtime.world.containers.get(containerId) ?? expect.unreachable('it is there');
    runtime.world.exitContainer(container, 0);
    const fast = (await client.call('ContainerStatus', { containerId })).status;
    expect(fast).toMatchObject({ state: EXITED, exitCode: 0 });
    hang.clear();
    expect((await slow).status?.state).toBe(RUNNING);
    await list(world);
    runtime.crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    expect((await client.call('ContainerStatus', { containerId })).status).toEqual(fast);
  });

  it('is the real exit or none: a runtime that hangs when it is asked for it is asked again', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await aPodOnTwo(world);
    await look(world, pod);
    const { containerId } = pod;
    const runtime = world.runtime('two');
    runtime.world.exitContainer(containerOf(world, pod), 0);
    // As PLEG does: the list shows that it has ended, and its status is asked for.
    await list(world);
    runtime.faults.add('*', { kind: 'hang' });
    await expect(client.call('ContainerStatus', { containerId })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    runtime.faults.clear();
    const ends = async () =>
      await client.call('ContainerStatus', { containerId }).then(
        (reply) => reply.status,
        () => undefined,
      );
    await until(async () => (await ends())?.state === EXITED, 'the backend answers again');
    expect(await ends()).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  it('is in the lists at once, so that a stop that was answered OK shows in them', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await aPodOnTwo(world);
    const { containerId, podSandboxId } = pod;
    world.runtime('two').world.exitContainer(containerOf(world, pod), 0);
    Object.assign(world.runtime('two').world.sandboxes.get(podSandboxId) ?? {}, { state: NOTREADY });
    await look(world, pod);
    await crash(world, 'two');
    for (const isRestarted of [false, true]) {
      if (isRestarted) await world.restart('two');
      const to = isRestarted ? world.connect() : client;
      expect(await look({ ...world, client: to }, pod)).toMatchObject({
        sandbox: { state: NOTREADY },
        container: { state: EXITED, exitCode: 0 },
      });
      expect(await listed(to)).toEqual([NOTREADY, EXITED]);
      await to.call('StopContainer', { containerId });
      await to.call('StopPodSandbox', { podSandboxId });
      expect(await listed(to)).toEqual([NOTREADY, EXITED]);
    }
  });

  it('is not the end of what a list has shown alive since, also after a restart: it is not stopped', async () => {
    await using world = await twoBackends();
    const pod = await aPodOnTwo(world);
    const { containerId, podSandboxId } = pod;
    const container = containerOf(world, pod);
    const sandbox = world.runtime('two').world.sandboxes.get(podSandboxId) ?? {};
    world.runtime('two').world.exitContainer(container, 0);
    Object.assign(sandbox, { state: NOTREADY });
    await look(world, pod);
    // `docker start` of both.
    Object.assign(container, { state: RUNNING });
    Object.assign(sandbox, { state: READY });
    await list(world);
    await crash(world, 'two');
    for (const isRestarted of [false, true]) {
      if (isRestarted) await world.restart('two');
      const client = isRestarted ? world.connect() : world.client;
      expect(await look({ ...world, client }, pod)).toMatchObject({
        sandbox: { state: READY },
        container: { state: RUNNING, exitCode: 0 },
      });
      expect(await listed(client)).toEqual([READY, RUNNING]);
      for (const call of [
        client.call('StopContainer', { containerId }),
        client.call('StopPodSandbox', { podSandboxId }),
      ])
        await expect(call).rejects.toMatchObject({ code: status.UNAVAILABLE });
    }
  });

  it('is none where its owner has said that there is no such object, also after a restart', async () => {
    await using world = await twoBackends();
    const pod = await aPodOnTwo(world);
    const { containerId, podSandboxId } = pod;
    await look(world, pod);
    using direct = world.direct('two');
    await direct.call('StopPodSandbox', { podSandboxId });
    await direct.call('RemovePodSandbox', { podSandboxId });
    const expectBoth = async (client: ProxyWorld['client'], code: number) => {
      for (const call of [
        client.call('ContainerStatus', { containerId }),
        client.call('PodSandboxStatus', { podSandboxId }),
      ])
        await expect(call).rejects.toMatchObject({ code });
    };
    await expectBoth(world.client, status.NOT_FOUND);
    await crash(world, 'two');
    await expectBoth(world.client, status.UNAVAILABLE);
    await world.restart('two');
    await expectBoth(world.connect(), status.UNAVAILABLE);
  });

  it.each(['answered', 'lost'] as const)(
    'has no resources after a call that changed them (%s), rather than old ones, until it is seen again',
    async (outcome) => {
      await using world = await twoBackends();
      const { client } = world;
      const pod = await aPodOnTwo(world);
      const { containerId } = pod;
      const before = await look(world, pod);
      expect(before.container?.resources ?? null).not.toBeNull();
      const seen = world.lines.length;
      const fault = { kind: 'cut', when: 'after' } as const;
      if (outcome === 'lost')
        world.runtime('two').faults.add('UpdateContainerResources', fault, { calls: 1 });
      const update = client.call('UpdateContainerResources', { containerId, linux: { cpuShares: 512 } });
      if (outcome === 'answered') await update;
      else {
        await expect(update).rejects.toMatchObject({ code: status.UNAVAILABLE });
        const isReady = ({ text }: { text: string }) => text === 'backend is ready';
        await until(() => world.lines.slice(seen).some(isReady), 'the backend is ready again');
      }
      const told = async (to = client) => (await to.call('ContainerStatus', { containerId })).status;
      await crash(world, 'two');
      const unknown = { ...before.container, resources: null };
      expect(await told()).toEqual(unknown);
      await world.restart('two');
      expect(await told(world.connect())).toEqual(unknown);
      await world.runtime('two').restart();
      const again = world.connect();
      await until(async () => ((await told(again))?.resources ?? null) !== null, 'its owner has told');
      const now = await told(again);
      expect(now?.resources?.linux?.cpuShares).toBe(512);
      await crash(world, 'two');
      expect(await told(again)).toEqual(now);
    },
  );

  it('does not let a sandbox be stopped while a start in it is in doubt', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const runtime = world.runtime('two');
    const pod = await runPod(client, { handler: 'two' });
    const { podSandboxId } = pod;
    const config = aContainerConfig({ image: SIMULATED_IMAGE });
    const { containerId } = await client.call('CreateContainer', {
      ...{ podSandboxId, config, sandboxConfig: pod.config },
    });
    await list(world);
    const seen = world.lines.length;
    runtime.faults.add('ListContainers', { kind: 'refuse', status: 'UNKNOWN', message: 'locked' });
    runtime.faults.add('StartContainer', { kind: 'cut', when: 'after' }, { calls: 1 });
    await expect(client.call('StartContainer', { containerId })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    await until(
      () => world.lines.slice(seen).some(({ text }) => text === 'backend is ready'),
      'the backend is ready again',
    );
    const sandbox = runtime.world.sandboxes.get(podSandboxId) ?? expect.unreachable('it is there');
    Object.assign(sandbox, { state: 1 });
    await list(world);
    await client.call('PodSandboxStatus', { podSandboxId });
    expect(runtime.world.containers.get(containerId)?.stateName).toBe('CONTAINER_RUNNING');
    runtime.crash();
    await until(
      () => world.lines.slice(seen).some(({ text }) => text === 'backend is absent'),
      'the backend is absent',
    );
    await expect(client.call('StopPodSandbox', { podSandboxId })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });
});
