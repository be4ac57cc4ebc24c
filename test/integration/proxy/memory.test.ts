import { lstatSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import { decodeJournal } from '../../../src/ledger/journal-content.ts';
import { CriClient } from '../../support/cri-client.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { crash } from '../../support/image-world.ts';
import { formatOneFile } from '../../support/journal-format-one.ts';
import {
  configOf,
  type ProxyWorld,
  proxyWorld,
  recorder,
  SIMULATED_IMAGE,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const BACKENDS = [
  { name: 'one', profile: 'containerd-2.1' },
  { name: 'two', profile: 'cri-o', handlers: { two: '' } },
] as const;

const twoBackends = () => proxyWorld(BACKENDS);

const sandboxIds = async (client: CriClient) =>
  (await client.call('ListPodSandbox', {})).items.map(({ id }) => id).sort();

/** Another Switchyard that finds the state directory as it is now, as one does that was started after a kill -9. */
async function afterKill(world: ProxyWorld) {
  const config = configOf(world.dir, BACKENDS);
  // A socket, such as the lock, cannot be copied.
  const filter = (source: string) => !lstatSync(source).isSocket();
  await cp(config.stateDir, world.dir.file('state-2'), { recursive: true, filter });
  const lines: ReturnType<typeof recorder> = recorder([]);
  const socket = world.dir.file('cri-2.sock');
  const switchyard = await startSwitchyard({
    config: { ...config, stateDir: world.dir.file('state-2'), listen: { ...config.listen, socket } },
    log: lines,
  });
  const client = new CriClient(socket);
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await switchyard.close();
    },
  };
}

