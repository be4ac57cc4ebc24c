// The metrics of ListMetricDescriptors and ListPodSandboxMetrics: a few series, with the labels that the played runtime
// gives them, in its own order. Label values are matched by position, so the order matters to whoever merges.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type MetricDescriptorSchema,
  type MetricSchema,
  MetricType,
  type PodSandboxMetricsSchema,
} from '../cri/gen/runtime/v1/metrics_pb.ts';
import type { Container } from './container.ts';
import type { Sandbox } from './sandbox.ts';
import type { World } from './world.ts';

/** The one metric that is counted for each processor, where the runtime tells them apart. */
const CPU_METRIC = 'container_cpu_usage_seconds_total';
const HELP: Readonly<Record<string, string>> = {
  container_memory_usage_bytes: 'Memory in use, in bytes',
  container_last_seen: 'When the container was last seen, in seconds',
  [CPU_METRIC]: 'Processor time used, in seconds',
};

/** What the samples mean. */
export function metricDescriptors(world: World): MessageInitShape<typeof MetricDescriptorSchema>[] {
  return Object.entries(HELP).map(([name, help]) => ({ name, help, labelKeys: labelKeys(world, name) }));
}

/** The samples of one sandbox and its running containers. */
export function sandboxMetrics(
  world: World,
  sandbox: Sandbox,
): MessageInitShape<typeof PodSandboxMetricsSchema> {
  const containers = world.containersOf(sandbox).filter((container) => container.isRunning);
  return {
    podSandboxId: sandbox.id,
    metrics: samples(world, sandbox, undefined),
    containerMetrics: containers.map((container) => ({
      containerId: container.id,
      metrics: samples(world, sandbox, container),
    })),
  };
}

function labelKeys(world: World, name: string): string[] {
  return world.profile.metricLabels.filter((key) => key !== 'cpu' || name === CPU_METRIC);
}

function samples(world: World, sandbox: Sandbox, container: Container | undefined) {
  const timestamp = world.nowNs();
  const labels: Readonly<Record<string, string>> = {
    id: container?.id ?? sandbox.id,
    image: container?.image.tags[0] ?? '',
    namespace: sandbox.metadata.namespace,
    pod: sandbox.metadata.name,
    container: container?.metadata.name ?? 'POD',
    cpu: 'cpu0',
  };
  const sample = (name: string, value: bigint): MessageInitShape<typeof MetricSchema> => ({
    name,
    timestamp,
    metricType: MetricType.GAUGE,
    labelValues: labelKeys(world, name).map((key) => labels[key] ?? ''),
    value: { value },
  });
  return [
    sample('container_memory_usage_bytes', 4096n * BigInt(1 + sandbox.containerIds.size)),
    sample('container_last_seen', timestamp / 1_000_000_000n),
    sample(CPU_METRIC, timestamp / 1_000_000_000_000n),
  ];
}
