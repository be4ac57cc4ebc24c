// What the backends' answers to image calls say, read from their bytes.
import type { Backend } from '../backends/backend.ts';
import { ImageNameIndex } from '../cri/image-name-index.ts';
import { digitsOf, type ImageNames, mayMean } from '../cri/image-reference.ts';
import { forEachRecord, readBytes, readString, readStrings, readVarint } from '../cri/wire.ts';
import { BackendUnavailableError, MalformedMessageError } from '../errors.ts';
import { STATUS, statusName } from '../grpc/status.ts';
import { excerpt } from '../quote.ts';
import type { BackendOutcome } from './fan-out.ts';
import type { Lack } from './list-errors.ts';

/** In ImageStatusResponse: the image, absent when the backend has none of that name. */
const FOUND = [1];
// Image: id 1, repo_tags 2, repo_digests 3, uid 5 (an Int64Value), username 6.
const FOUND_ID = [1, 1];
const FOUND_TAGS = [1, 2];
const FOUND_DIGESTS = [1, 3];
const FOUND_UID_VALUE = [1, 5];
const FOUND_UID = [1, 5, 1];
const FOUND_USERNAME = [1, 6];

/** Whether the backend has the image that it was asked for. */
export function hasImage({ outcome }: BackendOutcome): boolean {
  if (outcome.kind !== 'answered') return false;
  return readBytes(outcome.message, 0, outcome.message.length, FOUND) !== undefined;
}

/** Whether it said that it has no such image: by an empty reply, or by a status that means the same. */
export function deniesImage(result: BackendOutcome): boolean {
  const { outcome } = result;
  return outcome.kind === 'answered'
    ? !hasImage(result)
    : outcome.kind === 'status' && outcome.code === STATUS.NOT_FOUND;
}

/** The id of the image that it found; '' when it found none. */
export function foundId({ outcome }: BackendOutcome): string {
  if (outcome.kind !== 'answered') return '';
  return readString(outcome.message, 0, outcome.message.length, FOUND_ID) ?? '';
}

/** Whether the image that it found has an id that begins so, and no name like the reference. */
export function isFoundByBeginning(result: BackendOutcome, reference: string): boolean {
  const { outcome } = result;
  const digits = digitsOf(reference);
  if (outcome.kind !== 'answered' || digits === '') return false;
  if (!digitsOf(foundId(result)).startsWith(digits)) return false;
  const { message } = outcome;
  const digests = readStrings(message, 0, message.length, FOUND_DIGESTS);
  return !mayMean(reference, { id: '', tags: foundTags(result), digests });
}

/** The names under which it has the image that it found. */
export function foundTags({ outcome }: BackendOutcome): string[] {
  return outcome.kind === 'answered'
    ? readStrings(outcome.message, 0, outcome.message.length, FOUND_TAGS)
    : [];
}

/** Who a container runs as whose image names no user, or was not found: the kubelet sends this uid. */
export const ROOT = '0';

/**
 * The user whom a container of the found image runs as unless its pod says otherwise, as the kubelet reads it: the uid,
 * else the name, else root. Undefined when that cannot be read. It is read beside the way of the answer, so a broken
 * image is the client's to find.
 */
export function userOfFound({ outcome }: BackendOutcome): string | undefined {
  if (outcome.kind !== 'answered') return undefined;
  const { message } = outcome;
  try {
    if (readBytes(message, 0, message.length, FOUND_UID_VALUE) !== undefined)
      return String(readVarint(message, 0, message.length, FOUND_UID) ?? 0);
    return readString(message, 0, message.length, FOUND_USERNAME) || ROOT;
  } catch (error) {
    if (error instanceof MalformedMessageError) return undefined;
    throw error;
  }
}

const RECORDS = 1;
const ID = [1];
const TAGS = [2];
const DIGESTS = [3];

/** Whether a list of images, given in parts, shows exactly this id. */
export function listsId(list: readonly Buffer[], id: string): boolean {
  return someImage(list, (part, start, end) => readString(part, start, end, ID) === id);
}

/** The id with these digits (digitsOf) as a list shows it, in its runtime's own form; undefined when it has none. */
export function listedForm(list: readonly Buffer[], digits: string): string | undefined {
  let form: string | undefined;
  someImage(list, (part, start, end) => {
    const id = readString(part, start, end, ID) ?? '';
    if (digitsOf(id) !== digits) return false;
    form = id;
    return true;
  });
  return form;
}

/** The id of an image in a list that its backend might take this reference for; undefined when there is none. */
export function meantId(list: readonly Buffer[], reference: string): string | undefined {
  let meant: string | undefined;
  someImage(list, (part, start, end) => {
    const names = namesAt(part, start, end);
    if (!mayMean(reference, names)) return false;
    meant = names.id;
    return true;
  });
  return meant;
}

/** The names of the images in a list, of those ids that count. */
export function indexNames(list: readonly Buffer[], counts: (id: string) => boolean): ImageNameIndex {
  const index = new ImageNameIndex();
  someImage(list, (part, start, end) => {
    if (counts(readString(part, start, end, ID) ?? '')) index.add(namesAt(part, start, end));
    return false;
  });
  return index;
}

function namesAt(part: Buffer, start: number, end: number): ImageNames {
  const id = readString(part, start, end, ID) ?? '';
  return { id, tags: readStrings(part, start, end, TAGS), digests: readStrings(part, start, end, DIGESTS) };
}

function someImage(
  list: readonly Buffer[],
  holds: (part: Buffer, start: number, end: number) => boolean,
): boolean {
  let isFound = false;
  for (const part of list) {
    forEachRecord(part, 0, part.length, RECORDS, (_, start, end) => {
      isFound ||= holds(part, start, end);
    });
  }
  return isFound;
}

/** The error for an image of which it cannot be told where it is. */
export function undecided(image: string, silent: readonly Lack[]): BackendUnavailableError {
  const whys = silent.map(({ why }) => why).join('; ');
  return new BackendUnavailableError(`cannot tell which backends have image ${excerpt(image)}: ${whys}`, {
    hint: 'Try again when all backends answer',
    backends: silent.map(({ backend }) => backend.name),
  });
}

/** The error for an image that an absent backend has, or may take the reference for: its last list shows this id. */
export function heldByAbsent(image: string, backend: Backend, id: string): BackendUnavailableError {
  const { name } = backend;
  const what = `image ${excerpt(image)} is removed from no backend: backend ${name} is away, and its last list has ${excerpt(id)} of that name, or of one like it`;
  return new BackendUnavailableError(`${what}; ${backend.images.absenceError().message}`, {
    hint: `Try again when backend ${name} is back; by its id as it is listed the image is removed from the others meanwhile`,
    backends: [name],
  });
}

/** That an absent backend cannot be asked for its images. */
export function awayOf(backend: Backend): Lack {
  return { backend, why: backend.images.absenceError().message };
}

/** That a backend gave no answer. */
export function troubleOf(result: BackendOutcome): Lack {
  return { backend: result.backend, why: whyOf(result) };
}

function whyOf({ backend, outcome }: BackendOutcome): string {
  if (outcome.kind === 'failed') return outcome.error.message;
  if (outcome.kind === 'answered') return '';
  return `backend ${backend.name} says ${statusName(outcome.code)}: ${excerpt(outcome.text)}`;
}
