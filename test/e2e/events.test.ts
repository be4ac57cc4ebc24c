// GetContainerEvents over real containerds: 1.6, which has no events, 1.7, which deals them out, and 2, which repeats them
// to all. Every stage is told once, with the pod's metadata, whatever becomes of a containerd meanwhile.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Containerd } from '../support/containerd.ts';
import { runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { type EventListener, listenToEvents } from '../support/event-listener.ts';
import { IMAGES } from '../support/oci-image.ts';
import { until } from '../support/until.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const BACKENDS = [
  ['old', ''],
  ['middle', 'runc17'],
  ['new', 'runc2'],
] as const;
const WHOLE_LIFE = ['created', 'started', 'stopped', 'deleted'];
/** Ends by itself after a time in which a list of every second has seen it. */
const SHORT = ['-c', 'sleep 3; exit 3'];
const LONG = ['-c', 'sleep 600'];

let world: World;
let events: EventListener;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  // containerd keeps what happens before anyone asks: that is no news.
  const early = await aPod('runc17', LONG);
  events = listenToEvents(world.switchyard.connect());
  await aStandingStream();
  expect(events.of(early.containerId)).toEqual([]);
});

// The containerds take their pods with them.
afterAll(() => world?.[Symbol.asyncDispose]());

async function aPod(handler: string, args: readonly string[]) {
  const pod = await runPod(world.cri, { cgroupParent: world.run.cgroupParent, handler });
  return { ...pod, containerId: await runContainer(world.cri, pod, { image: IMAGES.app, args }) };
}

/** Every backend has told of a pod that was made after the stream began. */
async function aStandingStream(): Promise<void> {
  for (const [, handler] of BACKENDS) {
    const pod = await runPod(world.cri, { cgroupParent: world.run.cgroupParent, handler });
    await isTold(pod.podSandboxId, 'started');
  }
}

const isTold = (id: string, what: string) =>
  until(() => events.of(id).includes(what), `it is told that ${id} was ${what}`, 30_000);

/** The process of a container, as seen from the node. */
async function pidOf(containerd: Containerd, containerId: string): Promise<number> {
  const { info } = await containerd.cri.call('ContainerStatus', { containerId, verbose: true });
  return (JSON.parse(info['info'] ?? '{}') as { pid: number }).pid;
}

describe('the events of real containerds', () => {
  it('tell the life of every pod and container once, in order, with the state of the pod', async () => {
    const made = await Promise.all(BACKENDS.map(([, handler]) => aPod(handler, SHORT)));
    for (const { containerId, podSandboxId } of made) {
      await isTold(containerId, 'stopped');
      await world.cri.call('RemoveContainer', { containerId });
      await isTold(containerId, 'deleted');
      await world.cri.call('StopPodSandbox', { podSandboxId });
      await isTold(podSandboxId, 'stopped');
      await world.cri.call('RemovePodSandbox', { podSandboxId });
      await isTold(podSandboxId, 'deleted');
    }
    for (const { containerId, podSandboxId, uid } of made) {
      expect(events.of(containerId)).toEqual(WHOLE_LIFE);
      expect(events.of(podSandboxId)).toEqual(WHOLE_LIFE);
      const own = events.events.filter(({ containerId: id }) => id === containerId || id === podSandboxId);
      for (const event of own) expect(event.podSandboxStatus?.metadata?.uid).toBe(uid);
      const stopped = own.find(
        (event) => event.containerId === containerId && event.containerEventType === 2,
      );
      expect(stopped?.containersStatuses).toMatchObject([{ id: containerId, exitCode: 3 }]);
      const times = own.map(({ createdAt }) => createdAt);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  it.each(BACKENDS)(
    'tell once what ended while containerd %s was killed, and go on',
    async (name, handler) => {
      const containerd = world[name];
      const ends = await aPod(handler, LONG);
      const stays = await aPod(handler, LONG);
      await isTold(ends.containerId, 'started');
      await isTold(stays.containerId, 'started');
      const pid = await pidOf(containerd, ends.containerId);
      await containerd.kill();
      process.kill(pid, 'SIGKILL');
      await containerd.startAgain();
      await isTold(ends.containerId, 'stopped');
      await world.cri.call('StopContainer', { containerId: stays.containerId, timeout: 0 });
      await isTold(stays.containerId, 'stopped');
      expect(events.of(ends.containerId)).toEqual(WHOLE_LIFE.slice(0, 3));
      expect(events.of(stays.containerId)).toEqual(WHOLE_LIFE.slice(0, 3));
      const stopped = events.events[events.lines.indexOf(`stopped ${ends.containerId}`)];
      expect(stopped?.podSandboxStatus?.metadata?.uid).toBe(ends.uid);
      // Not always 137: a containerd that was away when a process ended may say 255, which is unknown.
      const { status } = await containerd.cri.call('ContainerStatus', { containerId: ends.containerId });
      expect(status?.exitCode).toBeGreaterThan(0);
      expect(stopped?.containersStatuses).toEqual([status]);
    },
  );

  it('are never told twice, and never without their pod', () => {
    expect(events.lines).toEqual([...new Set(events.lines)]);
    for (const event of events.events) expect(event.podSandboxStatus?.metadata?.uid).toBeTruthy();
  });

  it('end with UNAVAILABLE at once when Switchyard stops', async () => {
    await world.switchyard.stop();
    expect(await events.ended).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
