// Made-up but steady figures of CPU, memory, disk and network: they grow with time and differ between objects.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ContainerStatsSchema, PodSandboxStatsSchema } from '../cri/gen/runtime/v1/stats_pb.ts';
import type { Container } from './container.ts';
import type { Sandbox } from './sandbox.ts';
import type { World } from './world.ts';

const MIB = 1024n * 1024n;

/** A small number that is always the same for the same id. */
function weightOf(id: string): bigint {
  return BigInt(Number.parseInt(id.slice(0, 4), 16) % 97) + 3n;
}

/** Stats of one container, running or not. */
export function containerStats(
  world: World,
  container: Container,
): MessageInitShape<typeof ContainerStatsSchema> {
  const timestamp = world.nowNs();
  const weight = weightOf(container.id);
  const ranNs =
    container.startedAtNs === 0n ? 0n : (container.exit?.atNs ?? timestamp) - container.startedAtNs;
  return {
    attributes: {
      id: container.id,
      metadata: container.metadata,
      labels: container.config.labels,
      annotations: container.config.annotations,
    },
    cpu: usedCpu(timestamp, ranNs, weight),
    memory: usedMemory(timestamp, container.isRunning ? weight : 0n),
    writableLayer: {
      timestamp,
      fsId: { mountpoint: world.profile.images.writableLayer.replace('{id}', container.id) },
      usedBytes: { value: weight * 4096n },
      inodesUsed: { value: weight },
    },
  };
}

/** Stats of one sandbox: the sum of its running containers, and its network. */
export function sandboxStats(world: World, sandbox: Sandbox): MessageInitShape<typeof PodSandboxStatsSchema> {
  const timestamp = world.nowNs();
  const running = world.containersOf(sandbox).filter((container) => container.isRunning);
  const weight = running.reduce((total, container) => total + weightOf(container.id), 1n);
  const ageNs = timestamp - sandbox.createdAtNs;
  return {
    attributes: {
      id: sandbox.id,
      metadata: sandbox.metadata,
      labels: sandbox.config.labels,
      annotations: sandbox.config.annotations,
    },
    linux: {
      cpu: usedCpu(timestamp, ageNs, weight),
      memory: usedMemory(timestamp, weight),
      network: {
        timestamp,
        defaultInterface: {
          name: 'eth0',
          rxBytes: { value: ageNs / 1_000_000n },
          rxErrors: { value: 0n },
          txBytes: { value: ageNs / 2_000_000n },
          txErrors: { value: 0n },
        },
      },
      process: { timestamp, processCount: { value: BigInt(running.length + 1) } },
      containers: running.map((container) => containerStats(world, container)),
    },
  };
}

function usedCpu(timestamp: bigint, ranNs: bigint, weight: bigint) {
  return {
    timestamp,
    usageCoreNanoSeconds: { value: (ranNs * weight) / 1000n },
    usageNanoCores: { value: weight * 1_000_000n },
  };
}

function usedMemory(timestamp: bigint, weight: bigint) {
  return {
    timestamp,
    workingSetBytes: { value: weight * MIB },
    usageBytes: { value: weight * MIB + MIB },
    rssBytes: { value: weight * MIB },
    pageFaults: { value: weight * 10n },
    majorPageFaults: { value: 0n },
  };
}
