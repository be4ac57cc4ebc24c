// GetContainerEvents in the manner of each runtime.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { CriClient } from '../../support/cri-client.ts';
import { until } from '../../support/until.ts';
import { type Stage, stage } from './stage.ts';

const NAMES = ['created', 'started', 'stopped', 'deleted'];

/** Collects events until the stage ends: `created <id>`. */
function listen(client: CriClient) {
  const events: string[] = [];
  const leaving = new AbortController();
  const messages = client.stream('GetContainerEvents', {}, { signal: leaving.signal });
  const ended = (async () => {
    for await (const event of messages)
      events.push(`${NAMES[event.containerEventType]} ${event.containerId}`);
    return 'OK';
  })().catch((error: { code: Code }) => Code[error.code]);
  return { events, ended, leave: () => leaving.abort() };
}

const subscribed = (at: Stage, count: number) =>
  until(() => at.runtime.world.events.subscribers === count, `${count} subscribe`);

/** Runs a pod with a container, stops and removes it, and tells the events this makes. */
async function wholeLife(at: Stage): Promise<string[]> {
  const pod = await at.pod();
  const container = await at.running(pod);
  await at.client.call('StopContainer', { containerId: container, timeout: 2 });
  await at.client.call('RemoveContainer', { containerId: container });
  await at.client.call('StopPodSandbox', { podSandboxId: pod });
  await at.client.call('RemovePodSandbox', { podSandboxId: pod });
  return [
    `created ${pod}`,
    `started ${pod}`,
    `created ${container}`,
    `started ${container}`,
    `stopped ${container}`,
    `deleted ${container}`,
    `stopped ${pod}`,
    `deleted ${pod}`,
  ];
}

describe('GetContainerEvents', () => {
  it('tells the life of a pod in order, with the status of pod and containers', async () => {
    await using at = await stage('reference');
    const messages = at.client.stream('GetContainerEvents', {});
    const first = messages.next();
    await subscribed(at, 1);
    const expected = await wholeLife(at);
    const got = [(await first).value];
    for (let nth = 1; nth < expected.length; nth++) got.push((await messages.next()).value);
    expect(got.map((event) => `${NAMES[event?.containerEventType ?? 9]} ${event?.containerId}`)).toEqual(
      expected,
    );
    expect(got[3]?.podSandboxStatus?.metadata?.name).toMatch(/^pod-/);
    expect(got[3]?.containersStatuses).toMatchObject([{ state: 1 }]);
    await messages.return();
  });

  it('of containerd 1.7 gives what was queued to the first subscriber, and splits the rest', async () => {
    await using at = await stage('containerd-1.7');
    const before = await wholeLife(at);
    const first = listen(at.client);
    await until(() => first.events.length === before.length, 'the backlog arrives');
    expect(first.events).toEqual(before);
    const second = listen(at.another());
    await subscribed(at, 2);
    const after = await wholeLife(at);
    await until(() => first.events.length + second.events.length === 2 * after.length, 'all arrive');
    expect(second.events.length).toBe(after.length / 2);
    expect([...first.events.slice(before.length), ...second.events].sort()).toEqual([...after].sort());
  });

  it('of containerd 2.1 gives what was queued to the first subscriber, and the rest to all', async () => {
    await using at = await stage('containerd-2.1');
    const before = await wholeLife(at);
    const first = listen(at.client);
    await until(() => first.events.length === before.length, 'the backlog arrives');
    const second = listen(at.another());
    await subscribed(at, 2);
    const after = await wholeLife(at);
    await until(() => first.events.length === 2 * after.length, 'the first has all');
    await until(() => second.events.length === after.length, 'the second has all');
    expect(first.events).toEqual([...before, ...after]);
    expect(second.events).toEqual(after);
  });

  it('of CRI-O gives all to all, and nothing from before', async () => {
    await using at = await stage('cri-o', { podEvents: true });
    await wholeLife(at);
    const listeners = [listen(at.client), listen(at.another())];
    await subscribed(at, 2);
    const after = await wholeLife(at);
    for (const one of listeners) {
      await until(() => one.events.length === after.length, 'all arrive');
      expect(one.events).toEqual(after);
    }
  });

  it('of CRI-O ends OK at once when events are off, as they are by default', async () => {
    await using at = await stage('cri-o');
    const { events, ended } = listen(at.client);
    expect(await ended).toBe('OK');
    expect(events).toEqual([]);
  });

  it.each(['containerd-1.4', 'containerd-1.6', 'cri-dockerd'] as const)(
    'of %s is UNIMPLEMENTED',
    async (profile) => {
      await using at = await stage(profile);
      expect(await listen(at.client).ended).toBe('UNIMPLEMENTED');
    },
  );

  it('forgets a client that leaves', async () => {
    await using at = await stage('containerd-2.1');
    const { leave } = listen(at.client);
    await subscribed(at, 1);
    leave();
    await subscribed(at, 0);
  });

  it('ends when the runtime closes', async () => {
    await using at = await stage('containerd-2.1');
    const { ended } = listen(at.client);
    await subscribed(at, 1);
    await at.runtime.close();
    expect(await ended).toMatch(/^(OK|UNAVAILABLE)$/);
  });

  it('fills the containers into PodSandboxStatus where CRI-O has events on', async () => {
    const containersIn = async (podEvents: boolean) => {
      await using at = await stage('cri-o', { podEvents });
      const podSandboxId = await at.pod();
      await at.running(podSandboxId);
      return (await at.client.call('PodSandboxStatus', { podSandboxId })).containersStatuses.length;
    };
    expect(await containersIn(true)).toBe(1);
    expect(await containersIn(false)).toBe(0);
  });
});
