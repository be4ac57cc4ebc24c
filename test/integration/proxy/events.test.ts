// GetContainerEvents as a client sees it, over simulated runtimes of all kinds.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { encodeNanoseconds, encodeNumber } from '../../../src/cri/wire-writer.ts';
import type { Container } from '../../../src/simulator/container.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type EventListener, listenToEvents } from '../../support/event-listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const WHOLE_LIFE = ['created', 'started', 'stopped', 'deleted'];
const KINDS: readonly WorldBackend[] = [
  { name: 'containerd-2.1', profile: 'containerd-2.1' },
  { name: 'containerd-1.7', profile: 'containerd-1.7' },
  { name: 'containerd-1.6', profile: 'containerd-1.6' },
  { name: 'containerd-1.4', profile: 'containerd-1.4' },
  { name: 'cri-o', profile: 'cri-o' },
  { name: 'cri-o with events', profile: 'cri-o', runtime: { podEvents: true } },
  { name: 'cri-dockerd', profile: 'cri-dockerd' },
];
/** Those with events of their own. */
const NATIVE = ['containerd-2.1', 'containerd-1.7', 'cri-o with events'];

let world: ProxyWorld;
afterEach(() => world[Symbol.asyncDispose]());

async function begin(
  kinds: readonly (string | WorldBackend)[] = KINDS,
  change?: (config: Config) => Config,
): Promise<void> {
  const backends = kinds.map((kind) => {
    const found = KINDS.find(({ name }) => name === kind);
    const backend = typeof kind === 'string' ? found : kind;
    if (backend === undefined) throw new Error(`there is no backend ${String(kind)}`);
    return { ...backend, handlers: { [backend.name]: '' } };
  });
  world = await proxyWorld(backends, change);
}

/** Listens; resolves when the backends with events of their own are subscribed to. */
async function listen(): Promise<EventListener> {
  const events = listenToEvents(world.connect());
  const hubs = world.switchyard === undefined ? [] : NATIVE;
  await until(
    () => hubs.every((name) => (has(name) ? world.runtime(name).world.events.subscribers === 1 : true)),
    'all events are asked for',
  );
  return events;
}

const has = (name: string) => {
  try {
    world.runtime(name);
    return true;
  } catch {
    return false;
  }
};

/** A pod with a running container. */
async function aPod(handler: string, cri = world.client) {
  const pod = await runPod(cri, { handler });
  return { ...pod, containerId: await runContainer(cri, pod, { image: SIMULATED_IMAGE }) };
}

/** The container's process ends by itself. */
function exit(backend: string, containerId: string, code = 0): void {
  const runtime = world.runtime(backend).world;
  runtime.exitContainer(runtime.containers.get(containerId) as Container, code);
}

const isTold = (events: EventListener, id: string, what: string) =>
  until(() => events.of(id).includes(what), `it is told that ${id} was ${what}`);

const isAbsent = (name: string) =>
  until(
    () => world.lines.some(({ text, fields }) => text === 'backend is absent' && fields['backend'] === name),
    `${name} is absent`,
  );

