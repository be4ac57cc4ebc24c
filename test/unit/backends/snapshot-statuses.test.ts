// What a snapshot says of the status of one object: the last reply, with what lists and calls have shown since.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import { containerRecord, nameOnlyConfig } from '../../../src/backends/snapshot-record.ts';
import {
  ContainerStatusResponseSchema,
  ListContainersResponseSchema,
} from '../../../src/cri/gen/runtime/v1/container_calls_pb.ts';
import { ContainerState, ContainerStatusSchema } from '../../../src/cri/gen/runtime/v1/container_pb.ts';
import { NamespaceMode } from '../../../src/cri/gen/runtime/v1/namespaces_pb.ts';
import {
  ListPodSandboxResponseSchema,
  PodSandboxStatusResponseSchema,
} from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import { PodSandboxState, PodSandboxStatusSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_pb.ts';

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_UNKNOWN } = ContainerState;
const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;

/** The wall clock is so much ahead of now(). */
const EPOCH_MS = 1_700_000_000_000;
const at = (atMs: number) => ({ atMs, wallMs: EPOCH_MS + atMs });
const ns = (atMs: number) => BigInt(EPOCH_MS + atMs) * 1_000_000n;

const labels = { app: 'web' };
const annotations = { note: 'n'.repeat(10_000) };
const image = { image: 'localhost/app:1' };

const aContainer = (state: ContainerState) => ({
  ...{ id: 'c', podSandboxId: 's', metadata: { name: 'main', attempt: 2 }, state, createdAt: ns(1) },
  ...{ image, imageRef: 'sha256:ref', imageId: 'sha256:id', labels, annotations },
});
const aContainerStatus = (
  state: ContainerState,
  more: { exitCode?: number; reason?: string; finishedAt?: bigint } = {},
) => ({
  ...{ id: 'c', metadata: { name: 'main', attempt: 2 }, state, createdAt: ns(1) },
  ...{ startedAt: state === CONTAINER_CREATED ? 0n : ns(2), image, imageRef: 'app@sha256:digest' },
  ...{ labels, annotations, logPath: '/var/log/c.log', mounts: [{ hostPath: '/a', containerPath: '/b' }] },
  ...more,
});
const aSandbox = (state: PodSandboxState) => ({
  ...{ id: 's', metadata: { name: 'web', uid: 'u', namespace: 'default' }, state, createdAt: ns(1) },
  ...{ labels, annotations, runtimeHandler: 'runc' },
});
const aSandboxStatus = (state: PodSandboxState) => ({
  ...aSandbox(state),
  network: { ip: '10.0.0.7' },
  linux: { namespaces: { options: { network: NamespaceMode.NODE } } },
});

class Stage {
  readonly snapshot = new BackendSnapshot();

  list(atMs: number, sandbox: PodSandboxState, ...containers: ContainerState[]): void {
    const start = { ...this.snapshot.begin(atMs) };
    const items = create(ListPodSandboxResponseSchema, { items: [aSandbox(sandbox)] });
    this.snapshot.refresh(
      'ListPodSandbox',
      Buffer.from(toBinary(ListPodSandboxResponseSchema, items)),
      start,
    );
    const all = create(ListContainersResponseSchema, { containers: containers.map(aContainer) });
    this.snapshot.refresh('ListContainers', Buffer.from(toBinary(ListContainersResponseSchema, all)), start);
  }

  see(atMs: number, status: MessageInitShape<typeof ContainerStatusSchema>): void {
    const bytes = Buffer.from(toBinary(ContainerStatusSchema, create(ContainerStatusSchema, status)));
    this.snapshot.statuses.see('container', 'c', bytes, 0, bytes.length, at(atMs));
  }

  seeSandbox(atMs: number, status: MessageInitShape<typeof PodSandboxStatusSchema>): void {
    const bytes = Buffer.from(toBinary(PodSandboxStatusSchema, create(PodSandboxStatusSchema, status)));
    this.snapshot.statuses.see('sandbox', 's', bytes, 0, bytes.length, at(atMs));
  }

  /** The states that its lists show: of the sandbox, and of the container. */
  listed(): readonly [PodSandboxState | undefined, ContainerState | undefined] {
    const none = new Uint8Array(0);
    const [items, all] = [
      this.snapshot.answer('ListPodSandbox', none) ?? none,
      this.snapshot.answer('ListContainers', none) ?? none,
    ];
    return [
      fromBinary(ListPodSandboxResponseSchema, items).items[0]?.state,
      fromBinary(ListContainersResponseSchema, all).containers[0]?.state,
    ];
  }

