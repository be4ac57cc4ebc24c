import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import type { SnapshotChange } from '../../../src/backends/snapshot-change.ts';
import { containerRecord, sandboxRecord } from '../../../src/backends/snapshot-record.ts';
import { ListContainersResponseSchema } from '../../../src/cri/gen/runtime/v1/container_calls_pb.ts';
import { ContainerState } from '../../../src/cri/gen/runtime/v1/container_pb.ts';
import { ListPodSandboxResponseSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';

const EMPTY = new Uint8Array(0);

function runChange(id: string): SnapshotChange {
  return { kind: 'run-sandbox', id, record: sandboxRecord({ id, createdAtMs: 1 }, EMPTY, '') };
}

function createChange(id: string, sandboxId: string): SnapshotChange {
  return {
    kind: 'create-container',
    id,
    sandboxId,
    record: containerRecord({ id, createdAtMs: 1 }, sandboxId, EMPTY),
  };
}

function sandboxList(...items: { id: string; labels?: Record<string, string> }[]): Buffer {
  const response = create(ListPodSandboxResponseSchema, { items });
  return Buffer.from(toBinary(ListPodSandboxResponseSchema, response));
}

function sandboxesOf(snapshot: BackendSnapshot) {
  return fromBinary(ListPodSandboxResponseSchema, snapshot.answer('ListPodSandbox', EMPTY) ?? EMPTY).items;
}

function containersOf(snapshot: BackendSnapshot) {
  return fromBinary(ListContainersResponseSchema, snapshot.answer('ListContainers', EMPTY) ?? EMPTY)
    .containers;
}

/** A snapshot with empty lists. */
function emptySnapshot(): BackendSnapshot {
  const snapshot = new BackendSnapshot();
  snapshot.refresh('ListPodSandbox', Buffer.alloc(0), snapshot.begin(0));
  snapshot.refresh('ListContainers', Buffer.alloc(0), snapshot.begin(0));
  return snapshot;
}

describe('BackendSnapshot', () => {
  it('has no list before a complete one came, whatever passed', () => {
    const snapshot = new BackendSnapshot();
    snapshot.change(runChange('s'));
    expect(snapshot.has('ListPodSandbox')).toBe(false);
    expect(snapshot.isPatchable('ListPodSandbox')).toBe(false);
    expect(snapshot.answer('ListPodSandbox', EMPTY)).toBeUndefined();
    expect(snapshot.ageMs('ListPodSandbox', 5)).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives an unfiltered list back as the bytes that came, also when it is empty', () => {
    const snapshot = emptySnapshot();
    expect(snapshot.answer('ListPodSandbox', EMPTY)).toEqual(Buffer.alloc(0));
    const list = sandboxList({ id: 'a' }, { id: 'b' });
    snapshot.refresh('ListPodSandbox', list, snapshot.begin(1));
    expect(snapshot.answer('ListPodSandbox', EMPTY)).toBe(list);
  });

  it('counts the age of a list from when it was asked for', () => {
    const snapshot = new BackendSnapshot();
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 'a' }), snapshot.begin(1_000));
    expect(snapshot.ageMs('ListPodSandbox', 4_500)).toBe(3_500);
    snapshot.change(runChange('b'));
    expect(snapshot.ageMs('ListPodSandbox', 4_500)).toBe(3_500);
  });

  it('prefers what the backend lists to what was made of a request', () => {
    const snapshot = emptySnapshot();
    const start = snapshot.begin(1);
    snapshot.change(runChange('s'));
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 's', labels: { by: 'backend' } }), start);
    expect(sandboxesOf(snapshot)).toMatchObject([{ id: 's', labels: { by: 'backend' } }]);
  });

  it('does not take a list that was asked for before the one it has', () => {
    const snapshot = emptySnapshot();
    const early = snapshot.begin(1);
    const late = snapshot.begin(2);
    expect(snapshot.refresh('ListPodSandbox', sandboxList({ id: 'new' }), late)).toBe(true);
    expect(snapshot.refresh('ListPodSandbox', sandboxList({ id: 'old' }), early)).toBe(false);
    expect(sandboxesOf(snapshot)).toMatchObject([{ id: 'new' }]);
  });

  it('stops what runs and nothing else when the machine was started anew', () => {
    const snapshot = emptySnapshot();
    snapshot.change(runChange('s'), createChange('c1', 's'), createChange('c2', 's'));
    snapshot.change({ kind: 'start-container', id: 'c1' }, { kind: 'end-all' });
    expect(sandboxesOf(snapshot)).toMatchObject([{ id: 's', state: 1 }]);
    expect(containersOf(snapshot)).toMatchObject([
      { id: 'c1', state: ContainerState.CONTAINER_EXITED },
      { id: 'c2', state: ContainerState.CONTAINER_CREATED },
    ]);
  });

  it('says that a list is not certain after a call without an outcome, until a list that began later', () => {
    const snapshot = emptySnapshot();
    const before = snapshot.begin(1);
    snapshot.change({ kind: 'lose', list: 'ListPodSandbox' });
    expect(snapshot.isPatchable('ListPodSandbox')).toBe(false);
    expect(snapshot.isPatchable('ListContainers')).toBe(true);
    expect(snapshot.has('ListPodSandbox')).toBe(true);
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 'a' }), before);
    expect(snapshot.isPatchable('ListPodSandbox')).toBe(false);
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 'a' }), snapshot.begin(2));
    expect(snapshot.isPatchable('ListPodSandbox')).toBe(true);
  });

  it('has no images after a pull or a removal until a list that began later', () => {
    const snapshot = new BackendSnapshot();
    const images = Buffer.from('\n\x03\n\x01a');
    const before = snapshot.begin(0);
    snapshot.refresh('ListImages', images, before);
    expect(snapshot.answer('ListImages', EMPTY)).toEqual(images);
    snapshot.change({ kind: 'lose', list: 'ListImages' });
    snapshot.refresh('ListImages', images, before);
    expect(snapshot.has('ListImages')).toBe(false);
    expect(snapshot.answer('ListImages', EMPTY)).toBeUndefined();
    snapshot.refresh('ListImages', images, snapshot.begin(1));
    expect(snapshot.has('ListImages')).toBe(true);
  });

  it('holds a bounded number of changes while nobody lists, and loses none of them', () => {
    const snapshot = emptySnapshot();
    const early = snapshot.begin(1);
    for (let n = 0; n < 10_000; n++) {
      snapshot.change(runChange(`s${n}`));
      if (n % 2 === 0) snapshot.change({ kind: 'remove-sandbox', id: `s${n}` });
    }
    expect(snapshot.parts().filter(({ kind }) => kind === 'change').length).toBeLessThan(10_000);
    const ids = sandboxesOf(snapshot).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: 5_000 }, (_, n) => `s${2 * n + 1}`));
    // It may lack changes that are no longer at hand one by one.
    expect(snapshot.refresh('ListPodSandbox', sandboxList({ id: 'old' }), early)).toBe(false);
    expect(snapshot.refresh('ListPodSandbox', sandboxList({ id: 's1' }), snapshot.begin(2))).toBe(true);
    expect(sandboxesOf(snapshot)).toMatchObject([{ id: 's1' }]);
  });

  it('takes a list that does not parse for none, once it has to look into it', () => {
    const snapshot = emptySnapshot();
    snapshot.refresh('ListPodSandbox', Buffer.from([0x0a, 0x7f]), snapshot.begin(1));
    snapshot.change(runChange('s'));
    expect(snapshot.answer('ListPodSandbox', EMPTY)).toBeUndefined();
    expect(snapshot.has('ListPodSandbox')).toBe(false);
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 'a' }), snapshot.begin(2));
    expect(sandboxesOf(snapshot)).toMatchObject([{ id: 'a' }]);
  });

  it('keeps the last replies of other calls', () => {
    const snapshot = new BackendSnapshot();
    expect(snapshot.kept('Status')).toBeUndefined();
    snapshot.keep('Status', Buffer.from('1'), 10);
    snapshot.keep('Status', Buffer.from('2'), 20);
    expect(snapshot.kept('Status')).toEqual({ message: Buffer.from('2'), atMs: 20 });
  });

  it('tells its watcher of every change and message, once it has them', () => {
    const snapshot = new BackendSnapshot();
    const told: string[] = [];
    snapshot.watch({
      onChange: ({ seq, change }) => told.push(`${seq} ${change.kind} ${sandboxesOf(snapshot).length}`),
      onMessage: (rpc) => told.push(`${rpc} ${snapshot.messageOf(rpc)?.message.length}`),
    });
    const early = snapshot.begin(0);
    snapshot.refresh('ListPodSandbox', Buffer.alloc(0), snapshot.begin(1));
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 'a' }), early);
    snapshot.change(runChange('s'), { kind: 'remove-sandbox', id: 's' });
    snapshot.keep('Version', Buffer.from('v'), 2);
    expect(told).toEqual(['ListPodSandbox 0', '1 run-sandbox 1', '2 remove-sandbox 0', 'Version 1']);
  });

  it('gives all it holds to another one, and numbers go on behind', () => {
    const snapshot = emptySnapshot();
    snapshot.change(runChange('s1'), createChange('c1', 's1'));
    snapshot.refresh('ListContainers', Buffer.alloc(0), snapshot.begin(1));
    snapshot.change(runChange('s2'), createChange('c2', 's2'), { kind: 'remove-sandbox', id: 's1' });
    snapshot.change({ kind: 'lose', list: 'ListContainers' });
    snapshot.keep('Status', Buffer.from('st'), 3);
    const other = new BackendSnapshot();
    other.adopt(snapshot);
    expect(sandboxesOf(other)).toEqual(sandboxesOf(snapshot));
    expect(containersOf(other)).toEqual(containersOf(snapshot));
    expect(other.isPatchable('ListContainers')).toBe(false);
    expect(other.isPatchable('ListPodSandbox')).toBe(true);
    expect(other.kept('Status')).toEqual(snapshot.kept('Status'));
    expect(other.begin(4)).toEqual(snapshot.begin(4));
  });

  it('never gives a number twice, also where nothing is left of what had it', () => {
    const snapshot = emptySnapshot();
    snapshot.change(runChange('s'));
    snapshot.refresh('ListPodSandbox', sandboxList({ id: 's' }), snapshot.begin(1));
    snapshot.drop('ListPodSandbox');
    const other = new BackendSnapshot();
    other.adopt(snapshot);
    expect(other.begin(2)).toEqual({ seq: 1, atMs: 2 });
  });
});
