// The filters of ListPodSandbox and ListContainers, applied to records as a runtime applies them: a snapshot that stands
// for a backend must answer what the backend would have answered. The filter of ListImages is not among them, because
// containerd, the most common runtime, does not apply it: all images are a proper answer.
import type { ListMethod } from '../cri/methods.ts';
import { readBytes, readMap, readString, readVarint } from '../cri/wire.ts';

/** What a list request asks for; all that is given must hold. */
export interface ListFilter {
  /** The id, or the beginning of it; '': any. */
  readonly id: string;
  /** The same for the sandbox of a container. */
  readonly sandboxId: string;
  /** The number of a state; undefined: any. */
  readonly state: number | undefined;
  /** Labels with these very values. */
  readonly labels: ReadonlyMap<string, string>;
}

/** The filter of a request; undefined when it lets everything through (an absent filter and an empty one are alike). */
export function readListFilter(method: ListMethod, request: Uint8Array): ListFilter | undefined {
  const { id: idPath, sandboxId: sandboxIdPath, state: statePath, labels: labelsPath } = method.filter;
  const end = request.length;
  const id = (idPath && readString(request, 0, end, idPath)) ?? '';
  const sandboxId = (sandboxIdPath && readString(request, 0, end, sandboxIdPath)) ?? '';
  // The state is wrapped in a message of its own, because number 0 is a state too.
  const isForState =
    statePath !== undefined && readBytes(request, 0, end, statePath.slice(0, -1)) !== undefined;
  const state = isForState ? (readVarint(request, 0, end, statePath) ?? 0) : undefined;
  const labels = labelsPath === undefined ? NO_LABELS : readMap(request, 0, end, labelsPath);
  if (id === '' && sandboxId === '' && state === undefined && labels.size === 0) return undefined;
  return { id, sandboxId, state, labels };
}

/** Whether a record has the state and the labels asked for. Ids are looked up, not compared: see wholeId. */
export function hasStateAndLabels(
  method: ListMethod,
  filter: ListFilter,
  buf: Uint8Array,
  bodyStart: number,
  bodyEnd: number,
): boolean {
  const { state: statePath, labels: labelsPath } = method.record ?? {};
  if (filter.state !== undefined && statePath !== undefined) {
    if ((readVarint(buf, bodyStart, bodyEnd, statePath) ?? 0) !== filter.state) return false;
  }
  if (filter.labels.size === 0 || labelsPath === undefined) return true;
  const labels = readMap(buf, bodyStart, bodyEnd, labelsPath);
  for (const [key, value] of filter.labels) if (labels.get(key) !== value) return false;
  return true;
}

/**
 * The id that a runtime takes `text` for: an id it has, else the only one that begins so. A beginning that fits several
 * ids or none stays as it is, and so fits nothing.
 */
export function wholeId(text: string, ids: { has(id: string): boolean; keys(): Iterable<string> }): string {
  if (text === '' || ids.has(text)) return text;
  let found: string | undefined;
  for (const id of ids.keys()) {
    if (!id.startsWith(text)) continue;
    if (found !== undefined) return text;
    found = id;
  }
  return found ?? text;
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();
