import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ListMetricDescriptorsResponseSchema as Descriptors,
  ListPodSandboxMetricsResponseSchema as Metrics,
} from '../../../src/cri/gen/runtime/v1/metrics_pb.ts';
import {
  encodeOrder,
  type LabelOrder,
  labelOrderOf,
  mergeDescriptors,
  relabel,
} from '../../../src/merge/metrics.ts';

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

const keysOf = fc.uniqueArray(fc.constantFrom('id', 'image', 'namespace', 'pod', 'container', 'cpu'), {
  minLength: 1,
});

/** The label values of both metrics that `metrics` makes, as they are shown; fewer when some are left out. */
function shownValues(message: Buffer): string[][] {
  const [pod] = fromBinary(Metrics, message).podMetrics;
  return [...(pod?.metrics ?? []), ...(pod?.containerMetrics[0]?.metrics ?? [])].map(
    ({ labelValues }) => labelValues,
  );
}

describe('metrics of several runtimes', () => {
  it('keep every label value with its key, whatever the order of each runtime', () => {
    fc.assert(
      fc.property(keysOf, keysOf, (first, second) => {
        const replies = [descriptors(first), descriptors(second)];
        const told = labelOrderOf(mergeDescriptors(replies, new Map()));
        const order = told.get(NAME) ?? [];
        for (const own of [first, second]) {
          const message = metrics(own.map((key) => `value of ${key}`));
          const values = shownValues(relabel(message, labelOrderOf(descriptors(own)), told));
          const expected = order.map((key) =>
            (own as readonly string[]).includes(key) ? `value of ${key}` : '',
          );
          expect(values).toEqual([expected, expected]);
        }
      }),
    );
  });

  it('keep it also in an order that was told before, or are left out where a key has no place there', () => {
    fc.assert(
      fc.property(keysOf, keysOf, fc.boolean(), (own, before, isEmpty) => {
        const told = new Map([[NAME, before as readonly string[]]]);
        const message = metrics(own.map((key) => (isEmpty ? '' : `value of ${key}`)));
        const values = shownValues(relabel(message, labelOrderOf(descriptors(own)), told));
        if (!isEmpty && own.some((key) => !before.includes(key))) expect(values).toEqual([]);
        else {
          const expected = before.map((key) => (own.includes(key) && !isEmpty ? `value of ${key}` : ''));
          expect(values).toEqual([expected, expected]);
        }
      }),
    );
  });

  it('are left as they are where both orders are the same', () => {
    const own = labelOrderOf(descriptors(['id', 'pod']));
    const message = metrics(['1', 'web']);
    expect(relabel(message, own, own)).toBe(message);
  });

  it('leave out a metric that only another runtime described, or its own with other labels than it has', () => {
    const own = labelOrderOf(descriptors(['id', 'pod']));
    const told = new Map([...labelOrderOf(descriptors(['pod', 'id'])), ['foreign', ['id']] as const]);
    expect(shownValues(relabel(metrics(['1'], 'foreign'), own, told))).toEqual([]);
    expect(shownValues(relabel(metrics(['1'], 'unheard_of'), own, told))).toEqual([['1'], ['1']]);
    expect(shownValues(relabel(metrics(['1', 'web', 'more']), own, told))).toEqual([]);
  });

  const mergedKeys = (replies: Buffer[], before: LabelOrder) =>
    fromBinary(Descriptors, mergeDescriptors(replies, before)).descriptors.map(({ labelKeys }) => labelKeys);

  it('have one descriptor for each name, with the keys of the first one first', () => {
    expect(mergedKeys([descriptors(['pod', 'id']), descriptors(['id', 'cpu'])], new Map())).toEqual([
      ['pod', 'id', 'cpu'],
    ]);
  });

  it('keep the order that was told before, with new keys at its end', () => {
    const before = new Map([[NAME, ['cpu', 'id'] as readonly string[]]]);
    expect(mergedKeys([descriptors(['pod', 'id'])], before)).toEqual([['cpu', 'id', 'pod']]);
  });

  it('have an order that is written as it is read', () => {
    const order = new Map([[NAME, ['pod', '', 'id'] as readonly string[]]]);
    expect(labelOrderOf(encodeOrder(order))).toEqual(order);
  });
});