describe('a client of GetContainerEvents', () => {
  it.each(KINDS.map(({ name }) => name))(
    'is told the life of a pod on %s, each stage once, with the state of the pod',
    async (handler) => {
      await begin();
      const events = await listen();
      const pod = await aPod(handler);
      const { podSandboxId, containerId } = pod;
      await isTold(events, containerId, 'started');
      exit(handler, containerId, 3);
      await isTold(events, containerId, 'stopped');
      await world.client.call('RemoveContainer', { containerId });
      await world.client.call('StopPodSandbox', { podSandboxId });
      await isTold(events, podSandboxId, 'stopped');
      await world.client.call('RemovePodSandbox', { podSandboxId });
      await isTold(events, podSandboxId, 'deleted');

      expect(events.of(containerId)).toEqual(WHOLE_LIFE);
      expect(events.of(podSandboxId)).toEqual(WHOLE_LIFE);
      for (const event of events.events) expect(event.podSandboxStatus?.metadata?.uid).toBe(pod.uid);
      const stopped = events.events[events.lines.indexOf(`stopped ${containerId}`)];
      expect(stopped?.podSandboxStatus).toMatchObject({ id: podSandboxId, labels: pod.config.labels });
      expect(stopped?.containersStatuses).toMatchObject([{ id: containerId, exitCode: 3, state: 2 }]);
      const times = events.events.map(({ createdAt }) => createdAt);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    },
  );

  it('is told the same as every other client', async () => {
    await begin();
    const one = await listen();
    const other = await listen();
    for (const { name } of KINDS) await aPod(name);
    await until(() => one.events.length === 4 * KINDS.length, 'all is told');
    await until(() => other.events.length === one.events.length, 'the other is told as much');
    expect(other.lines).toEqual(one.lines);
  });

  it('has its headers at once, while nothing happens and while backends are away', async () => {
    await begin(['containerd-2.1', { name: 'away', profile: 'containerd-1.6', isDown: true }]);
    const { client } = world;
    const leaving = new AbortController();
    const reply = client.rawCall(client.pathOf('GetContainerEvents'), Buffer.alloc(0), {
      signal: leaving.signal,
      deadlineMs: 300,
    });
    const { headers, code } = await reply;
    expect(headers.get('content-type')).toEqual(['application/grpc']);
    expect(code).toBe(status.DEADLINE_EXCEEDED);
  });

  it('gets the messages of a backend as they are, unknown fields and event types too', async () => {
    await begin(['containerd-2.1']);
    const { podSandboxId } = await aPod('containerd-2.1');
    const { client } = world;
    const leaving = new AbortController();
    const reply = client.rawCall(client.pathOf('GetContainerEvents'), Buffer.alloc(0), {
      signal: leaving.signal,
    });
    const other = await listen();
    const message = futureEvent(podSandboxId, 'of the future');
    await until(() => {
      world.runtime('containerd-2.1').world.events.publish(message);
      return other.events.length > 1;
    }, 'it has arrived');
    leaving.abort();
    expect((await reply).messages[0]).toEqual(message);
  });

  it('is told by a list what a backend tells without the pod, which a kubelet would drop', async () => {
    await begin(['containerd-2.1']);
    const events = await listen();
    const pod = await aPod('containerd-2.1');
    await isTold(events, pod.containerId, 'started');
    const runtime = world.runtime('containerd-2.1').world;
    runtime.seed({ sandboxes: 1, containersPerSandbox: 0 });
    const seeded = [...runtime.sandboxes.values()].at(-1)?.id ?? '';
    const withoutPod = [encodeField(1, Buffer.from(seeded)), encodeNanoseconds(3, Date.now())];
    runtime.events.publish(Buffer.concat(withoutPod));
    await isTold(events, seeded, 'started');
    expect(events.of(seeded)).toEqual(['created', 'started']);
    for (const event of events.events) expect(event.podSandboxStatus?.metadata?.uid).toBeTruthy();
  });

  it('is not told the backlog that a backend kept for its first subscriber', async () => {
    await begin(['containerd-1.7']);
    const before = await aPod('containerd-1.7');
    const events = await listen();
    const after = await aPod('containerd-1.7');
    await isTold(events, after.containerId, 'started');
    expect(events.of(before.containerId)).toEqual([]);
    expect(events.of(before.podSandboxId)).toEqual([]);
  });

  it('can ask for what it was told of at once, also what was made behind the back', async () => {
    await begin(['containerd-2.1', 'containerd-1.7']);
    const events = await listen();
    using direct = world.direct('containerd-1.7');
    const pod = await aPod('', direct);
    await isTold(events, pod.containerId, 'started');
    const searches = () =>
      world
        .runtime('containerd-2.1')
        .journal.filter(({ requestBytes }) => requestBytes.includes(pod.containerId));
    await world.client.call('ContainerStatus', { containerId: pod.containerId });
    expect(searches()).toEqual([]);
  });

  it('is told what happens on a backend whose clock is behind', async () => {
    const clock = new FakeClock();
    await begin([{ name: 'late', profile: 'containerd-2.1', runtime: { clock } }]);
    const events = listenToEvents(world.connect());
    await until(() => world.runtime('late').world.events.subscribers === 1, 'it is subscribed to');
    const pod = await aPod('late');
    await isTold(events, pod.containerId, 'started');
    exit('late', pod.containerId);
    await isTold(events, pod.containerId, 'stopped');
    expect(events.of(pod.containerId)).toEqual(WHOLE_LIFE.slice(0, 3));
  });

  it('is told of a sandbox that runs again what is now, not what an older sandbox of the pod was', async () => {
    await begin(['containerd-1.6']);
    const events = await listen();
    const first = await aPod('containerd-1.6');
    await isTold(events, first.containerId, 'started');
    using direct = world.direct('containerd-1.6');
    await direct.call('StopPodSandbox', { podSandboxId: first.podSandboxId });
    const second = await runPod(direct, { uid: first.uid, attempt: 1 });
    await direct.call('RemovePodSandbox', { podSandboxId: first.podSandboxId });
    await isTold(events, first.podSandboxId, 'deleted');
    await isTold(events, second.podSandboxId, 'started');
    // A kubelet that is told that the sandbox it is shown was deleted forgets the pod.
    const deleted = events.events[events.lines.indexOf(`deleted ${first.podSandboxId}`)];
    expect(deleted?.podSandboxStatus?.id).toBe(second.podSandboxId);
  });
});

