// The filters of lists: read, and those of ListPodSandbox and ListContainers applied to records as a runtime applies them,
// for a snapshot that stands for a backend must answer what the backend would have answered. Runtimes differ in what they
// make of the filter of ListImages: image-selection.ts.
import { isUtf8 } from 'node:buffer';
import type { ListMethod } from '../cri/methods.ts';
import { readable } from '../cri/readable.ts';
import { forEachAt, type Path, readBytes, readMap, readString, readVarint } from '../cri/wire.ts';

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
  /** A reference of an image; '': any. */
  readonly image: string;
}

/**
 * The filter of a request; undefined when it lets everything through (an absent filter and an empty one are alike).
 * Throws MalformedMessageError when any part of it does not parse, for then no runtime could read it.
 */
export function readListFilter(method: ListMethod, request: Uint8Array): ListFilter | undefined {
  const { id: idPath, sandboxId: sandboxIdPath, state: statePath, labels: labelsPath } = method.filter;
  const { image: imagePath } = method.filter;
  const end = request.length;
  const id = (idPath && readString(request, 0, end, idPath)) ?? '';
  const sandboxId = (sandboxIdPath && readString(request, 0, end, sandboxIdPath)) ?? '';
  // The state is wrapped in a message of its own, because number 0 is a state too.
  const isForState =
    statePath !== undefined && readBytes(request, 0, end, statePath.slice(0, -1)) !== undefined;
  const state = isForState ? (readVarint(request, 0, end, statePath) ?? 0) : undefined;
  const labels = labelsPath === undefined ? NO_LABELS : readMap(request, 0, end, labelsPath);
  const image = (imagePath && readString(request, 0, end, imagePath)) ?? '';
  if (imagePath !== undefined) readMap(request, 0, end, [...imagePath.slice(0, -1), SPEC_ANNOTATIONS]);
  const isOpen = id === '' && sandboxId === '' && state === undefined && labels.size === 0 && image === '';
  return isOpen ? undefined : { id, sandboxId, state, labels, image };
}

/** Whether all strings of the filter are UTF-8, as protobuf has it; a runtime may refuse a request that breaks that. */
export function isText(
  { filter: { id, sandboxId, labels, image } }: ListMethod,
  request: Uint8Array,
): boolean {
  const spec = image?.slice(0, -1);
  const strings: Path[] = [];
  for (const path of [id, sandboxId]) if (path !== undefined) strings.push(path);
  if (spec !== undefined) for (const field of SPEC_STRINGS) strings.push([...spec, field]);
  const maps = [labels, spec && [...spec, SPEC_ANNOTATIONS]];
  for (const path of maps) if (path !== undefined) strings.push([...path, 1], [...path, 2]);
  let isAll = true;
  for (const path of strings) {
    forEachAt(request, 0, request.length, path, (_, start, end) => {
      isAll &&= isUtf8(request.subarray(start, end));
    });
  }
  return isAll;
}

/**
 * Whether a record has the state and the labels asked for. Ids are looked up, not compared: see wholeId. One that cannot
 * be read is let through: its backend may have given it, and a list must not lack what is there.
 */
export function hasStateAndLabels(
  method: ListMethod,
  filter: ListFilter,
  buf: Uint8Array,
  bodyStart: number,
  bodyEnd: number,
): boolean {
  return readable(() => isWanted(method, filter, buf, bodyStart, bodyEnd)) ?? true;
}

function isWanted(
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
/** In an ImageSpec: image, user_specified_image, runtime_handler, image_ref. */
const SPEC_STRINGS = [1, 18, 19, 20];
const SPEC_ANNOTATIONS = 2;
