// Metrics of several runtimes under one set of descriptors. The kubelet maps label values to keys by position and keeps
// one descriptor for each name, but runtimes order their keys differently: without this, labels would be swapped.
import { encodeField, forEachRecord, readString, readStrings } from '../cri/wire.ts';
import { rewriteRecords } from '../cri/wire-writer.ts';

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
const NAME = [1];
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
 * One descriptor for each name: the first reply's, with the keys that only others have at its end. What else the first
 * reply holds stays.
 */
export function mergeDescriptors(replies: readonly Uint8Array[]): Buffer {
  const byName = new Map<
    string,
    { readonly first: Uint8Array; readonly keys: Set<string>; readonly added: string[] }
  >();
  for (const reply of replies) {
    forEachRecord(reply, 0, reply.length, DESCRIPTORS, (_, start, end) => {
      const name = readString(reply, start, end, NAME) ?? '';
      const keys = readStrings(reply, start, end, [LABEL_KEYS]);
      const known = byName.get(name);
      if (known === undefined) {
        byName.set(name, { first: reply.subarray(start, end), keys: new Set(keys), added: [] });
        return;
      }
      for (const key of keys.filter((one) => !known.keys.has(one))) {
        known.keys.add(key);
        known.added.push(key);
      }
    });
  }
  const descriptors = [...byName.values()].map(({ first, added }) =>
    Buffer.concat([first, ...added.map((key) => encodeField(LABEL_KEYS, Buffer.from(key)))]),
  );
  const [first = NO_REPLY] = replies;
  return Buffer.concat([
    ...descriptors.map((descriptor) => encodeField(DESCRIPTORS, descriptor)),
    rewriteRecords(first, DESCRIPTORS, () => undefined),
  ]);
}

/**
 * A ListPodSandboxMetrics reply (or one message of its stream) with the label values of each metric in the order of
 * `shared` instead of `own`; a key the backend lacks gets ''. The message itself when no order differs. A metric that
 * its backend did not describe is left out, for nobody could say what its labels mean.
 */
export function relabel(message: Buffer, own: LabelOrder, shared: LabelOrder): Buffer {
  const isSame = [...own].every(([name, keys]) => sameKeys(keys, shared.get(name)));
  if (isSame) return message;
  const reorder = (metric: Uint8Array) => reordered(metric, own, shared);
  const ofContainer = (container: Uint8Array) => rewriteRecords(container, METRICS, reorder);
  const relabelled = rewriteRecords(message, PODS, (pod) =>
    rewriteRecords(rewriteRecords(pod, METRICS, reorder), CONTAINERS, ofContainer),
  );
  return Buffer.from(relabelled);
}

function reordered(metric: Uint8Array, own: LabelOrder, shared: LabelOrder): Uint8Array | undefined {
  const name = readString(metric, 0, metric.length, NAME) ?? '';
  const from = own.get(name);
  const to = shared.get(name);
  if (from === undefined || to === undefined) return undefined;
  const values = readStrings(metric, 0, metric.length, [LABEL_VALUES]);
  const bare = rewriteRecords(metric, LABEL_VALUES, () => undefined);
  // An empty value is written too: it holds its key's place.
  const placed = to.map((key) => encodeField(LABEL_VALUES, Buffer.from(values[from.indexOf(key)] ?? '')));
  return Buffer.concat([bare, ...placed]);
}

function sameKeys(a: readonly string[], b: readonly string[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((key, i) => key === b[i]);
}
