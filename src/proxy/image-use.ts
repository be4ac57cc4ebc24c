// Whether an image that is to be removed by its id is in use, and its client could not see that. `crictl rmi --prune`
// looks up the image of each container by the reference that the container was created with, keeps what it finds, and
// removes all else by id. One runtime answers for its own containers; over several, the image of that name on another one
// may be found, or the look-up fails, and crictl goes on.
import type { Backend } from '../backends/backend.ts';
import type { ImageNameIndex } from '../cri/image-name-index.ts';
import { readable } from '../cri/readable.ts';
import { forEachRecord, readString } from '../cri/wire.ts';
import { ImageInUseError } from '../errors.ts';
import { excerpt } from '../quote.ts';
import { indexNames } from './image-answers.ts';

/** What a backend lists. */
export interface ListedImages {
  readonly backend: Backend;
  readonly images: readonly Buffer[];
}

const RECORDS = 1;
// Container: id 1, image 4 (an ImageSpec), image_ref 5, image_id 10.
const ID = [1];
const IMAGE = [4, 1];
const IMAGE_REF = [5];
const IMAGE_ID = [10];
const NO_FILTER = new Uint8Array(0);

/** The error for the removal of an image by its id from `owner`, one of `all`; undefined when nothing speaks against it. */
export function hiddenUse(
  owner: ListedImages,
  all: readonly ListedImages[],
  id: string,
): ImageInUseError | undefined {
  const { backend } = owner;
  const users = usersOf(owner, id);
  if (users.size === 0) return undefined;
  for (const other of all) {
    if (other === owner) continue;
    // A look-up there may be answered with another image than that of this id, or not at all.
    const names = indexNames(other.images, (one) => one !== id || other.backend.images.isAbsent);
    for (const [reference, container] of users)
      if (names.mayMean(reference)) return inUse(id, container, backend, other.backend);
  }
  return undefined;
}

function inUse(id: string, container: string, owner: Backend, other: Backend): ImageInUseError {
  const { name, config } = owner;
  return new ImageInUseError(
    `image ${excerpt(id)} is in use by container ${excerpt(container)} on backend ${name}, and backend ${other.name} may have another image of the name that it was created with`,
    {
      hint: `Remove the container first, or the image from backend ${name} alone, at ${config.imageSocket ?? config.socket}; by a tag every image of that name is removed, in use or not, from all backends`,
    },
  );
}

/** The references with which containers that use the image were created, each with one of those containers. */
function usersOf({ backend, images }: ListedImages, id: string): Map<string, string> {
  // As a client is shown them; where nothing is known it was shown nothing to go by.
  const containers = backend.snapshot.answer('ListContainers', NO_FILTER) ?? Buffer.alloc(0);
  const users = new Map<string, string>();
  let names: ImageNameIndex | undefined;
  const isUsed = ({ reference, imageRef, imageId }: ImageUser) => {
    if (imageId === id || imageRef === id) return true;
    // Created just now, and not listed by its backend yet: only the reference is known.
    if (imageId !== '' || imageRef !== reference) return false;
    names ??= indexNames(images, (one) => one === id);
    return names.mayMean(reference);
  };
  forEachRecord(containers, 0, containers.length, RECORDS, (_, start, end) => {
    const container = readContainer(containers, start, end);
    if (container !== undefined && !users.has(container.reference) && isUsed(container))
      users.set(container.reference, container.id);
  });
  return users;
}

interface ImageUser {
  readonly id: string;
  /** What it was created with. */
  readonly reference: string;
  readonly imageRef: string;
  readonly imageId: string;
}

/**
 * Undefined for a record that cannot be read: then no client could read the list, over this runtime alone neither, and
 * nobody was shown another image than the container's.
 */
function readContainer(list: Buffer, start: number, end: number): ImageUser | undefined {
  const text = (path: readonly number[]) => readString(list, start, end, path) ?? '';
  return readable(() => {
    return { id: text(ID), reference: text(IMAGE), imageRef: text(IMAGE_REF), imageId: text(IMAGE_ID) };
  });
}
