import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ListPodSandboxResponseSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import {
  type ContainerStatsSchema,
  ListContainerStatsResponseSchema,
  ListPodSandboxStatsResponseSchema,
} from '../../../src/cri/gen/runtime/v1/stats_pb.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { madePodStats } from '../../../src/merge/pod-stats.ts';

const pod = (id: string) => ({
  id,
  metadata: { name: `name-${id}`, uid: `uid-${id}`, namespace: 'default', attempt: 2 },
  createdAt: 5n,
  labels: { app: id },
  annotations: { note: id },
  runtimeHandler: 'docker',
});
const sandboxes = (...items: ReturnType<typeof pod>[]) =>
  Buffer.from(toBinary(ListPodSandboxResponseSchema, create(ListPodSandboxResponseSchema, { items })));
const containers = (...stats: MessageInitShape<typeof ContainerStatsSchema>[]) =>
  Buffer.from(
    toBinary(ListContainerStatsResponseSchema, create(ListContainerStatsResponseSchema, { stats })),
  );
/** Containers are named for their pod: a1 is of pod a. */
const made = (pods: Buffer, stats: Buffer) =>
  fromBinary(
    ListPodSandboxStatsResponseSchema,
    madePodStats(pods, stats, (id) => id.slice(0, 1) || undefined),
  ).stats;
const uint64 = (value: bigint) => ({ value });

describe('statistics of pods that are made of those of containers', () => {
  it('have the attributes of the pod, and its containers as the runtime says them', () => {
    const unknown = Buffer.from(encodeField(700, Buffer.from('newer')));
    const known = containers({ attributes: { id: 'a1' }, writableLayer: { usedBytes: uint64(3n) } });
    // One record, with a field behind it that nobody knows here.
    const record = Buffer.concat([known.subarray(2), unknown]);
    const bytes = madePodStats(sandboxes(pod('a')), Buffer.from(encodeField(1, record)), () => 'a');
    expect(bytes.includes(record)).toBe(true);
    const [stats] = fromBinary(ListPodSandboxStatsResponseSchema, bytes).stats;
    expect(stats?.attributes).toMatchObject({
      id: 'a',
      metadata: { name: 'name-a', uid: 'uid-a', namespace: 'default', attempt: 2 },
      labels: { app: 'a' },
      annotations: { note: 'a' },
    });
    expect(stats?.linux?.containers.map(({ attributes }) => attributes?.id)).toEqual(['a1']);
  });

  it('sum up CPU and memory, each figure over the containers that have it, at the time of the newest', () => {
    const stats = containers(
      {
        attributes: { id: 'a1' },
        cpu: { timestamp: 10n, usageCoreNanoSeconds: uint64(2n ** 60n), usageNanoCores: uint64(5n) },
        memory: { timestamp: 10n, workingSetBytes: uint64(100n), rssBytes: uint64(0n) },
      },
      { attributes: { id: 'b1' }, cpu: { timestamp: 99n, usageCoreNanoSeconds: uint64(7n) } },
      {
        attributes: { id: 'a2' },
        cpu: { timestamp: 12n, usageCoreNanoSeconds: uint64(3n) },
        memory: { timestamp: 11n, workingSetBytes: uint64(1n), pageFaults: uint64(4n) },
      },
    );
    const [a, b] = made(sandboxes(pod('a'), pod('b')), stats);
    expect(a?.linux?.cpu).toMatchObject({
      timestamp: 12n,
      usageCoreNanoSeconds: { value: 2n ** 60n + 3n },
      usageNanoCores: { value: 5n },
    });
    expect(a?.linux?.memory).toMatchObject({
      timestamp: 11n,
      workingSetBytes: { value: 101n },
      rssBytes: { value: 0n },
      pageFaults: { value: 4n },
    });
    expect(a?.linux?.memory?.usageBytes).toBeUndefined();
    expect(a?.linux?.memory?.availableBytes).toBeUndefined();
    expect(b?.linux?.cpu).toMatchObject({ timestamp: 99n, usageCoreNanoSeconds: { value: 7n } });
    expect(b?.linux?.memory).toBeUndefined();
  });

  it('make up neither network nor processes, which nobody measured', () => {
    const [a] = made(sandboxes(pod('a')), containers({ attributes: { id: 'a1' }, cpu: { timestamp: 1n } }));
    expect(a?.linux?.network).toBeUndefined();
    expect(a?.linux?.process).toBeUndefined();
  });

  it('have linux also for a pod without containers, for the kubelet reads it without looking', () => {
    const [a] = made(sandboxes(pod('a')), Buffer.alloc(0));
    expect(a?.linux).toMatchObject({ containers: [] });
    expect(a?.linux?.cpu).toBeUndefined();
  });

  it('leave out containers of pods that are not listed, or not known', () => {
    const stats = containers({ attributes: { id: 'x1' } }, { attributes: { id: '' } });
    expect(made(sandboxes(pod('a')), stats).map(({ linux }) => linux?.containers)).toEqual([[]]);
  });
});