  /** The same after a restart of Switchyard, with what the journal has. */
  restarted(): Stage {
    const again = new Stage();
    again.snapshot.adopt(this.snapshot);
    return again;
  }

  container(atMs: number, absentMs = 60 * 60_000) {
    const reply = this.snapshot.statuses.reply('container', 'c', at(atMs), absentMs);
    return reply && fromBinary(ContainerStatusResponseSchema, reply).status;
  }

  sandbox(atMs: number) {
    const reply = this.snapshot.statuses.reply('sandbox', 's', at(atMs), 0);
    return reply && fromBinary(PodSandboxStatusResponseSchema, reply).status;
  }
}

const containerOf = (init: MessageInitShape<typeof ContainerStatusSchema>) =>
  create(ContainerStatusSchema, init);

describe('the status of a container in a snapshot', () => {
  it.each([CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_UNKNOWN])(
    'is the last one given, to the last field, while lists show the same state (%i)',
    (state) => {
      const stage = new Stage();
      stage.list(10, SANDBOX_READY, state);
      const status = aContainerStatus(
        state,
        state === CONTAINER_EXITED ? { exitCode: 3, finishedAt: ns(9) } : {},
      );
      stage.see(20, status);
      expect(stage.container(30)).toEqual(containerOf(status));
      stage.list(40, SANDBOX_READY, state);
      expect(stage.container(50)).toEqual(containerOf(status));
    },
  );

  it.each([CONTAINER_RUNNING, undefined])(
    'is not made up where its owner knows how it ended, unless that is away for long (last status: %s)',
    (seen) => {
      const stage = new Stage();
      if (seen !== undefined) stage.see(20, aContainerStatus(seen));
      stage.list(40, SANDBOX_READY, CONTAINER_EXITED);
      expect(stage.container(50, 0)).toBeUndefined();
      // A stop that finds it ended, and a new start of the machine, change nothing about that.
      stage.snapshot.change({ kind: 'stop-container', id: 'c' }, { kind: 'end-all' });
      expect(stage.container(50, 10 * 60_000 - 1)).toBeUndefined();
      expect(stage.container(50, 10 * 60_000)).toMatchObject({ state: CONTAINER_EXITED, exitCode: 255 });
      stage.see(60, aContainerStatus(CONTAINER_EXITED, { exitCode: 0, reason: 'Completed' }));
      expect(stage.container(70, 0)).toMatchObject({ exitCode: 0, reason: 'Completed' });
    },
  );

  it('is not made up where an event has shown that it ended by itself', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    stage.see(20, aContainerStatus(CONTAINER_RUNNING));
    stage.snapshot.change({ kind: 'exit-container', id: 'c' });
    expect(stage.listed()).toEqual([SANDBOX_READY, CONTAINER_EXITED]);
    expect(stage.container(30, 0)).toBeUndefined();
  });

  it('is that of a container whose end nobody saw, when a list after it shows it exited', () => {
    const stage = new Stage();
    stage.see(20, aContainerStatus(CONTAINER_RUNNING));
    stage.list(40, SANDBOX_READY, CONTAINER_EXITED);
    const shown = stage.container(50);
    expect(shown).toEqual(
      containerOf(
        aContainerStatus(CONTAINER_EXITED, { exitCode: 255, reason: 'Unknown', finishedAt: ns(21) }),
      ),
    );
    expect(stage.container(60_000)).toEqual(shown);
  });

  it('keeps the exit that it was given, though the last list is older', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    const status = aContainerStatus(CONTAINER_EXITED, { exitCode: 3, finishedAt: ns(19), reason: 'Error' });
    stage.see(20, status);
    expect(stage.container(30)).toEqual(containerOf(status));
  });

  it('goes on with the calls that went through: it was started, and then stopped', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_CREATED);
    stage.see(20, aContainerStatus(CONTAINER_CREATED));
    stage.snapshot.change({ kind: 'start-container', id: 'c' });
    expect(stage.container(30)).toMatchObject({ state: CONTAINER_RUNNING, startedAt: ns(1), exitCode: 0 });
    stage.snapshot.change({ kind: 'stop-container', id: 'c' });
    const stopped = { state: CONTAINER_EXITED, startedAt: ns(1), exitCode: 255, reason: 'Unknown' };
    expect(stage.container(40)).toMatchObject(stopped);
  });

  it.each(['stop-container', 'stop-sandbox', 'end-all'] as const)(
    'has ended after %s, also where only its status has shown that it ran',
    (kind) => {
      const stage = new Stage();
      stage.list(10, SANDBOX_READY, CONTAINER_CREATED);
      stage.see(20, aContainerStatus(CONTAINER_RUNNING));
      expect(stage.container(25)?.state).toBe(CONTAINER_RUNNING);
      stage.snapshot.change(
        kind === 'end-all' ? { kind } : { kind, id: kind === 'stop-sandbox' ? 's' : 'c' },
      );
      expect(stage.container(30)).toMatchObject({ state: CONTAINER_EXITED, exitCode: 255 });
      expect(stage.container(30)?.finishedAt).toBeGreaterThan(ns(20));
    },
  );

  it('ended after the last list that showed it running, when the machine was started anew', () => {
    const stage = new Stage();
    stage.see(20, aContainerStatus(CONTAINER_RUNNING));
    stage.list(5_000, SANDBOX_READY, CONTAINER_RUNNING);
    stage.snapshot.change({ kind: 'end-all' });
    expect(stage.container(9_000)?.finishedAt).toBe(ns(5_001));
  });

  it('stays exited where an earlier state comes late, and where a clock was set back before a restart', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    const status = aContainerStatus(CONTAINER_EXITED, { exitCode: 3, finishedAt: ns(19), reason: 'Error' });
    stage.see(20, status);
    stage.see(30, aContainerStatus(CONTAINER_RUNNING));
    stage.see(31, aContainerStatus(CONTAINER_CREATED));
    expect(stage.container(40)).toEqual(containerOf(status));

    // As of an earlier life, in which the list seems to be the later one.
    const again = stage.restarted();
    const list = stage.snapshot.messageOf('ListContainers') ?? expect.unreachable('it was listed');
    again.snapshot.restoreMessage('ListContainers', list.message, { seq: 0, atMs: 25 });
    expect(again.container(40)).toEqual(containerOf(status));
  });

  it('is running, also after a restart, where a list has shown that after it was seen exited', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    stage.seeSandbox(20, aSandboxStatus(SANDBOX_NOTREADY));
    stage.see(20, aContainerStatus(CONTAINER_EXITED, { exitCode: 3, finishedAt: ns(19) }));
    // `docker start` of both.
    stage.list(30, SANDBOX_READY, CONTAINER_RUNNING);
    for (const life of [stage, stage.restarted()]) {
      expect(life.container(40)).toMatchObject({ state: CONTAINER_RUNNING, exitCode: 0 });
      expect(life.sandbox(40)).toMatchObject({ state: SANDBOX_READY, network: { ip: '10.0.0.7' } });
      expect(life.listed()).toEqual([SANDBOX_READY, CONTAINER_RUNNING]);
      expect(life.snapshot.statuses.hasEnded('container', 'c', at(40))).toBe(false);
      expect(life.snapshot.statuses.hasEnded('sandbox', 's', at(40))).toBe(false);
    }
  });

  it('is what the lists show: an end that it has shown is in them at once, also after a restart', () => {
    const stage = new Stage();
    const begun = { ...stage.snapshot.begin(10) };
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    const late = stage.snapshot.messageOf('ListContainers') ?? expect.unreachable('it was listed');
    const status = aContainerStatus(CONTAINER_EXITED, { exitCode: 0, finishedAt: ns(19) });
    stage.see(20, status);
    stage.seeSandbox(20, aSandboxStatus(SANDBOX_NOTREADY));
    // Another list, begun before, comes after.
    stage.snapshot.refresh('ListContainers', late.message, { ...begun, atMs: 11 });
    for (const life of [stage, stage.restarted()]) {
      expect(life.listed()).toEqual([SANDBOX_NOTREADY, CONTAINER_EXITED]);
      expect(life.container(30, 0)).toEqual(containerOf(status));
      expect(life.snapshot.statuses.hasEnded('sandbox', 's', at(30))).toBe(true);
    }
  });

  it('brings to the lists an end that was seen once more after they had shown it alive', () => {
    const stage = new Stage();
    stage.seeSandbox(10, aSandboxStatus(SANDBOX_NOTREADY));
    stage.list(20, SANDBOX_READY);
    const again = toBinary(
      PodSandboxStatusSchema,
      create(PodSandboxStatusSchema, aSandboxStatus(SANDBOX_NOTREADY)),
    );
    stage.snapshot.statuses.confirm('sandbox', 's', Buffer.from(again), 0, again.length, at(30));
    expect(stage.snapshot.statuses.hasEnded('sandbox', 's', at(40))).toBe(true);
    expect(stage.listed()[0]).toBe(SANDBOX_NOTREADY);
  });

  it('is the later one of a container that was of unknown state when it was listed', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_UNKNOWN);
    stage.see(20, aContainerStatus(CONTAINER_RUNNING));
    expect(stage.container(30)?.state).toBe(CONTAINER_RUNNING);
    stage.list(40, SANDBOX_READY, CONTAINER_UNKNOWN);
    expect(stage.container(50)?.state).toBe(CONTAINER_UNKNOWN);
  });

  it('ends at the same moment after a restart, however often it was seen alive', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    stage.see(20, aContainerStatus(CONTAINER_RUNNING));
    stage.see(5_000, aContainerStatus(CONTAINER_RUNNING));
    stage.list(6_000, SANDBOX_READY, CONTAINER_EXITED);
    const { finishedAt } = stage.container(7_000) ?? expect.unreachable('it has a status');
    const kept = stage.snapshot.statuses.kept('container', 'c') ?? expect.unreachable('it is kept');
    const again = stage.restarted();
    // The journal has the moment at which it was given.
    again.snapshot.statuses.restore('container', 'c', { ...kept, seen: kept.given });
    expect(again.container(7_000)?.finishedAt).toBe(finishedAt);
  });

  it('runs again once a list of this life has shown that: it was started behind our back', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_EXITED);
    stage.see(20, aContainerStatus(CONTAINER_EXITED, { exitCode: 3, finishedAt: ns(19) }));
    stage.list(30, SANDBOX_READY, CONTAINER_RUNNING);
    expect(stage.container(40)).toMatchObject({ state: CONTAINER_RUNNING, exitCode: 0, finishedAt: 0n });
    stage.see(50, aContainerStatus(CONTAINER_RUNNING));
    expect(stage.container(60)).toEqual(containerOf(aContainerStatus(CONTAINER_RUNNING)));
  });

  it('is made of its record in the list where none was given', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    const { podSandboxId: _, ...listed } = aContainer(CONTAINER_RUNNING);
    expect(stage.container(20)).toEqual(containerOf({ ...listed, startedAt: ns(1) }));
    stage.snapshot.change({ kind: 'end-all' });
    expect(stage.container(20)).toMatchObject({ state: CONTAINER_EXITED, exitCode: 255, finishedAt: ns(11) });
    expect(stage.container(20)).toMatchObject({ labels, annotations, imageRef: 'sha256:ref' });
  });

  it('writes its end down once, however often it changes without a list in between', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    const kinds: string[] = [];
    stage.snapshot.watch({ onChange: ({ change }) => kinds.push(change.kind), onMessage: () => {} });
    for (let i = 0; i < 5; i++)
      stage.see(20 + i, aContainerStatus(CONTAINER_EXITED, { reason: `Error${i}` }));
    expect(kinds).toEqual(['exit-container']);
  });

  it('is not known where the record lacks what a kubelet needs, nor without a list', () => {
    const stage = new Stage();
    stage.see(10, aContainerStatus(CONTAINER_RUNNING));
    expect(stage.container(20)).toBeUndefined();
    stage.list(20, SANDBOX_READY);
    expect(stage.container(30)).toBeUndefined();
    stage.snapshot.statuses.forget('container', 'c');
    const record = containerRecord({ id: 'c', createdAtMs: EPOCH_MS }, 's', nameOnlyConfig('main'));
    stage.snapshot.change({ kind: 'create-container', id: 'c', sandboxId: 's', record });
    expect(stage.container(30)).toBeUndefined();
  });
});

