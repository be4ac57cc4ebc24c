// The stream of container events.
import { status as Code } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import type { CriError } from '../../support/cri-client.ts';
import type { Response } from '../../support/cri-codec.ts';
import { until } from '../../support/until.ts';
import type { Bench } from './bench.ts';

const CREATED = 0;
const STARTED = 1;
const STOPPED = 2;
const DELETED = 3;

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
    const events: Response<'GetContainerEvents'>[] = [];
    const leaving = new AbortController();
    const listening = (async () => {
      const options = { signal: leaving.signal, deadlineMs: 600_000 };
      for await (const event of bench.cri.stream('GetContainerEvents', {}, options)) events.push(event);
    })().catch((error: CriError) => error.code);
    const typesOf = (id: string) =>
      events.filter((event) => event.containerId === id).map((event) => event.containerEventType);
    // Where events are made from lists, what comes and goes between two of them is seen by nobody.
    const told = (id: string, type: number) =>
      until(() => typesOf(id).includes(type), `type ${type} of ${id} is told`);
    // An event of some other pod shows that the stream stands.
    await until(async () => {
      await bench.pod();
      return events.length > 0;
    }, 'the stream stands');
    await bench.tidy();

    const pod = await bench.pod();
    const { podSandboxId, uid } = pod;
    const containerId = await bench.running(pod);
    await told(containerId, STARTED);
    await bench.cri.call('StopContainer', { containerId, timeout: 0 });
    await told(containerId, STOPPED);
    await bench.cri.call('RemoveContainer', { containerId });
    await told(containerId, DELETED);
    await bench.tidy();
    await told(podSandboxId, DELETED);
    expect(typesOf(podSandboxId)).toEqual([CREATED, STARTED, STOPPED, DELETED]);
    expect(typesOf(containerId)).toEqual([CREATED, STARTED, STOPPED, DELETED]);

    const started = events.find(
      (event) => event.containerId === containerId && event.containerEventType === STARTED,
    );
    expect(started?.createdAt).toBeGreaterThan(0);
    expect(started?.podSandboxStatus).toMatchObject({ id: podSandboxId, metadata: { uid } });
    expect(started?.containersStatuses.map(({ id }) => id)).toEqual([containerId]);
    leaving.abort();
    expect(await listening).toBe(Code.CANCELLED);
  });
}
