// Whether a backend's lists show that a pod has just lost its container of an image: the kubelet looks the image up then,
// to make another one. Tells one of several pods that are alike from the others.
import type { Backend } from '../backends/backend.ts';
import { CONTAINER_STATE } from '../backends/snapshot-record.ts';
import { digitsOf, mayMean, withTag } from '../cri/image-reference.ts';
import { readable } from '../cri/readable.ts';
import { forEachRecord, type Path, readString, readStrings, readVarint } from '../cri/wire.ts';

const NO_FILTER = new Uint8Array(0);
const RECORDS = 1;
// Container.
const SANDBOX: Path = [2];
const NAME: Path = [3, 1];
const ATTEMPT: Path = [3, 2];
const STATE: Path = [6];
/** By what a runtime names a container's image: the pod's word for it, that or its id, the id. */
const IMAGE_NAMES: readonly Path[] = [[4, 18], [4, 1], [5], [10]];
// Image.
const IMAGE_ID: Path = [1];
const TAGS: Path = [2];
const DIGESTS: Path = [3];

/** Whether the newest container of some name, made from the image in one of the sandboxes, has ended. */
export function hasLost(backend: Backend, sandboxIds: ReadonlySet<string>, image: string): boolean {
  const list = backend.snapshot.answer('ListContainers', NO_FILTER);
  if (list === undefined) return false;
  const ids = idsOf(backend, image);
  const newest = new Map<string, { attempt: number; hasEnded: boolean }>();
  const note = (start: number, end: number) => {
    const text = (path: Path) => readString(list, start, end, path) ?? '';
    const sandboxId = text(SANDBOX);
    if (!sandboxIds.has(sandboxId)) return;
    const isOfImage = (name: string) => withTag(name) === withTag(image) || ids.has(digitsOf(name));
    if (!IMAGE_NAMES.some((path) => isOfImage(text(path)))) return;
    const key = `${sandboxId} ${text(NAME)}`;
    const attempt = readVarint(list, start, end, ATTEMPT) ?? 0;
    const known = newest.get(key);
    if (known !== undefined && known.attempt > attempt) return;
    newest.set(key, { attempt, hasEnded: readVarint(list, start, end, STATE) === CONTAINER_STATE.exited });
  };
  forEachRecord(list, 0, list.length, RECORDS, (_, start, end) => {
    readable(() => note(start, end));
  });
  return [...newest.values()].some(({ hasEnded }) => hasEnded);
}

/** The ids, without the names of digests, of what the backend lists under the image's name. */
function idsOf(backend: Backend, image: string): Set<string> {
  const ids = new Set<string>();
  const list = backend.snapshot.answer('ListImages', NO_FILTER);
  if (list === undefined) return ids;
  forEachRecord(list, 0, list.length, RECORDS, (_, start, end) => {
    const id = readString(list, start, end, IMAGE_ID) ?? '';
    const tags = readStrings(list, start, end, TAGS);
    const digests = readStrings(list, start, end, DIGESTS);
    if (id !== '' && mayMean(image, { id, tags, digests })) ids.add(digitsOf(id));
  });
  return ids;
}