describe('what outlives a restart', () => {
  it('lists the pods of a backend that is down, in full and with filters', async () => {
    await using world = await twoBackends();
    const pods = [await runPod(world.client), await runPod(world.client, { handler: 'two' })];
    const [, pod] = pods;
    if (pod === undefined) throw new Error('two pods');
    const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    world.runtime('two').crash();
    await world.restart('two');
    const client = world.connect();
    expect(await sandboxIds(client)).toEqual(pods.map(({ podSandboxId }) => podSandboxId).sort());
    const running = await client.call('ListContainers', { filter: { state: { state: 1 } } });
    expect(running.containers.map(({ id }) => id)).toEqual([containerId]);
  });

  it('R9: says UNAVAILABLE for the ids of a backend that is down, and NOT_FOUND for none of them', async () => {
    await using world = await twoBackends();
    const { podSandboxId } = await runPod(world.client, { handler: 'two' });
    world.runtime('two').crash();
    await world.restart('two');
    await expect(world.connect().call('PodSandboxStatus', { podSandboxId })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('two'),
    });
  });

  it('R9: says NOT_FOUND for a pod that was removed and its container while their backend is down, OK for their stop', async () => {
    await using world = await twoBackends();
    const pod = await runPod(world.client, { handler: 'two' });
    const { podSandboxId } = pod;
    const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    await world.client.call('StopPodSandbox', { podSandboxId });
    await world.client.call('RemovePodSandbox', { podSandboxId });
    await crash(world, 'two');
    await using killed = await afterKill(world);
    const { client } = killed;
    const gone = { code: status.NOT_FOUND };
    await until(async () => {
      const answer = client.call('ContainerStatus', { containerId });
      return (await answer.catch(({ code }) => code)) === gone.code;
    }, 'the backend is known to be down');
    await expect(client.call('PodSandboxStatus', { podSandboxId })).rejects.toMatchObject(gone);
    await client.call('StopContainer', { containerId, timeout: 0 });
    await client.call('RemovePodSandbox', { podSandboxId });
  });

  it('R13: keeps a pod on its backend while that is down', async () => {
    await using world = await twoBackends();
    const { uid } = await runPod(world.client, { handler: 'two' });
    world.runtime('two').crash();
    await world.restart('two');
    await expect(runPod(world.connect(), { uid, attempt: 1, handler: '' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    expect(world.runtime('one').journal.some(({ method }) => method === 'RunPodSandbox')).toBe(false);
  });

  it('R2: is on record before the answer that reveals it, so that a kill right after it loses nothing', async () => {
    await using world = await twoBackends();
    const pod = await runPod(world.client, { handler: 'two' });
    const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    const gone = await runPod(world.client, { handler: 'two' });
    await world.client.call('StopPodSandbox', { podSandboxId: gone.podSandboxId });
    await world.client.call('RemovePodSandbox', { podSandboxId: gone.podSandboxId });
    world.runtime('two').crash();
    await using killed = await afterKill(world);
    expect(await sandboxIds(killed.client)).toEqual([pod.podSandboxId]);
    const { containers } = await killed.client.call('ListContainers', {});
    expect(containers.map(({ id, state }) => [id, state])).toEqual([[containerId, 1]]);
  });

  it('R13: remembers a pod that was being placed when it was killed', async () => {
    await using world = await twoBackends();
    const uid = 'in-flight';
    const hang = world.runtime('two').faults.add('RunPodSandbox', { kind: 'hang', when: 'after' });
    const lost = runPod(world.client, { uid, handler: 'two' }).catch(() => undefined);
    await until(() => world.runtime('two').world.sandboxes.size === 1, 'the sandbox is made');
    world.runtime('two').crash();
    await using killed = await afterKill(world);
    await expect(runPod(killed.client, { uid, attempt: 1, handler: '' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    hang.clear();
    await lost;
  });

  it('replays the pod CIDR to a backend that comes back under another Switchyard', async () => {
    await using world = await twoBackends();
    const runtimeConfig = { networkConfig: { podCidr: '10.9.0.0/24' } };
    await world.client.call('UpdateRuntimeConfig', { runtimeConfig });
    const told = () =>
      world.runtime('two').journal.filter(({ method }) => method === 'UpdateRuntimeConfig').length;
    expect(told()).toBe(1);
    await world.restart();
    await until(() => told() === 2, 'it is told again');
  });

  it('is not touched by a second Switchyard on the same socket, which is refused', async () => {
    await using world = await twoBackends();
    await runPod(world.client);
    const journal = `${world.dir.file('state')}/journal`;
    const before = await readFile(journal);
    const config = configOf(world.dir, BACKENDS);
    await expect(startSwitchyard({ config, log: recorder([]) })).rejects.toThrow(
      'another process already serves',
    );
    expect((await readFile(journal)).subarray(0, before.length).equals(before)).toBe(true);
  });

  it('moves a journal aside that it cannot read, deletes nothing, and goes on', async () => {
    await using world = await twoBackends();
    const { podSandboxId } = await runPod(world.client);
    await world.switchyard.close();
    const stateDir = world.dir.file('state');
    await writeFile(`${stateDir}/journal`, 'this is no journal');
    await world.restart();
    expect(await sandboxIds(world.connect())).toEqual([podSandboxId]);
    const aside = (await readdir(stateDir)).find((name) => name.includes('unreadable'));
    expect(aside).toBeDefined();
    expect(await readFile(`${stateDir}/${aside}`, 'utf8')).toBe('this is no journal');
    expect(world.lines.some(({ level, text }) => level === 'warn' && text.includes('unreadable'))).toBe(true);
  });

  it('lists the pods of a backend that is down from a journal that an older Switchyard wrote', async () => {
    await using world = await twoBackends();
    const pods = [await runPod(world.client), await runPod(world.client, { handler: 'two' })];
    const all = pods.map(({ podSandboxId }) => podSandboxId).sort();
    expect(await sandboxIds(world.client)).toEqual(all);
    world.runtime('two').crash();
    await world.switchyard.close();
    const journal = `${world.dir.file('state')}/journal`;
    const content = decodeJournal(await readFile(journal));
    await writeFile(journal, formatOneFile(content.kind === 'journal' ? content.entries : []));
    for (const _start of ['the first', 'the second']) {
      await world.restart('two');
      expect(await sandboxIds(world.connect())).toEqual(all);
    }
    expect(decodeJournal(await readFile(journal))).toMatchObject({ shape: 'clean', lacks: 'nothing' });
    expect(world.lines.filter(({ text }) => text.includes('journal'))).toEqual([]);
  });

  it('R6: fails lists rather than leave out pods of a backend that is down, after a bit of the journal was flipped', async () => {
    await using world = await twoBackends();
    const pods = [await runPod(world.client)];
    for (let n = 0; n < 8; n++) pods.push(await runPod(world.client, { handler: 'two' }));
    const all = pods.map(({ podSandboxId }) => podSandboxId).sort();
    expect(await sandboxIds(world.client)).toEqual(all);
    world.runtime('two').crash();
    await world.switchyard.close();
    const stateDir = world.dir.file('state');
    const whole = await readFile(`${stateDir}/journal`);
    let failures = 0;
    for (let n = 0; n < 16; n++) {
      const flipped = Buffer.from(whole);
      const at = Math.floor(((n + 0.5) / 16) * whole.length);
      flipped.writeUInt8((flipped[at] as number) ^ (1 << (n % 8)), at);
      await writeFile(`${stateDir}/journal`, flipped);
      await world.restart('two');
      const client = world.connect();
      const answer = await sandboxIds(client).catch((error: unknown) => error);
      if (answer instanceof Error) {
        failures++;
        expect(answer).toMatchObject({
          code: status.UNAVAILABLE,
          details: expect.stringContaining('two'),
        });
      } else expect(answer).toEqual(all);
      // Whose the pods are that are still on record is certain; nothing is said of others but that nobody knows.
      for (const podSandboxId of all.slice(0, 4)) {
        const found = await client
          .call('PodSandboxStatus', { podSandboxId })
          .catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toMatchObject({ code: status.UNAVAILABLE });
      }
      await world.switchyard.close();
    }
    expect(failures).toBeGreaterThan(10);
    const copies = (await readdir(stateDir)).filter((name) => name.includes('damaged'));
    expect(copies).toHaveLength(5);
    // The backend is back: everything is known again.
    await world.restart('two');
    await world.runtime('two').restart();
    const client = world.connect();
    await until(
      async () => (await sandboxIds(client).catch(() => [])).length === all.length,
      'the lists are whole again',
    );
  });

  it('R13: makes no pod twice when the journal was removed while its backend is down, and any on a new node', async () => {
    await using world = await twoBackends();
    const { uid } = await runPod(world.client, { handler: 'two' });
    world.runtime('two').crash();
    await world.switchyard.close();
    await rm(`${world.dir.file('state')}/journal`);
    await world.restart('two');
    expect(world.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', text: expect.stringContaining('journal is missing, though') }),
    );
    await expect(runPod(world.connect(), { uid, attempt: 1, handler: '' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/cannot tell whether pod .* has a sandbox on backend two already/),
    });
    // Without its directory nothing tells this node from one on which that runtime never ran.
    await world.restart('two', 'forgetting');
    await runPod(world.connect(), { handler: '' });
  });

  it('R13: makes no pod twice whose records were lost to damage while its backend is down, over two restarts', async () => {
    await using world = await twoBackends();
    const uid = 'pod-whose-records-are-lost';
    await runPod(world.client, { uid, handler: 'two' });
    world.runtime('two').crash();
    await world.switchyard.close();
    const journal = `${world.dir.file('state')}/journal`;
    const bytes = await readFile(journal);
    for (let at = bytes.indexOf(uid); at >= 0; at = bytes.indexOf(uid)) bytes.writeUInt8(0, at);
    await writeFile(journal, bytes);
    for (const _start of ['the first', 'the second']) {
      await world.restart('two');
      await expect(runPod(world.connect(), { uid, attempt: 1, handler: '' })).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringMatching(/cannot tell whether pod .* has a sandbox on backend two already/),
      });
    }
    expect(world.runtime('one').world.sandboxes.size).toBe(0);
    await world.runtime('two').restart();
    const client = world.connect();
    await until(async () => {
      await runPod(client, { uid, attempt: 1, handler: '' }).catch(() => undefined);
      return world.runtime('two').world.sandboxes.size === 2;
    }, 'the pod is made where it lives');
    expect(world.runtime('one').world.sandboxes.size).toBe(0);
    // All backends were listed: nothing is in doubt any more.
    await runPod(client, { handler: '' });
  });

  it('serves on when the state directory cannot be written, and says so once', async () => {
    await using world = await proxyWorld([...BACKENDS], (config) => ({
      ...config,
      stateDir: '/dev/null/switchyard',
    }));
    const { podSandboxId } = await runPod(world.client, { handler: 'two' });
    await runPod(world.client);
    expect((await sandboxIds(world.client)).includes(podSandboxId)).toBe(true);
    const told = world.lines.filter(({ text }) => text.startsWith('the state directory cannot be written'));
    expect(told).toHaveLength(1);
  });
});
