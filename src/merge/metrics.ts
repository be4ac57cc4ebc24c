// Metrics of several runtimes under one set of descriptors. The kubelet maps label values to keys by position and keeps
// one descriptor for each name, but runtimes order their keys differently: without this, labels would be swapped.
import type { Metric, MetricDescriptor } from '../cri/gen/runtime/v1/metrics_pb.ts';
import {
  decodeMetricDescriptors,
  decodePodSandboxMetrics,
  encodeMetricDescriptors,
  encodePodSandboxMetrics,
} from '../cri/messages.ts';

/** The label keys of each metric, by its name, in the order of its label values. */
export type LabelOrder = ReadonlyMap<string, readonly string[]>;

/** The label order that a ListMetricDescriptors reply declares. */
export function labelOrderOf(reply: Buffer): LabelOrder {
  const { descriptors } = decodeMetricDescriptors(reply);
  return new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
}

/** One descriptor for each name: the first reply's, with the keys that only others have at its end. */
export function mergeDescriptors(replies: readonly Buffer[]): Buffer {
  const byName = new Map<string, MetricDescriptor>();
  for (const reply of replies) {
    for (const descriptor of decodeMetricDescriptors(reply).descriptors) {
      const known = byName.get(descriptor.name);
      if (known === undefined) byName.set(descriptor.name, descriptor);
      else known.labelKeys = [...new Set([...known.labelKeys, ...descriptor.labelKeys])];
    }
  }
  return Buffer.from(encodeMetricDescriptors({ descriptors: [...byName.values()] }));
}

/**
 * A ListPodSandboxMetrics reply (or one message of its stream) with the label values of each metric in the order of
 * `shared` instead of `own`; a key the backend lacks gets ''. The message itself when no order differs. A metric that
 * its backend did not describe is left out, for nobody could say what its labels mean.
 */
export function relabel(message: Buffer, own: LabelOrder, shared: LabelOrder): Buffer {
  const isSame = [...own].every(([name, keys]) => sameKeys(keys, shared.get(name)));
  if (isSame) return message;
  const reply = decodePodSandboxMetrics(message);
  for (const pod of reply.podMetrics) {
    pod.metrics = pod.metrics.filter((metric) => reorder(metric, own, shared));
    for (const container of pod.containerMetrics) {
      container.metrics = container.metrics.filter((metric) => reorder(metric, own, shared));
    }
  }
  return Buffer.from(encodePodSandboxMetrics(reply));
}

function reorder(metric: Metric, own: LabelOrder, shared: LabelOrder): boolean {
  const from = own.get(metric.name);
  const to = shared.get(metric.name);
  if (from === undefined || to === undefined) return false;
  const values = metric.labelValues;
  metric.labelValues = to.map((key) => values[from.indexOf(key)] ?? '');
  return true;
}

function sameKeys(a: readonly string[], b: readonly string[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((key, i) => key === b[i]);
}
