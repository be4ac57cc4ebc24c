// Looks for a pod by its annotations in what the backends last listed. So an image look-up finds its backend also after
// a restart of Switchyard, which empties the image memory, or of the kubelet, which stamps its pods anew.
import type { Backend } from '../backends/backend.ts';
import { readable } from '../cri/readable.ts';
import { forEachRecord, readMap, readString, readVarint } from '../cri/wire.ts';
import { CONFIG_SEEN } from './image-memory.ts';
import { hasLost } from './lost-containers.ts';

/** Annotations that are the kubelet's own and may differ from those it gave the runtime. */
const KUBELET_OWN: readonly string[] = [
  CONFIG_SEEN,
  'kubernetes.io/config.source',
  'kubernetes.io/config.mirror',
];

const SANDBOXES = 1;
// PodSandbox: id 1, state 3 (0 is READY), annotations 6.
const ID = [1];
const STATE = [3];
const ANNOTATIONS = [6];
const NO_FILTER = new Uint8Array(0);

/** The backends, in the order given, on which a pod may be. */
export interface PodTraces {
  /** They list a pod that was first seen at the very same moment: it is the one. */
  readonly same: readonly Backend[];
  /** They list a pod with the same annotations, but for the kubelet's own. */
  readonly alike: readonly Backend[];
  /**
   * Those of several alike on which a container of such a pod, made from the image, has ended, and nothing has taken its
   * place: the look-up is more likely for that pod than for one whose container runs.
   */
  readonly bereft: readonly Backend[];
  /** Nothing is known of their pods. */
  readonly unlisted: readonly Backend[];
}

/**
 * Searches the snapshots for the pod of a look-up of `image`. Pods whose sandbox is READY count before others: containers
 * are made only there.
 */
export function findTraces(
  backends: readonly Backend[],
  annotations: ReadonlyMap<string, string>,
  image: string,
): PodTraces {
  const seen = annotations.get(CONFIG_SEEN);
  const ready = { same: new Set<Backend>(), alike: new Map<Backend, Set<string>>() };
  const other = { same: new Set<Backend>(), alike: new Map<Backend, Set<string>>() };
  const unlisted: Backend[] = [];
  for (const backend of backends) {
    const list = backend.snapshot.answer('ListPodSandbox', NO_FILTER);
    if (list === undefined) {
      unlisted.push(backend);
      continue;
    }
    forEachRecord(list, 0, list.length, SANDBOXES, (_, start, end) => {
      // One record that cannot be read must not keep all other pods from their images.
      const own = readable(() => readMap(list, start, end, ANNOTATIONS));
      if (own === undefined) return;
      const traces = (readVarint(list, start, end, STATE) ?? 0) === 0 ? ready : other;
      if (seen !== undefined && own.get(CONFIG_SEEN) === seen) traces.same.add(backend);
      if (!areAlike(own, annotations)) return;
      const ids = traces.alike.get(backend) ?? new Set();
      traces.alike.set(backend, ids.add(readString(list, start, end, ID) ?? ''));
    });
  }
  const same = [...(ready.same.size > 0 ? ready : other).same];
  const alike = [...(ready.alike.size > 0 ? ready : other).alike];
  const bereft = alike.length > 1 ? alike.filter(([backend, ids]) => hasLost(backend, ids, image)) : [];
  return { same, alike: alike.map(backendOf), bereft: bereft.map(backendOf), unlisted };
}

const backendOf = ([backend]: readonly [Backend, unknown]) => backend;

function areAlike(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (countOf(a) !== countOf(b)) return false;
  for (const [key, value] of a) if (!KUBELET_OWN.includes(key) && b.get(key) !== value) return false;
  return true;
}

function countOf(annotations: ReadonlyMap<string, string>): number {
  return annotations.size - KUBELET_OWN.filter((key) => annotations.has(key)).length;
}