describe('the log', () => {
  it.each([
    ['cri-o', /^the runtime has ended the stream$/],
    ['cri-dockerd', /^the runtime has ended the stream with UNIMPLEMENTED: /],
  ])('says who ended the events of %s, and how', async (name, reason) => {
    await begin([name]);
    listenToEvents(world.connect());
    const line = () => world.lines.find(({ text }) => text.startsWith('a backend has no events of its own'));
    await until(() => line() !== undefined, 'it is logged');
    expect(line()?.fields).toMatchObject({ backend: name, reason: expect.stringMatching(reason) });
  });
});

describe('the stream of a client', () => {
  it.each(KINDS.map(({ name }) => name))(
    'outlives a crash of %s, and what ended meanwhile is told exactly once',
    async (name) => {
      await begin([
        'containerd-2.1',
        ...KINDS.filter((kind) => kind.name === name && name !== 'containerd-2.1'),
      ]);
      const events = await listen();
      const ends = await aPod(name);
      const stays = await aPod(name);
      const goes = await aPod(name);
      await isTold(events, goes.containerId, 'started');
      await isTold(events, ends.containerId, 'started');
      await isTold(events, stays.containerId, 'started');
      const runtime = world.runtime(name);
      runtime.crash();
      await isAbsent(name);
      exit(name, ends.containerId, 7);
      const sandbox = runtime.world.sandboxes.get(goes.podSandboxId);
      if (sandbox !== undefined) runtime.world.removeSandbox(sandbox);
      await runtime.restart();
      await isTold(events, ends.containerId, 'stopped');
      await isTold(events, goes.podSandboxId, 'deleted');
      exit(name, stays.containerId);
      await isTold(events, stays.containerId, 'stopped');

      expect(events.of(ends.containerId)).toEqual(WHOLE_LIFE.slice(0, 3));
      expect(events.of(stays.containerId)).toEqual(WHOLE_LIFE.slice(0, 3));
      expect(events.of(goes.containerId)).toEqual(WHOLE_LIFE);
      expect(events.of(goes.podSandboxId)).toEqual(WHOLE_LIFE);
      const last = events.events[events.lines.indexOf(`deleted ${goes.podSandboxId}`)];
      expect(last?.podSandboxStatus).toMatchObject({
        id: goes.podSandboxId,
        state: 1,
        labels: goes.config.labels,
      });
    },
  );

  it('tells what changed on a backend that was away when it began', async () => {
    await begin(['containerd-2.1', 'containerd-1.6', 'containerd-1.7']);
    const pods = { old: await aPod('containerd-1.6'), middle: await aPod('containerd-1.7') };
    await world.client.call('ListPodSandbox', {});
    for (const name of ['containerd-1.6', 'containerd-1.7']) {
      world.runtime(name).crash();
      await isAbsent(name);
    }
    const events = listenToEvents(world.connect());
    await until(() => world.runtime('containerd-2.1').world.events.subscribers === 1, 'it listens');
    exit('containerd-1.6', pods.old.containerId);
    exit('containerd-1.7', pods.middle.containerId);
    for (const name of ['containerd-1.6', 'containerd-1.7']) await world.runtime(name).restart();
    await isTold(events, pods.old.containerId, 'stopped');
    await isTold(events, pods.middle.containerId, 'stopped');
    expect(events.lines).toHaveLength(2);
  });

  it('goes on for other backends while one hangs', async () => {
    await begin(['containerd-2.1', 'containerd-1.6', 'cri-dockerd']);
    const events = await listen();
    world.runtime('cri-dockerd').faults.add('ListContainers', { kind: 'hang' });
    for (const name of ['containerd-2.1', 'containerd-1.6']) {
      const pod = await aPod(name);
      await isTold(events, pod.containerId, 'started');
    }
  });

  it('leaves out what another backend owns, and reports it', async () => {
    await begin(['containerd-2.1', 'containerd-1.7']);
    const events = await listen();
    const { podSandboxId, containerId } = await aPod('containerd-2.1');
    await isTold(events, containerId, 'started');
    const told = events.events.length;
    const one = world.runtime('containerd-2.1').world;
    const stolen: Buffer[] = [];
    const leave = one.events.subscribe((event) => stolen.push(event));
    const container = await runContainer(
      world.client,
      { podSandboxId, uid: '', config: await aConfig(podSandboxId) },
      { image: SIMULATED_IMAGE, name: 'second' },
    );
    leave();
    await isTold(events, container, 'started');
    for (const event of stolen) world.runtime('containerd-1.7').world.events.publish(event);
    await until(() => world.lines.some(({ text }) => /own/.test(text)), 'it is reported');
    expect(events.events).toHaveLength(told + 2);
  });
});

