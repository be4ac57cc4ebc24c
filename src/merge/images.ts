// Joining what backends say about images: the same image on two backends is one image to the kubelet.
import {
  encodeField,
  forEachField,
  forEachRecord,
  readString,
  readStrings,
  readVarint,
} from '../cri/wire.ts';
import { encodeNanoseconds, encodeNumber, encodeText, rewriteRecords } from '../cri/wire-writer.ts';
import { withoutRecords } from './lists.ts';

const RECORDS = 1;
// Image: id 1, repo_tags 2, repo_digests 3, size 4, uid 5, username 6, spec 7, pinned 8.
const IMAGE_ID = [1];
const REPO_TAGS = 2;
const REPO_DIGESTS = 3;
const SIZE = 4;
const UID = 5;
const USERNAME = 6;
const PINNED = 8;

/**
 * The parts of a joined ListImages reply with each image id once: tags and digests united, pinned when pinned
 * anywhere, the largest size; the rest as the first says (the default backend's parts come first).
 * Without this the kubelet would keep the last one it reads, and could collect an image that is pinned elsewhere.
 */
export function mergeImages(parts: readonly Buffer[]): Buffer[] {
  const message = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  const records = new Map<string, { start: number; bodyStart: number; end: number }[]>();
  let hasTwins = false;
  forEachRecord(message, 0, message.length, RECORDS, (start, bodyStart, end) => {
    const id = readString(message, bodyStart, end, IMAGE_ID) ?? '';
    const twins = records.get(id);
    if (twins === undefined) records.set(id, [{ start, bodyStart, end }]);
    else {
      hasTwins = true;
      twins.push({ start, bodyStart, end });
    }
  });
  if (!hasTwins) return [message];

  const dropped: { start: number; end: number }[] = [];
  const merged: Buffer[] = [];
  for (const twins of records.values()) {
    if (twins.length === 1) continue;
    dropped.push(...twins);
    const images = twins.map(({ bodyStart, end }) => message.subarray(bodyStart, end));
    merged.push(Buffer.from(encodeField(RECORDS, mergeOne(images))));
  }
  dropped.sort((a, b) => a.start - b.start);
  return [...withoutRecords(message, dropped), ...merged];
}

/** The first one with what the others add written behind it: of a repeated field all count, of any other the last. */
function mergeOne(twins: readonly Buffer[]): Uint8Array {
  const [first = Buffer.alloc(0), ...others] = twins;
  const united = [REPO_TAGS, REPO_DIGESTS].flatMap((field) => {
    const own = new Set(textsOf(first, field));
    const added = new Set(others.flatMap((other) => textsOf(other, field)).filter((text) => !own.has(text)));
    return [...added].map((text) => encodeText(field, text));
  });
  const largest = (field: number) =>
    Math.max(...twins.map((image) => readVarint(image, 0, image.length, [field]) ?? 0));
  return Buffer.concat([
    first,
    ...lackedBy(first, others),
    ...united,
    encodeNumber(SIZE, largest(SIZE)),
    encodeNumber(PINNED, largest(PINNED)),
  ]);
}

/**
 * Fields that the first twin lacks, spec and newer ones, as the first of the others has them; one that it has is not
 * overridden. Its user is its own also where it names none, for that means root.
 */
function lackedBy(first: Buffer, others: readonly Buffer[]): Buffer[] {
  const had = new Set([REPO_TAGS, REPO_DIGESTS, SIZE, UID, USERNAME, PINNED]);
  forEachField(first, (field) => had.add(field));
  return others.flatMap((other) => {
    const lacked: Buffer[] = [];
    const found = new Set<number>();
    forEachField(other, (field, start, end) => {
      if (had.has(field)) return;
      found.add(field);
      lacked.push(other.subarray(start, end));
    });
    for (const field of found) had.add(field);
    return lacked;
  });
}

function textsOf(image: Buffer, field: number): string[] {
  return readStrings(image, 0, image.length, [field]);
}

/** In ImageFsInfoResponse both fields hold FilesystemUsage records; fs_id.mountpoint says where one lies. */
const FS_FIELDS = [1, 2];
const MOUNTPOINT = [2, 1];

/**
 * ImageFsInfo replies joined, the default backend's first, because the kubelet reads the first file system only.
 * A mount point that an earlier reply has is not repeated.
 */
export function joinFsInfo(replies: readonly Buffer[]): Buffer[] {
  const seen = new Set<string>();
  return replies.flatMap((message) => {
    const repeated: { start: number; end: number }[] = [];
    const own: string[] = [];
    for (const field of FS_FIELDS) {
      forEachRecord(message, 0, message.length, field, (start, bodyStart, end) => {
        const key = `${field} ${readString(message, bodyStart, end, MOUNTPOINT) ?? ''}`;
        if (seen.has(key)) repeated.push({ start, end });
        else own.push(key);
      });
    }
    for (const key of own) seen.add(key);
    repeated.sort((a, b) => a.start - b.start);
    return withoutRecords(message, repeated);
  });
}

const TIMESTAMP = 1;

/** An ImageFsInfo reply that was kept, with every record's time set to now: the kubelet takes old ones for a standstill. */
export function withTimestamps(reply: Buffer, nowMs: number): Buffer {
  const timestamp = encodeNanoseconds(TIMESTAMP, nowMs);
  // Written behind the old one: of a field that occurs twice the last counts.
  const renewed = (usage: Uint8Array) => Buffer.concat([usage, timestamp]);
  return Buffer.from(
    FS_FIELDS.reduce((message, field) => rewriteRecords(message, field, renewed), reply as Uint8Array),
  );
}
