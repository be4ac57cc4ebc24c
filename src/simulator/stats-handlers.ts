// The RPCs of stats and metrics.

import { PodSandboxMetricsSchema } from '../cri/gen/runtime/v1/metrics_pb.ts';
import { ContainerStatsSchema, PodSandboxStatsSchema } from '../cri/gen/runtime/v1/stats_pb.ts';
import type { RuntimeHandlers } from './handlers.ts';
import { containersBy, sandboxesBy } from './lists.ts';
import { needContainer, needSandbox } from './lookup.ts';
import { metricDescriptors, sandboxMetrics } from './metric-samples.ts';
import type { Refusal } from './profile.ts';
import { refusalText } from './quirks.ts';
import { chunkElements, encodeElement } from './record.ts';
import { RpcError } from './rpc-error.ts';
import type { Sandbox } from './sandbox.ts';
import { containerStats, sandboxStats } from './stats.ts';
import type { World } from './world.ts';

type StatsRpcs =
  | 'containerStats'
  | 'listContainerStats'
  | 'streamContainerStats'
  | 'podSandboxStats'
  | 'listPodSandboxStats'
  | 'streamPodSandboxStats'
  | 'listMetricDescriptors'
  | 'listPodSandboxMetrics'
  | 'streamPodSandboxMetrics';

type ContainerStatsFilter = Parameters<typeof containersBy>[1];
type SandboxStatsFilter = Parameters<typeof sandboxesBy>[1];

/** Handlers over one world. Stats are of running containers and ready sandboxes only, as runtimes have them. */
export function statsHandlers(world: World): Pick<RuntimeHandlers, StatsRpcs> {
  const statsOf = (sandbox: Sandbox) => {
    const { notReady, noCgroupParent } = world.profile.sandboxStats;
    if (!sandbox.isReady && notReady !== 'served') refuse(notReady, sandbox);
    if (!sandbox.config.linux?.cgroupParent && noCgroupParent !== 'served') refuse(noCgroupParent, sandbox);
    return sandboxStats(world, sandbox);
  };
  const ofContainers = (filter: ContainerStatsFilter): Buffer[] => {
    const elements: Buffer[] = [];
    for (const container of containersBy(world, filter)) {
      if (container.isRunning)
        elements.push(encodeElement(ContainerStatsSchema, containerStats(world, container)));
    }
    return elements;
  };
  const ofSandboxes = (filter: SandboxStatsFilter): Buffer[] => {
    const elements: Buffer[] = [];
    const { notReadyInList } = world.profile.sandboxStats;
    for (const sandbox of sandboxesBy(world, filter)) {
      if (sandbox.isReady) elements.push(encodeElement(PodSandboxStatsSchema, statsOf(sandbox)));
      else if (filter === undefined && notReadyInList !== 'left-out') refuse(notReadyInList, sandbox);
    }
    return elements;
  };
  const metrics = (): Buffer[] => {
    const ready = [...world.sandboxes.values()].filter((sandbox) => sandbox.isReady);
    return ready.map((sandbox) => encodeElement(PodSandboxMetricsSchema, sandboxMetrics(world, sandbox)));
  };
  const sendAll = (elements: readonly Buffer[], send: (message: Uint8Array) => void) => {
    for (const message of chunkElements(elements, 500)) send(message);
  };

  return {
    containerStats: ({ containerId }) => ({
      stats: containerStats(world, needContainer(world, 'ContainerStats', containerId)),
    }),
    listContainerStats: ({ filter }) => Buffer.concat(ofContainers(filter)),
    streamContainerStats: ({ filter }, _call, send) => sendAll(ofContainers(filter), send),

    podSandboxStats: ({ podSandboxId }) => ({
      stats: statsOf(needSandbox(world, 'PodSandboxStats', podSandboxId)),
    }),
    listPodSandboxStats: ({ filter }) => Buffer.concat(ofSandboxes(filter)),
    streamPodSandboxStats: ({ filter }, _call, send) => sendAll(ofSandboxes(filter), send),

    listMetricDescriptors: () => ({ descriptors: metricDescriptors(world) }),
    listPodSandboxMetrics: () => Buffer.concat(metrics()),
    streamPodSandboxMetrics: (_request, _call, send) => sendAll(metrics(), send),
  };
}

function refuse(refused: Refusal, { id }: Sandbox): never {
  throw new RpcError(refused.status, refusalText(refused, { id }));
}