describe('a list, after events', () => {
  it('that a snapshot answers does not contradict what was told', async () => {
    await begin(['containerd-2.1']);
    const events = await listen();
    using direct = world.direct('containerd-2.1');
    const own = await aPod('containerd-2.1');
    const { journal } = world.runtime('containerd-2.1');
    const other = await aPod('', direct);
    const made = journal.findLastIndex(({ method }) => method === 'CreateContainer');
    const isListed = () =>
      journal
        .slice(made)
        .some(
          ({ method, requestBytes, ended }) =>
            method === 'ListContainers' && requestBytes.length === 0 && ended === 'OK',
        );
    await isTold(events, other.containerId, 'started');
    exit('containerd-2.1', own.containerId);
    await isTold(events, own.containerId, 'stopped');
    await until(isListed, 'what was made behind the back is listed');
    // Its answer is behind the list's.
    await world.client.call('ContainerStatus', { containerId: own.containerId });
    world.runtime('containerd-2.1').crash();
    await isAbsent('containerd-2.1');
    const { containers } = await world.client.call('ListContainers', {});
    expect(containers.map(({ id, state }) => [id, state])).toEqual(
      expect.arrayContaining([
        [own.containerId, 2],
        [other.containerId, 1],
      ]),
    );
  });
});

describe('the end of a stream', () => {
  it('comes with UNAVAILABLE at once when Switchyard stops', async () => {
    await begin(['containerd-2.1'], (config) => ({ ...config, shutdownGraceMs: 60_000 }));
    const events = await listen();
    await world.switchyard.close();
    expect(await events.ended).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('frees its place', async () => {
    await begin(['containerd-2.1']);
    for (let nth = 0; nth < 70; nth++) {
      const events = await listen();
      events.leave();
      expect(await events.ended).toMatchObject({ code: 'CANCELLED' });
    }
    const events = await listen();
    const pod = await aPod('containerd-2.1');
    await isTold(events, pod.containerId, 'started');
    expect(world.runtime('containerd-2.1').world.events.subscribers).toBe(1);
  });
});

describe('UNIMPLEMENTED', () => {
  const ended = async () =>
    (await listenToEvents(world.connect()).ended) as { code: string; details: string };

  it('is said when the config has switched events off', async () => {
    await begin(['containerd-2.1'], (config) => ({ ...config, events: { isServed: false, periodMs: 50 } }));
    expect(await ended()).toMatchObject({ code: 'UNIMPLEMENTED' });
  });

  it('is said when a backend has no events and none are made for it, and names it', async () => {
    await begin(['containerd-2.1', 'cri-dockerd'], (config) => ({
      ...config,
      events: { isServed: true, periodMs: undefined },
    }));
    for (let nth = 0; nth < 2; nth++) {
      expect(await ended()).toMatchObject({
        code: 'UNIMPLEMENTED',
        details: expect.stringContaining('cri-dockerd'),
      });
    }
  });

  it('is not said when all backends have events, though none are made', async () => {
    await begin(NATIVE, (config) => ({ ...config, events: { isServed: true, periodMs: undefined } }));
    const events = await listen();
    for (const name of NATIVE) {
      const pod = await aPod(name);
      await isTold(events, pod.containerId, 'started');
    }
  });
});

async function aConfig(podSandboxId: string) {
  const { status: found } = await world.client.call('PodSandboxStatus', { podSandboxId });
  return { metadata: found?.metadata } as Parameters<typeof runContainer>[1]['config'];
}

/** An event of a type that does not exist yet, with a field that does not either. */
function futureEvent(podSandboxId: string, text: string): Buffer {
  const id = encodeField(1, Buffer.from(podSandboxId));
  const metadata = encodeField(2, encodeField(2, Buffer.from('uid')));
  return Buffer.concat([
    id,
    ...[encodeNumber(2, 9), encodeNanoseconds(3, Date.now() + 1_000)],
    encodeField(4, Buffer.concat([id, metadata])),
    encodeField(1_000, Buffer.from(text)),
  ]);
}