describe('an object that its owner has denied', () => {
  it('is not answered, also after a restart, before a list that began later shows it', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY, CONTAINER_RUNNING);
    stage.see(20, aContainerStatus(CONTAINER_RUNNING));
    stage.seeSandbox(20, aSandboxStatus(SANDBOX_READY));
    stage.snapshot.statuses.deny('container', 'c', at(30));
    stage.snapshot.statuses.deny('sandbox', 's', at(30));
    // One that was long on its way.
    stage.see(31, aContainerStatus(CONTAINER_RUNNING));
    for (const life of [stage, stage.restarted()]) {
      expect(life.container(40)).toBeUndefined();
      expect(life.sandbox(40)).toBeUndefined();
      expect(life.snapshot.statuses.hasEnded('container', 'c', at(40))).toBe(false);
      life.list(50, SANDBOX_READY, CONTAINER_RUNNING);
      expect(life.container(60)?.state).toBe(CONTAINER_RUNNING);
      expect(life.sandbox(60)).toBeUndefined();
      life.seeSandbox(70, aSandboxStatus(SANDBOX_READY));
      expect(life.sandbox(80)?.state).toBe(SANDBOX_READY);
    }
  });
});

describe('the status of a pod sandbox in a snapshot', () => {
  it('is the last one given, and not ready once a list or a stop has shown that', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY);
    stage.seeSandbox(20, aSandboxStatus(SANDBOX_READY));
    const status = create(PodSandboxStatusSchema, aSandboxStatus(SANDBOX_READY));
    expect(stage.sandbox(30)).toEqual(status);
    stage.snapshot.change({ kind: 'stop-sandbox', id: 's' });
    expect(stage.sandbox(30)).toEqual({ ...status, state: SANDBOX_NOTREADY });
  });

  it('is made of its record once that is not ready: before, its network would be missing', () => {
    const stage = new Stage();
    stage.list(10, SANDBOX_READY);
    expect(stage.sandbox(20)).toBeUndefined();
    stage.list(20, SANDBOX_NOTREADY);
    expect(stage.sandbox(30)).toEqual(create(PodSandboxStatusSchema, aSandbox(SANDBOX_NOTREADY)));
  });

  it('tells when there is nothing left to stop', () => {
    const stage = new Stage();
    const { statuses } = stage.snapshot;
    stage.list(10, SANDBOX_NOTREADY, CONTAINER_RUNNING);
    expect(statuses.hasEnded('sandbox', 's', at(20))).toBe(false);
    expect(statuses.hasEnded('container', 'c', at(20))).toBe(false);
    stage.see(20, aContainerStatus(CONTAINER_EXITED));
    expect(statuses.hasEnded('sandbox', 's', at(30))).toBe(true);
    expect(statuses.hasEnded('container', 'c', at(30))).toBe(true);
    stage.list(40, SANDBOX_READY, CONTAINER_EXITED);
    expect(statuses.hasEnded('sandbox', 's', at(50))).toBe(false);
    expect(statuses.hasEnded('sandbox', 'unknown', at(50))).toBe(false);
  });

  it('takes a container that was created for never started only where no start can have been missed', () => {
    const listed = (...atMs: number[]) => {
      const stage = new Stage();
      for (const ms of atMs) stage.list(ms, SANDBOX_NOTREADY, CONTAINER_CREATED);
      return { stage, hasEnded: () => stage.snapshot.statuses.hasEnded('sandbox', 's', at(100)) };
    };
    const { stage, hasEnded } = listed(10);
    expect(hasEnded()).toBe(true);
    stage.snapshot.change({ kind: 'lose', list: 'ListContainers' });
    expect(hasEnded()).toBe(false);
    stage.list(20, SANDBOX_NOTREADY, CONTAINER_CREATED);
    expect(hasEnded()).toBe(true);

    // It was ready when its containers were listed.
    const late = listed();
    late.stage.list(10, SANDBOX_READY, CONTAINER_CREATED);
    late.stage.seeSandbox(20, aSandboxStatus(SANDBOX_NOTREADY));
    expect(late.hasEnded()).toBe(false);

    for (const change of [{ kind: 'stop-sandbox', id: 's' }, { kind: 'end-all' }] as const) {
      const hasContainerEnded = () => closed.stage.snapshot.statuses.hasEnded('container', 'c', at(100));
      const closed = listed(10);
      closed.stage.snapshot.change({ kind: 'lose', list: 'ListContainers' });
      closed.stage.snapshot.change({ kind: 'stop-container', id: 'c' });
      expect(closed.hasEnded()).toBe(false);
      expect(hasContainerEnded()).toBe(false);
      closed.stage.snapshot.change(change);
      expect(closed.hasEnded()).toBe(true);
      expect(hasContainerEnded()).toBe(true);
    }
  });
});
