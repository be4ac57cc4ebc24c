import { readFileSync } from 'node:fs';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import type { CriError } from '../../support/cri-client.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const NOBODY = 'f'.repeat(64);
const RUNBOOK = readFileSync(
  path.resolve(import.meta.dirname, '../../../docs/operations/runbooks.md'),
  'utf8',
);

describe('ids that are asked for', () => {
  let world: ProxyWorld;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'one', profile: 'containerd-2.1' },
      { name: 'two', profile: 'cri-o', handlers: { two: '' } },
      { name: 'three', profile: 'cri-dockerd', handlers: { three: '' } },
    ]);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const calls = (name: string, rpc: string) =>
    world.runtime(name).journal.filter(({ method }) => method === rpc).length;

  it('R9: NOT_FOUND when every backend denies the id', async () => {
    const { client } = world;
    await expect(client.call('ContainerStatus', { containerId: NOBODY })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: expect.stringContaining(NOBODY),
    });
    await expect(client.call('PodSandboxStatus', { podSandboxId: NOBODY })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  it('OK for stopping and removing what no backend has', async () => {
    const { client } = world;
    await client.call('StopPodSandbox', { podSandboxId: NOBODY });
    await client.call('RemovePodSandbox', { podSandboxId: NOBODY });
    await client.call('StopContainer', { containerId: NOBODY, timeout: 1 });
    await client.call('RemoveContainer', { containerId: NOBODY });
    for (const name of ['one', 'two', 'three']) expect(calls(name, 'RemoveContainer')).toBe(0);
  });

  it('OK for removing what its owner has no more, also from a runtime that has no word of its own for that', async () => {
    const { client } = world;
    const pod = await runPod(client, { handler: 'three' });
    const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
    using direct = world.direct('three');
    await direct.call('StopContainer', { containerId, timeout: 0 });
    await direct.call('RemoveContainer', { containerId });
    await expect(direct.call('RemoveContainer', { containerId })).rejects.toMatchObject({
      code: status.UNKNOWN,
    });
    await client.call('RemoveContainer', { containerId });
    const before = calls('three', 'RemoveContainer');
    await client.call('RemoveContainer', { containerId });
    expect(calls('three', 'RemoveContainer')).toBe(before); // it is known by now
  });

  it("the owner's own error for not removing what it still has, or may still have", async () => {
    const { client } = world;
    const pod = await runPod(client, { handler: 'three' });
    const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
    const { faults } = world.runtime('three');
    const error = { code: status.UNKNOWN, details: 'removal is in progress' };
    faults.add('RemoveContainer', { kind: 'refuse', status: 'UNKNOWN', message: error.details });
    await expect(client.call('RemoveContainer', { containerId })).rejects.toMatchObject(error);
    faults.add('ListContainers', { kind: 'refuse', status: 'INTERNAL', message: 'no lists today' });
    await expect(client.call('RemoveContainer', { containerId })).rejects.toMatchObject(error);
    faults.clear();
    await client.call('RemoveContainer', { containerId });
    expect(world.runtime('three').world.containers.size).toBe(0);
  });

  it('INVALID_ARGUMENT for no id, written as an empty one or not at all, also when one object would fit', async () => {
    const { client } = world;
    await runContainer(client, await runPod(client), { image: SIMULATED_IMAGE });
    const none = { code: status.INVALID_ARGUMENT, details: expect.stringContaining('Give its id') };
    for (const bytes of [Buffer.alloc(0), Buffer.from([0x0a, 0])]) {
      for (const rpc of ['ContainerStatus', 'StopContainer', 'RemoveContainer', 'StopPodSandbox'] as const) {
        expect(await client.rawCall(client.pathOf(rpc), bytes)).toMatchObject(none);
        for (const name of ['one', 'two', 'three']) expect(calls(name, rpc)).toBe(0);
      }
    }
  });

  it('asks every backend once, however many calls ask for the same unknown id at the same time', async () => {
    await Promise.allSettled(
      Array.from({ length: 30 }, () => world.client.call('ContainerStatus', { containerId: NOBODY })),
    );
    // The lists without a filter are Switchyard's own look at a new backend.
    const searches = world
      .runtime('one')
      .journal.filter(({ method, requestBytes }) => method === 'ListContainers' && requestBytes.length > 0);
    expect(searches).toHaveLength(1);
  });

  it('finds what was made behind its back, and what a short id stands for', async () => {
    const direct = world.connect();
    const pod = await runPod(direct, { handler: 'two' });
    const containerId = await runContainer(direct, pod, { image: SIMULATED_IMAGE });
    await world.restart();
    const found = await world.client.call('ContainerStatus', { containerId: containerId.slice(0, 13) });
    expect(found.status?.id).toBe(containerId);
  });

  it('R9: UNAVAILABLE while a backend that may own the id is down', async () => {
    const { client } = world;
    world.runtime('two').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    for (const call of [
      client.call('ContainerStatus', { containerId: NOBODY }),
      client.call('StopContainer', { containerId: NOBODY, timeout: 1 }),
      client.call('RemovePodSandbox', { podSandboxId: NOBODY }),
    ]) {
      await expect(call).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringMatching(/two is unreachable since \d{4}-/),
      });
    }
  });

  it('R9: NOT_FOUND of what went with its pod, and OK for its stop and removal, while another backend is down', async () => {
    const { client } = world;
    const pod = await runPod(client);
    const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
    const seenLast = await runPod(client);
    const inside = await runContainer(client, seenLast, { image: SIMULATED_IMAGE });
    await client.call('StopPodSandbox', { podSandboxId: pod.podSandboxId });
    await client.call('RemovePodSandbox', { podSandboxId: pod.podSandboxId });
    // This one goes behind our back: the next full list lacks it.
    using direct = world.direct('one');
    await direct.call('StopPodSandbox', { podSandboxId: seenLast.podSandboxId });
    await direct.call('RemovePodSandbox', { podSandboxId: seenLast.podSandboxId });
    await client.call('ListPodSandbox', {});
    world.runtime('two').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');

    for (const { podSandboxId, gone } of [
      { podSandboxId: pod.podSandboxId, gone: containerId },
      { podSandboxId: seenLast.podSandboxId, gone: inside },
    ]) {
      await client.call('StopContainer', { containerId: gone, timeout: 1 });
      await client.call('RemoveContainer', { containerId: gone });
      await client.call('StopPodSandbox', { podSandboxId });
      for (const call of [
        client.call('ContainerStatus', { containerId: gone }),
        client.call('PodSandboxStatus', { podSandboxId }),
      ])
        await expect(call).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
  });

  it('serves the pods of other backends while one is down, and its own again when it is back', async () => {
    const { client } = world;
    const healthy = await runPod(client);
    const pod = await runPod(client, { handler: 'two' });
    const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
    world.runtime('two').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');

    await client.call('PodSandboxStatus', { podSandboxId: healthy.podSandboxId });
    const labelSelector = { 'io.kubernetes.pod.uid': healthy.uid };
    const narrowed = await client.call('ListPodSandbox', { filter: { labelSelector } });
    expect(narrowed.items.map(({ id }) => id)).toEqual([healthy.podSandboxId]);

    const exec = () => client.call('ExecSync', { containerId, cmd: ['true'] });
    await expect(exec()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/^switchyard: backend two is unreachable since /),
    });
    await expect(runPod(client, { handler: 'two' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    // R5: its pods are still there for the kubelet, with every filter.
    const all = await client.call('ListPodSandbox', {});
    expect(all.items.map(({ id }) => id).sort()).toEqual([healthy.podSandboxId, pod.podSandboxId].sort());
    const own = await client.call('ListContainers', { filter: { podSandboxId: pod.podSandboxId } });
    expect(own.containers.map(({ id }) => id)).toEqual([containerId]);

    await world.runtime('two').restart();
    await until(
      async () => (await exec().catch(() => undefined))?.exitCode === 0,
      'its pods are reached again',
    );
    const { status: found } = await client.call('ContainerStatus', { containerId });
    expect(found?.id).toBe(containerId);
  });

  it('R13: a pod with a sandbox stays on its backend, whatever it asks for next', async () => {
    const { client } = world;
    const first = await runPod(client, { handler: 'two' });
    const again = await runPod(client, { uid: first.uid, attempt: 1, handler: '' });
    const { items } = await client.call('ListPodSandbox', {
      filter: { labelSelector: { 'io.kubernetes.pod.uid': first.uid } },
    });
    expect(items.map(({ id }) => id).sort()).toEqual([first.podSandboxId, again.podSandboxId].sort());
    expect(calls('two', 'RunPodSandbox')).toBe(2);
    expect(calls('one', 'RunPodSandbox')).toBe(0);
  });

  it('R13: a pod with sandboxes on several backends, none of them where it would go, stays with the newest', async () => {
    const { client } = world;
    const uid = 'wanderer';
    for (const [attempt, name] of ['three', 'two'].entries()) {
      using direct = world.direct(name);
      await runPod(direct, { uid, attempt });
      await client.call('ListPodSandbox', {});
    }
    await runPod(client, { uid, attempt: 2, handler: '' });
    expect(['one', 'two', 'three'].map((name) => calls(name, 'RunPodSandbox'))).toEqual([0, 2, 1]);
    // And it does so over a restart, from the journal.
    await world.restart();
    await runPod(world.connect(), { uid, attempt: 3, handler: '' });
    expect(['one', 'two', 'three'].map((name) => calls(name, 'RunPodSandbox'))).toEqual([0, 3, 1]);
  });

  it("R13: a list of a pod's sandboxes has the one that is being made, though another backend has one too", async () => {
    const { client } = world;
    const uid = 'twofold';
    const hang = world.runtime('two').faults.add('RunPodSandbox', { kind: 'hang', when: 'after' });
    const answer = runPod(client, { uid, attempt: 1, handler: 'two' });
    await until(() => world.runtime('two').world.sandboxes.size === 1, 'it is made');
    using direct = world.direct('three');
    const other = await runPod(direct, { uid });
    await client.call('ListPodSandbox', { filter: { id: other.podSandboxId } }); // known from now on
    const labelSelector = { 'io.kubernetes.pod.uid': uid };
    const { items } = await client.call('ListPodSandbox', { filter: { labelSelector } });
    hang.clear();
    const { podSandboxId } = await answer;
    expect(items.map(({ id }) => id).sort()).toEqual([podSandboxId, other.podSandboxId].sort());
  });

  it('R4: knows all ids again after a restart, and still keeps a pod where it lives', async () => {
    const pod = await runPod(world.client, { handler: 'three' });
    const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    await world.restart();
    const client = world.connect();
    const { stdout } = await client.call('ExecSync', { containerId, cmd: ['echo', 'still here'] });
    expect(stdout.toString()).toBe('still here\n');
    await runPod(client, { uid: pod.uid, attempt: 1, handler: '' });
    expect(calls('three', 'RunPodSandbox')).toBe(2);
  });

  it('makes a reading call again, once, when the connection broke under it', async () => {
    const pod = await runPod(world.client);
    world.runtime('one').faults.add('PodSandboxStatus', { kind: 'cut' }, { calls: 1 });
    const { status: found } = await world.client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(found?.id).toBe(pod.podSandboxId);
  });

  it('makes it again with the bytes it came with, whatever other calls have brought since', async () => {
    const [first, second] = [await runPod(world.client), await runPod(world.client, { handler: 'two' })];
    const hang = world.runtime('one').faults.add('PodSandboxStatus', { kind: 'hang' }, { calls: 1 });
    const answer = world.client.call('PodSandboxStatus', { podSandboxId: first.podSandboxId });
    await until(() => hang.hits === 1, 'the call hangs');
    await world.client.call('PodSandboxStatus', { podSandboxId: second.podSandboxId });
    world.runtime('one').cut();
    expect((await answer).status?.id).toBe(first.podSandboxId);
  });

  it('never makes a creating call again: a lost answer is UNAVAILABLE, and the container is found by listing', async () => {
    const pod = await runPod(world.client);
    world.runtime('one').faults.add('CreateContainer', { kind: 'cut', when: 'after' }, { calls: 1 });
    await expect(runContainer(world.client, pod, { image: SIMULATED_IMAGE })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    expect(calls('one', 'CreateContainer')).toBe(1);
    const { containers } = await world.client.call('ListContainers', {});
    expect(containers).toHaveLength(1);
  });

  it('R13: a pod whose RunPodSandbox answer was lost is not placed a second time elsewhere', async () => {
    world.runtime('two').faults.add('RunPodSandbox', { kind: 'cut', when: 'after' }, { calls: 1 });
    const uid = 'lost-answer';
    await expect(runPod(world.client, { uid, handler: 'two' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    await until(async () => {
      const reply = await world.client.rawCall(world.client.pathOf('ListPodSandbox'), Buffer.alloc(0));
      return reply.code === 0 && reply.bytes.length > 0;
    }, 'the sandbox is listed');
    await runPod(world.client, { uid, attempt: 1, handler: '' });
    expect(calls('one', 'RunPodSandbox')).toBe(0);
    expect(calls('two', 'RunPodSandbox')).toBe(2);
  });
});

describe('a backend that gives no answer to a list', () => {
  const budgets = { listMs: 200, statusMs: 100 };

  async function twoBackends(
    traits: Partial<Parameters<typeof proxyWorld>[0][number]> = {},
  ): Promise<ProxyWorld> {
    return await proxyWorld([
      { name: 'one', profile: 'containerd-2.1', timeouts: budgets },
      { name: 'two', profile: 'cri-o', handlers: { two: '' }, timeouts: budgets, ...traits },
    ]);
  }

  const sandboxIds = async (world: ProxyWorld) =>
    (await world.client.call('ListPodSandbox', {})).items.map(({ id }) => id).sort();

  it('R6: fails lists when it was never listed and no journal knows it, while ids of others work', async () => {
    await using world = await twoBackends({ isDown: true });
    const pod = await runPod(world.client);
    await expect(world.client.call('ListPodSandbox', {})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/backend two is unreachable since/),
    });
    const { status: found } = await world.client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(found?.id).toBe(pod.podSandboxId);
  });

  it.each(['ListPodSandbox', 'ListContainers', 'ListImages'] as const)(
    'R6: fails %s in words that the runbook quotes, and with why the list of just that is not given',
    async (rpc) => {
      const quotes = [
        ...(/^1\. UNAVAILABLE(.*?):/ms
          .exec(RUNBOOK.split('## SwitchyardListsFail')[1] ?? '')?.[1]
          ?.matchAll(/\*(.*?)\*/gs) ?? []),
      ].map(([, quote = '']) => quote.replaceAll(/\s+/g, ' '));
      const [, object] = /^List(Pod|Container|Image)/.exec(rpc) ?? [];
      const down = { name: 'down', profile: 'reference', isDown: true } as const;
      for (const others of [[], [{ name: 'one', profile: 'containerd-2.1' } as const]]) {
        await using world = await proxyWorld([...others, down]);
        const error: CriError = await world.client.call(rpc, {}).then(
          () => expect.unreachable('it lacks a backend'),
          (thrown: CriError) => thrown,
        );
        expect(error.code).toBe(status.UNAVAILABLE);
        expect(quotes.filter((quote) => error.details.includes(quote))).not.toEqual([]);
        if (others.length > 0) expect(error.details).toContain(`removed ${object?.toLowerCase()}s`);
      }
    },
  );

  it('R5: is represented by what it last said, with what has passed through since', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await runPod(client, { handler: 'two' });
    await sandboxIds(world);
    const later = await runPod(client, { handler: 'two' });
    const containerId = await runContainer(client, later, { image: SIMULATED_IMAGE });
    world.runtime('two').crash();
    expect(await sandboxIds(world)).toEqual([pod.podSandboxId, later.podSandboxId].sort());
    const { containers } = await client.call('ListContainers', { filter: { state: { state: 1 } } });
    expect(containers.map(({ id }) => id)).toEqual([containerId]);
  });

  it('is hanging when it does not answer Version either, and counts as absent until it answers', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await runPod(client, { handler: 'two' });
    await sandboxIds(world);
    const hang = world.runtime('two').faults.add('*', { kind: 'hang' });
    expect(await sandboxIds(world)).toEqual([pod.podSandboxId]);
    await until(async () => {
      await sandboxIds(world);
      return world.lines.some(({ fields }) => fields['state'] === 'hanging');
    }, 'it is known to hang');
    await expect(client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/backend two is hanging since .*did not answer Version/),
    });
    expect(await sandboxIds(world)).toEqual([pod.podSandboxId]);
    hang.clear();
    await until(() => world.lines.at(-1)?.text === 'backend is ready', 'it is back');
    const { status: found } = await client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(found?.id).toBe(pod.podSandboxId);
  });

  it('is slow, not hanging, while it answers Version: its calls go on', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const pod = await runPod(client, { handler: 'two' });
    await sandboxIds(world);
    const slow = world.runtime('two').faults.add('ListPodSandbox', { kind: 'hang' });
    expect(await sandboxIds(world)).toEqual([pod.podSandboxId]);
    await client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(world.lines.some(({ fields }) => fields['state'] === 'hanging')).toBe(false);
    slow.clear();
  });

  it('takes a list that came too late for the client as its newest word', async () => {
    await using world = await twoBackends();
    const { client } = world;
    await runPod(client, { handler: 'two' });
    await sandboxIds(world);
    const slow = world.runtime('two').faults.add('ListPodSandbox', { kind: 'hang' });
    using direct = world.direct('two');
    const behindOurBack = await runPod(direct);
    await sandboxIds(world);
    slow.clear();
    await until(
      async () => (await sandboxIds(world)).includes(behindOurBack.podSandboxId),
      'the new sandbox shows',
    );
  });

  it('streams its snapshot too', async () => {
    await using world = await twoBackends();
    const pod = await runPod(world.client, { handler: 'two' });
    world.runtime('two').crash();
    const ids: string[] = [];
    for await (const message of world.client.stream('StreamPodSandboxes', {})) {
      ids.push(...message.podSandboxes.map(({ id }) => id));
    }
    expect(ids).toEqual([pod.podSandboxId]);
  });

  it('is left out of stats, which must not be old', async () => {
    await using world = await twoBackends();
    const pods = [await runPod(world.client), await runPod(world.client, { handler: 'two' })];
    const ids = await Promise.all(
      pods.map((pod) => runContainer(world.client, pod, { image: SIMULATED_IMAGE })),
    );
    world.runtime('two').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    const { stats } = await world.client.call('ListContainerStats', {});
    expect(stats.map(({ attributes }) => attributes?.id)).toEqual([ids[0]]);
  });

  it('holds at most its share of all calls: those of others go on while it hangs', async () => {
    const few = (config: Config): Config => ({ ...config, limits: { ...config.limits, callsInFlight: 20 } });
    await using world = await proxyWorld(
      [
        { name: 'one', profile: 'containerd-2.1' },
        { name: 'two', profile: 'cri-o', handlers: { two: '' } },
      ],
      few,
    );
    const { client } = world;
    const healthy = await runPod(client);
    const pod = await runPod(client, { handler: 'two' });
    const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
    const hang = world.runtime('two').faults.add('ExecSync', { kind: 'hang' });
    const cancel = new AbortController();
    const stuck = Array.from({ length: 15 }, () =>
      client
        .call('ExecSync', { containerId, cmd: ['true'] }, { signal: cancel.signal })
        .catch((error: CriError) => error.code),
    );
    const refused = await Promise.race(stuck);
    expect(refused).toBe(status.RESOURCE_EXHAUSTED);
    await client.call('PodSandboxStatus', { podSandboxId: healthy.podSandboxId });
    cancel.abort();
    hang.clear();
    expect((await Promise.all(stuck)).filter((code) => code === status.RESOURCE_EXHAUSTED)).toHaveLength(5);
  });
});
