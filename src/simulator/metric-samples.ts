// The metrics of ListMetricDescriptors and ListPodSandboxMetrics: two series, with the label order of CRI-O,
// which differs from containerd's. Label values are matched by position, so the order matters to whoever merges.

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

const LABEL_KEYS = ['id', 'image', 'namespace', 'pod', 'container'];

/** What the samples mean. */
export const METRIC_DESCRIPTORS: MessageInitShape<typeof MetricDescriptorSchema>[] = [
  { name: 'container_memory_usage_bytes', help: 'Memory in use, in bytes', labelKeys: LABEL_KEYS },
  {
    name: 'container_last_seen',
    help: 'When the container was last seen, in seconds',
    labelKeys: LABEL_KEYS,
  },
];

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

function samples(world: World, sandbox: Sandbox, container: Container | undefined) {
  const timestamp = world.nowNs();
  const labelValues = [
    container?.id ?? sandbox.id,
    container?.image.tags[0] ?? '',
    sandbox.metadata.namespace,
    sandbox.metadata.name,
    container?.metadata.name ?? 'POD',
  ];
  const sample = (name: string, value: bigint): MessageInitShape<typeof MetricSchema> => ({
    name,
    timestamp,
    metricType: MetricType.GAUGE,
    labelValues,
    value: { value },
  });
  return [
    sample('container_memory_usage_bytes', 4096n * BigInt(1 + sandbox.containerIds.size)),
    sample('container_last_seen', timestamp / 1_000_000_000n),
  ];
}
