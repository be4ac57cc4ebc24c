// The events that are made from lists beside those of a backend's own: what a list tells, when, and with which time.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeField } from '../../../src/cri/wire.ts';
import { encodeNanoseconds, encodeNumber } from '../../../src/cri/wire-writer.ts';
import { type Pod, runPod } from '../../support/cri-pod.ts';
import { type EventListener, listenToEvents } from '../../support/event-listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

/** The longest time from one list to the next while a gap is open. */
const NEXT_LIST_MS = 1_000;

describe('a backend with events of its own, and what its lists show', () => {
  let clock: FakeClock;
  let world: ProxyWorld;
  let events: EventListener;
  let pod: Pod;

  beforeEach(async () => {
    clock = new FakeClock();
    const backend = { name: 'one', profile: 'containerd-2.1', runtime: { clock } } as const;
    const slowly = { isServed: true, periodMs: 60_000 };
    world = await proxyWorld([backend], (config) => ({ ...config, events: slowly }), clock);
    await world.client.call('ListPodSandbox', {});
    await world.client.call('ListContainers', {});
    const before = lists();
    pod = await runPod(world.client);
    events = listenToEvents(world.connect());
    await until(() => runtime().world.events.subscribers === 1, 'it is subscribed to');
    await until(() => lists() === before + 1, 'it is listed for the first time');
    await roundTrip();
  });

  afterEach(async () => {
    events.leave();
    await world[Symbol.asyncDispose]();
  });

  const runtime = () => world.runtime('one');
  /** How often all it has was listed. */
  const lists = () => {
    const [sandboxes, containers] = ['ListPodSandbox', 'ListContainers'].map(
      (list) => runtime().journal.filter(({ method, ended }) => method === list && ended === 'OK').length,
    );
    return Math.min(sandboxes ?? 0, containers ?? 0);
  };

  /** A pod of which the backend's own events say nothing. */
  const seed = () => {
    runtime().world.seed({ sandboxes: 1, containersPerSandbox: 0 });
    return [...runtime().world.sandboxes.values()].at(-1)?.id ?? '';
  };
  const isTold = (id: string) => until(() => events.of(id).includes('started'), 'it is told');

  /** An event of the backend's own about the pod, of a type that is younger than this test. */
  const publish = (createdAtMs: number) => {
    const id = encodeField(1, Buffer.from(pod.podSandboxId));
    const metadata = encodeField(2, encodeField(2, Buffer.from(pod.uid)));
    const time = encodeNanoseconds(3, createdAtMs);
    const status = encodeField(4, Buffer.concat([id, metadata]));
    runtime().world.events.publish(Buffer.concat([id, encodeNumber(2, 9), time, status]));
  };
  /** All that the backend has sent so far is there. */
  const roundTrip = () => world.client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
  const timesOf = (id: string) =>
    events.events.filter(({ containerId }) => containerId === id).map(({ createdAt }) => createdAt / 1e6);
  const timesRise = () => {
    const times = events.events.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  };

  it('is listed twice when it is subscribed to: it may not have noted that before it began on the first', async () => {
    const missed = seed();
    expect(events.of(missed)).toEqual([]);
    clock.advance(NEXT_LIST_MS);
    await isTold(missed);
    expect(events.of(missed)).toEqual(['created', 'started']);
    const listed = lists();
    for (let i = 0; i < 5; i++) {
      clock.advance(NEXT_LIST_MS);
      await roundTrip();
    }
    expect(lists()).toBe(listed); // the gap is closed
  });

  it('is told with a time that is not after that of its own event which came meanwhile and is told next', async () => {
    const hang = runtime().faults.add('ListContainers', { kind: 'hang' });
    const missed = seed();
    clock.advance(NEXT_LIST_MS);
    await until(() => hang.hits === 1, 'it is being listed');
    const ownMs = clock.wallMs() - 300;
    publish(ownMs);
    await roundTrip();
    hang.clear();
    await isTold(missed);
    await until(() => events.of(pod.podSandboxId).includes('unknown'), 'its own event is told');
    expect(timesOf(missed)).toEqual([ownMs, ownMs]);
    timesRise();
  });

  it('is told with a time that is not before that of its own event which was told last', async () => {
    const ownMs = clock.wallMs() + 60_000;
    publish(ownMs);
    await until(() => events.of(pod.podSandboxId).includes('unknown'), 'its own event is told');
    const missed = seed();
    clock.advance(NEXT_LIST_MS);
    await isTold(missed);
    expect(Math.min(...timesOf(missed))).toBeGreaterThanOrEqual(ownMs);
    timesRise();
  });

  it('is told with the time at which the list was begun when there is no such event', async () => {
    const missed = seed();
    clock.advance(NEXT_LIST_MS);
    await isTold(missed);
    expect(timesOf(missed)).toEqual([clock.wallMs(), clock.wallMs()]);
  });
});
