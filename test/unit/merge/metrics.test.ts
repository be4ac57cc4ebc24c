import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ListMetricDescriptorsResponseSchema as Descriptors,
  ListPodSandboxMetricsResponseSchema as Metrics,
} from '../../../src/cri/gen/runtime/v1/metrics_pb.ts';
import { labelOrderOf, mergeDescriptors, relabel } from '../../../src/merge/metrics.ts';

const encodeDescriptors = (message: MessageInitShape<typeof Descriptors>) =>
  toBinary(Descriptors, create(Descriptors, message));
const encodeMetrics = (message: MessageInitShape<typeof Metrics>) =>
  toBinary(Metrics, create(Metrics, message));

const NAME = 'container_cpu_usage_seconds_total';

function descriptors(labelKeys: readonly string[]): Buffer {
  return Buffer.from(
    encodeDescriptors({ descriptors: [{ name: NAME, help: 'cpu', labelKeys: [...labelKeys] }] }),
  );
}

function metrics(labelValues: readonly string[], name = NAME): Buffer {
  const metric = { name, labelValues: [...labelValues] };
  return Buffer.from(
    encodeMetrics({
      podMetrics: [
        { podSandboxId: 's', metrics: [metric], containerMetrics: [{ containerId: 'c', metrics: [metric] }] },
      ],
    }),
  );
}

describe('metrics of several runtimes', () => {
  it('keep every label value with its key, whatever the order of each runtime', () => {
    const keys = fc.uniqueArray(fc.constantFrom('id', 'image', 'namespace', 'pod', 'container', 'cpu'), {
      minLength: 1,
    });
    fc.assert(
      fc.property(keys, keys, (first, second) => {
        const replies = [descriptors(first), descriptors(second)];
        const shared = labelOrderOf(mergeDescriptors(replies));
        for (const [i, own] of [first, second].entries()) {
          const reply = replies[i] ?? Buffer.alloc(0);
          const shown = fromBinary(
            Metrics,
            relabel(metrics(own.map((key) => `value of ${key}`)), labelOrderOf(reply), shared),
          );
          const order = shared.get(NAME) ?? [];
          for (const metric of [
            ...(shown.podMetrics[0]?.metrics ?? []),
            ...(shown.podMetrics[0]?.containerMetrics[0]?.metrics ?? []),
          ]) {
            expect(metric.labelValues).toEqual(
              order.map((key) => ((own as readonly string[]).includes(key) ? `value of ${key}` : '')),
            );
          }
        }
      }),
    );
  });

  it('are left as they are where the order is the same', () => {
    const own = labelOrderOf(descriptors(['id', 'pod']));
    const message = metrics(['1', 'web']);
    expect(relabel(message, own, own)).toBe(message);
  });

  it('leave out a metric that its runtime did not describe', () => {
    const own = labelOrderOf(descriptors(['id', 'pod']));
    const shared = labelOrderOf(descriptors(['pod', 'id']));
    const shown = fromBinary(Metrics, relabel(metrics(['1'], 'unheard_of'), own, shared));
    expect(shown.podMetrics[0]?.metrics).toEqual([]);
  });

  it('have one descriptor for each name, the first one first', () => {
    const merged = fromBinary(
      Descriptors,
      mergeDescriptors([descriptors(['pod', 'id']), descriptors(['id', 'cpu'])]),
    );
    expect(merged.descriptors.map(({ labelKeys }) => labelKeys)).toEqual([['pod', 'id', 'cpu']]);
  });
});
