// PodSandboxStatus and ContainerStatus of objects whose backend is away: answered as far as their state is known.
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { aPodOnTwo, list, look, twoBackends } from '../../support/status-world.ts';
import { until } from '../../support/until.ts';

const READY = 0;
const NOTREADY = 1;
const RUNNING = 1;
const EXITED = 2;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: expect.stringContaining('backend two is ') };

async function crash(world: ProxyWorld): Promise<void> {
  world.runtime('two').crash();
  await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
}

describe('the status of what an absent backend has', () => {
  it('is what it last said, without the verbose info, and counted', async () => {
    await using world = await twoBackends();
    const pod = await aPodOnTwo(world);
    const { podSandboxId, containerId } = pod;
    const { client } = world;
    const before = {
      sandbox: (await client.call('PodSandboxStatus', { podSandboxId, verbose: true })).status,
      container: (await client.call('ContainerStatus', { containerId, verbose: true })).status,
    };
    await crash(world);
    expect(await look(world, pod)).toEqual(before);
    expect(before.sandbox).toMatchObject({ state: READY, network: { ip: expect.stringMatching(/\d/) } });
    expect(before.container).toMatchObject({ state: RUNNING });
    expect((await client.call('PodSandboxStatus', { podSandboxId, verbose: true })).info).toEqual({});
    expect((await client.call('ContainerStatus', { containerId, verbose: true })).info).toEqual({});
    // By the beginning of an id, too.
    const short = await client.call('ContainerStatus', { containerId: containerId.slice(0, 13) });
    expect(short.status).toEqual(before.container);
  });

  it('goes on with what went through Switchyard, and with what later lists show', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const [stopped, died] = [await aPodOnTwo(world), await aPodOnTwo(world)];
    await look(world, stopped);
    await look(world, died);
    const runtime = world.runtime('two');
    const container = runtime.world.containers.get(died.containerId) ?? expect.unreachable('it is there');
    runtime.world.exitContainer(container, 7);
    await list(world);
    await client.call('StopPodSandbox', { podSandboxId: stopped.podSandboxId });
    await crash(world);
    const seen = await look(world, stopped);
    const unseen = { state: EXITED, exitCode: 255, reason: 'Unknown' };
    expect(seen).toMatchObject({ sandbox: { state: NOTREADY }, container: unseen });
    const { startedAt, finishedAt } = seen.container ?? expect.unreachable('it has a status');
    expect(BigInt(finishedAt)).toBeGreaterThan(BigInt(startedAt));
    // The same at each look, or a kubelet would write it to the API server each time.
    expect(await look(world, stopped)).toEqual(seen);
    // Only its owner knows how this one ended, and will say so.
    const { podSandboxId, containerId } = died;
    expect((await client.call('PodSandboxStatus', { podSandboxId })).status?.state).toBe(READY);
    await expect(client.call('ContainerStatus', { containerId })).rejects.toMatchObject(UNAVAILABLE);
    await client.call('StopContainer', { containerId });
  });

  it('is made of the lists where it was never asked for, but for a sandbox that may be ready', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await aPodOnTwo(world);
    const { podSandboxId, containerId } = pod;
    const stopped = await aPodOnTwo(world);
    await client.call('StopPodSandbox', { podSandboxId: stopped.podSandboxId });
    await crash(world);
    const { status: container } = await client.call('ContainerStatus', { containerId });
    expect(container).toMatchObject({
      id: containerId,
      metadata: { name: 'main' },
      state: RUNNING,
      labels: { 'io.kubernetes.container.name': 'main' },
    });
    expect(container?.image?.image).not.toBe('');
    expect(container?.imageRef).not.toBe('');
    expect(BigInt(container?.startedAt ?? 0)).toBeGreaterThan(0n);
    // Its address is not known, and a kubelet kills a pod whose sandbox has none.
    await expect(client.call('PodSandboxStatus', { podSandboxId })).rejects.toMatchObject(UNAVAILABLE);
    expect(await look(world, stopped)).toMatchObject({
      sandbox: { state: NOTREADY, metadata: { uid: stopped.uid } },
      container: { state: EXITED, exitCode: 255, reason: 'Unknown' },
    });
  });

  it('outlives Switchyard, also when it is started again', async () => {
    await using world = await twoBackends();
    const pod = await aPodOnTwo(world);
    const before = await look(world, pod);
    world.runtime('two').crash();
    for (let life = 0; life < 2; life++) {
      await world.restart('two');
      const after = await look({ ...world, client: world.connect() }, pod);
      expect(after).toEqual(before);
    }
  });

  it('comes too while the call waits and its backend breaks off', async () => {
    await using world = await twoBackends();
    const pod = await aPodOnTwo(world);
    const before = await look(world, pod);
    const runtime = world.runtime('two');
    const hang = runtime.faults.add('ContainerStatus', { kind: 'hang' });
    const { containerId } = pod;
    const waiting = world.client.call('ContainerStatus', { containerId });
    await until(() => hang.hits === 1, 'the call hangs');
    runtime.crash();
    expect((await waiting).status).toEqual(before.container);
  });

  it('is its own again when it is back', async () => {
    await using world = await twoBackends();
    const pod = await aPodOnTwo(world);
    await look(world, pod);
    await crash(world);
    await world.runtime('two').restart();
    const { containers } = world.runtime('two').world;
    const container = containers.get(pod.containerId) ?? expect.unreachable('it is there');
    world.runtime('two').world.exitContainer(container, 7);
    await until(async () => (await look(world, pod)).container?.exitCode === 7, 'its own word counts');
  });

  it('leaves calls that change something UNAVAILABLE, but for the stop of what has ended', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const [living, dead] = [await aPodOnTwo(world), await aPodOnTwo(world)];
    await client.call('StopPodSandbox', { podSandboxId: dead.podSandboxId });
    await crash(world);
    for (const { podSandboxId, containerId } of [living, dead]) {
      for (const call of [
        client.call('StartContainer', { containerId }),
        client.call('RemoveContainer', { containerId }),
        client.call('RemovePodSandbox', { podSandboxId }),
        client.call('ExecSync', { containerId, cmd: ['true'] }),
      ])
        await expect(call).rejects.toMatchObject(UNAVAILABLE);
    }
    const { podSandboxId, containerId } = living;
    for (const call of [
      client.call('StopContainer', { containerId, timeout: 1 }),
      client.call('StopPodSandbox', { podSandboxId }),
    ])
      await expect(call).rejects.toMatchObject(UNAVAILABLE);
    await client.call('StopContainer', { containerId: dead.containerId, timeout: 1 });
    await client.call('StopPodSandbox', { podSandboxId: dead.podSandboxId });
  });

  it('lets an image collector ask for every container of the node', async () => {
    await using world = await twoBackends();
    const { client } = world;
    await aPodOnTwo(world);
    await runContainer(client, await runPod(client), { image: SIMULATED_IMAGE });
    await crash(world);
    const { containers } = await client.call('ListContainers', {});
    expect(containers).toHaveLength(2);
    for (const { id } of containers) {
      expect((await client.call('ContainerStatus', { containerId: id })).status?.image?.image).not.toBe('');
    }
  });

  it('lets a pod with a dead sandbox there and a living one elsewhere be served and deleted', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const old = await aPodOnTwo(world);
    await look(world, old);
    const runtime = world.runtime('two');
    const sandbox = runtime.world.sandboxes.get(old.podSandboxId) ?? expect.unreachable('it is there');
    runtime.world.stopSandbox(sandbox);
    // Made beside Switchyard, as the rules keep a pod where it is.
    using direct = world.direct('one');
    const next = await runPod(direct, { uid: old.uid, attempt: 1 });
    const containerId = await runContainer(direct, next, { image: SIMULATED_IMAGE });
    await list(world);
    await look(world, old);
    await crash(world);

    const filter = { labelSelector: { 'io.kubernetes.pod.uid': old.uid } };
    const { items } = await client.call('ListPodSandbox', { filter });
    const states = await Promise.all(
      items.map(
        async ({ id }) => (await client.call('PodSandboxStatus', { podSandboxId: id })).status?.state,
      ),
    );
    expect(states.sort()).toEqual([READY, NOTREADY]);
    expect((await look(world, old)).container).toMatchObject({ state: EXITED });
    expect((await look(world, { ...next, containerId })).container).toMatchObject({ state: RUNNING });
    await client.call('StopContainer', { containerId, timeout: 1 });
    for (const { id } of items) await client.call('StopPodSandbox', { podSandboxId: id });
  });
});
