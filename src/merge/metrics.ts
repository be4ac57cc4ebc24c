// Metrics of several runtimes under one set of descriptors. The kubelet maps label values to keys by position and keeps
// one descriptor for each name, but runtimes order their keys differently: without this, labels would be swapped.
import { encodeField, forEachRecord, readString, readStrings } from '../cri/wire.ts';
import { encodeText, rewriteRecords } from '../cri/wire-writer.ts';

/** The label keys of each metric, by its name, in the order of its label values. */
export type LabelOrder = ReadonlyMap<string, readonly string[]>;

// ListMetricDescriptorsResponse: descriptors 1 {name 1, help 2, label_keys 3}.
const DESCRIPTORS = 1;
const LABEL_KEYS = 3;
// ListPodSandboxMetricsResponse: pod_metrics 1 {metrics 2, container_metrics 3 {metrics 2}}; Metric: name 1, label_values 4.
const PODS = 1;
const METRICS = 2;
const CONTAINERS = 3;
const LABEL_VALUES = 4;
const NAME_FIELD = 1;
const NAME = [NAME_FIELD];
const NO_REPLY = new Uint8Array(0);

/** The label order that a ListMetricDescriptors reply declares. Throws MalformedMessageError. */
export function labelOrderOf(reply: Uint8Array): LabelOrder {
  const order = new Map<string, readonly string[]>();
  forEachRecord(reply, 0, reply.length, DESCRIPTORS, (_, start, end) => {
    order.set(readString(reply, start, end, NAME) ?? '', readStrings(reply, start, end, [LABEL_KEYS]));
  });
  return order;
}

/**
 * One descriptor for each name, as the first reply with that name has it. Its keys begin with those of `before` in their
 * order, so that an order which was told once holds for ever; then the others as they come. What else the first reply
 * holds stays.
 */
export function mergeDescriptors(replies: readonly Uint8Array[], before: LabelOrder): Buffer {
  const byName = new Map<string, { readonly first: Uint8Array; readonly keys: Set<string> }>();
  for (const reply of replies) {
    forEachRecord(reply, 0, reply.length, DESCRIPTORS, (_, start, end) => {
      const name = readString(reply, start, end, NAME) ?? '';
      let known = byName.get(name);
      if (known === undefined) {
        known = { first: reply.subarray(start, end), keys: new Set(before.get(name)) };
        byName.set(name, known);
      }
      for (const key of readStrings(reply, start, end, [LABEL_KEYS])) known.keys.add(key);
    });
  }
  const descriptors = [...byName.values()].map(({ first, keys }) => withKeys(first, [...keys]));
  const [first = NO_REPLY] = replies;
  return Buffer.concat([
    ...descriptors.map((descriptor) => encodeField(DESCRIPTORS, descriptor)),
    rewriteRecords(first, DESCRIPTORS, () => undefined),
  ]);
}

/** A descriptor with these keys. What it says already stays as it is. */
function withKeys(descriptor: Uint8Array, keys: readonly string[]): Uint8Array {
  const own = readStrings(descriptor, 0, descriptor.length, [LABEL_KEYS]);
  const isBeginning = sameKeys(own, keys.slice(0, own.length));
  const kept = isBeginning ? descriptor : rewriteRecords(descriptor, LABEL_KEYS, () => undefined);
  return Buffer.concat([kept, ...encodeTexts(LABEL_KEYS, isBeginning ? keys.slice(own.length) : keys)]);
}

/** A ListMetricDescriptors reply from which labelOrderOf makes the same order. */
export function encodeOrder(order: LabelOrder): Buffer {
  const descriptors = [...order].map(([name, keys]) =>
    Buffer.concat([encodeText(NAME_FIELD, name), ...encodeTexts(LABEL_KEYS, keys)]),
  );
  return Buffer.concat(descriptors.map((descriptor) => encodeField(DESCRIPTORS, descriptor)));
}

/**
 * A ListPodSandboxMetrics reply (or one message of its stream) with the label values of each metric in the order of
 * `told` instead of `own`; a key the backend lacks gets ''. The message itself when both say the same. Left out is a metric
 * whose labels would be taken for others: one that its backend did not describe and another one did, or that it described
 * otherwise; and one with a label that has no place in `told`, for without it two metrics would be the same.
 */
export function relabel(message: Buffer, own: LabelOrder, told: LabelOrder): Buffer {
  const isSame = own.size === told.size && [...own].every(([name, keys]) => sameKeys(keys, told.get(name)));
  if (isSame) return message;
  const reorder = (metric: Uint8Array) => reordered(metric, own, told);
  const ofContainer = (container: Uint8Array) => rewriteRecords(container, METRICS, reorder);
  const relabelled = rewriteRecords(message, PODS, (pod) =>
    rewriteRecords(rewriteRecords(pod, METRICS, reorder), CONTAINERS, ofContainer),
  );
  return Buffer.from(relabelled);
}

function reordered(metric: Uint8Array, own: LabelOrder, told: LabelOrder): Uint8Array | undefined {
  const name = readString(metric, 0, metric.length, NAME) ?? '';
  const from = own.get(name);
  const to = told.get(name);
  if (to === undefined) return metric;
  if (from === undefined) return undefined;
  const values = readStrings(metric, 0, metric.length, [LABEL_VALUES]);
  if (values.length !== from.length) return undefined;
  if (from.some((key, i) => values[i] !== '' && !to.includes(key))) return undefined;
  const bare = rewriteRecords(metric, LABEL_VALUES, () => undefined);
  const placed = to.map((key) => values[from.indexOf(key)] ?? '');
  return Buffer.concat([bare, ...encodeTexts(LABEL_VALUES, placed)]);
}

/** A repeated field: an empty value is written too, for it holds its place. */
function encodeTexts(field: number, texts: Iterable<string>): Uint8Array[] {
  return [...texts].map((text) => encodeField(field, Buffer.from(text)));
}

function sameKeys(a: readonly string[], b: readonly string[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((key, i) => key === b[i]);
}
