import { describe, expect, it } from 'vitest';
import { asGone, readEvent, writeEvent } from '../../../src/events/event-message.ts';
import { readContainers, readSandboxes, STAGE } from '../../../src/events/pod-lists.ts';
import { codecOf } from '../../support/cri-codec.ts';

const codec = codecOf('GetContainerEvents');
const POD = {
  id: 's1',
  metadata: { name: 'web', uid: 'u1', namespace: 'default', attempt: 2 },
  createdAt: 1.7e18,
  labels: { app: 'web' },
  annotations: { a: 'b' },
};

/** A PodSandboxStatus made of the first record of a list. */
function statusFrom(sandboxes: Buffer): Buffer {
  return readSandboxes(sandboxes)[0]?.status() ?? Buffer.alloc(0);
}

const sandboxList = codecOf('ListPodSandbox').encodeResponse({
  items: [
    { ...POD, state: 0, runtimeHandler: 'runc' },
    { id: 's2', state: 1 },
  ],
});

describe('an event', () => {
  it('of a backend is read as far as it must be understood', () => {
    const message = codec.encodeResponse({
      containerId: 'c1',
      containerEventType: 2,
      createdAt: 1.7e18 + 500_000,
      podSandboxStatus: { ...POD, state: 0 },
      containersStatuses: [
        { id: 'c1', state: 2 },
        { id: 'c2', state: 1 },
      ],
    });
    expect(readEvent(Buffer.from(message))).toMatchObject({
      id: 'c1',
      stage: STAGE.stopped,
      createdAtMs: 1_700_000_000_000.5,
      pod: { sandboxId: 's1', uid: 'u1' },
      containerIds: ['c1', 'c2'],
      runningCount: 1,
    });
  });

  it('without metadata is of no pod, and one of a new type of no stage', () => {
    const bare = codec.encodeResponse({ containerId: 'c1', podSandboxStatus: { id: 's1' } });
    expect(readEvent(Buffer.from(bare)).pod).toBeUndefined();
    expect(readEvent(Buffer.from(bare)).stage).toBe(STAGE.created);
    expect(readEvent(Buffer.from([0x10, 9])).stage).toBeUndefined();
  });

  it('of our own says what it is given, to the microsecond', () => {
    const event = codec.decode(
      writeEvent({
        id: 'c1',
        stage: STAGE.deleted,
        createdAtMs: 1_700_000_000_000.001,
        podStatus: statusFrom(sandboxList),
        containerStatuses: [Buffer.from([0x0a, 2, 0x63, 0x31]), Buffer.from([0x0a, 2, 0x63, 0x32])],
      }),
    );
    expect(event).toMatchObject({
      containerId: 'c1',
      containerEventType: 3,
      createdAt: 1.7e18 + 1_000,
      podSandboxStatus: { ...POD, state: 0, runtimeHandler: 'runc' },
      containersStatuses: [{ id: 'c1' }, { id: 'c2' }],
    });
  });

  it('of a pod that is gone shows it as not ready', () => {
    const podStatus = asGone(statusFrom(sandboxList));
    const event = { id: 's1', stage: STAGE.deleted, createdAtMs: 1, podStatus, containerStatuses: [] };
    expect(codec.decode(writeEvent(event)).podSandboxStatus).toMatchObject({ ...POD, state: 1 });
  });
});

describe('lists', () => {
  it('tell how far sandboxes and containers are', () => {
    expect(readSandboxes(sandboxList)).toMatchObject([
      { id: 's1', uid: 'u1', stage: STAGE.started },
      { id: 's2', uid: '', stage: STAGE.stopped },
    ]);
    const containers = [0, 1, 2, 3].map((state) => ({ id: `c${state}`, podSandboxId: 's1', state }));
    const list = codecOf('ListContainers').encodeResponse({ containers });
    expect(readContainers(list).map(({ stage }) => stage)).toEqual([
      STAGE.created,
      STAGE.started,
      STAGE.stopped,
      // UNKNOWN: it is there, and that is all.
      STAGE.created,
    ]);
  });
});
