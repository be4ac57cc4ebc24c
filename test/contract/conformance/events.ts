// The stream of container events.
import { expect, it } from 'vitest';
import type { Pod } from '../../support/cri-pod.ts';
import { type EventListener, listenToEvents } from '../../support/event-listener.ts';
import { until } from '../../support/until.ts';
import type { Bench } from './bench.ts';

/** ContainerEventType. */
const STARTED = 1;
/** What is told of a pod sandbox, and of a container. */
export const LIFE = ['created', 'started', 'stopped', 'deleted'];

/**
 * Runs a container in a pod and takes both away, each step once all listeners were told of the one before: where
 * events are made from lists, what comes and goes between two of them is seen by nobody. Gives the container's id.
 */
export async function liveOut(bench: Bench, pod: Pod, listeners: readonly EventListener[]): Promise<string> {
  const told = (id: string, what: string) =>
    until(() => listeners.every((one) => one.of(id).includes(what)), `${what} ${id} is told`);
  const containerId = await bench.running(pod);
  await told(containerId, 'started');
  await bench.cri.call('StopContainer', { containerId, timeout: 0 });
  await told(containerId, 'stopped');
  await bench.cri.call('RemoveContainer', { containerId });
  await told(containerId, 'deleted');
  await bench.tidy();
  await told(pod.podSandboxId, 'deleted');
  return containerId;
}

export function defineEvents(bench: Bench): void {
  const { traits } = bench.place;

  if (bench.lacks('GetContainerEvents')) {
    it('says UNIMPLEMENTED to who asks for events, so that he lists', async () => {
      expect(await bench.code('GetContainerEvents', {})).toBe('UNIMPLEMENTED');
    });
    return;
  }
  if (traits.events === 'off') {
    it('ends the stream of events at once where they are off', async () => {
      expect(await bench.all('GetContainerEvents', {})).toEqual([]);
    });
    return;
  }

  it('tells each step in the life of a pod and of its container once and in order, with the state of both', async () => {
    const listener = listenToEvents(bench.cri);
    // An event of some other pod shows that the stream stands.
    await until(async () => {
      await bench.pod();
      return listener.events.length > 0;
    }, 'the stream stands');
    await bench.tidy();

    const pod = await bench.pod();
    const { podSandboxId, uid } = pod;
    const containerId = await liveOut(bench, pod, [listener]);
    expect(listener.of(podSandboxId)).toEqual(LIFE);
    expect(listener.of(containerId)).toEqual(LIFE);

    const started = listener.events.find(
      (event) => event.containerId === containerId && event.containerEventType === STARTED,
    );
    expect(started?.createdAt).toBeGreaterThan(0);
    expect(started?.podSandboxStatus).toMatchObject({ id: podSandboxId, metadata: { uid } });
    expect(started?.containersStatuses.map(({ id }) => id)).toEqual([containerId]);
    listener.leave();
    expect((await listener.ended).code).toBe('CANCELLED');
  });
}
