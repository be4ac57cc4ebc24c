// Where a runtime says that the writable layers of its containers lie. A kubelet gives that directory to cAdvisor, which
// knows the file systems that were mounted when it started: CRI-O names each container's own overlay, which comes and
// goes with it, and one that cAdvisor takes for another fails the statistics of the whole node (kubelet 1.36,
// pkg/kubelet/stats/cri_stats_provider.go, getFsInfo). The directory of ImageFsInfo lies on a disk and stays.
import { findString, forEachAt, forEachRecord, type Path, readString } from '../cri/wire.ts';
import { found } from '../cri/wire-locate.ts';
import { rewriteRecords } from '../cri/wire-writer.ts';

/** The file systems that a backend's ImageFsInfo names. */
export interface ContainerFilesystems {
  /** All mount points, of images too. */
  readonly known: readonly Buffer[];
  /** The one to show for a container whose own is none of these. */
  readonly mountpoint: Buffer;
}

// ImageFsInfoResponse: image_filesystems 1, container_filesystems 2; FilesystemUsage: fs_id 2 {mountpoint 1}.
const IMAGE_FILESYSTEMS = 1;
const CONTAINER_FILESYSTEMS = 2;
const FS_MOUNTPOINT = [2, 1];
/** In ContainerStats: writable_layer 4. */
const MOUNTPOINT = [4, ...FS_MOUNTPOINT];

/** What an ImageFsInfo reply says; undefined when it names no file system. Throws MalformedMessageError. */
export function filesystemsOf(reply: Uint8Array): ContainerFilesystems | undefined {
  const mountpoints = (field: number): Buffer[] => {
    const named: Buffer[] = [];
    forEachRecord(reply, 0, reply.length, field, (_, start, end) => {
      const mountpoint = readString(reply, start, end, FS_MOUNTPOINT) ?? '';
      if (mountpoint !== '') named.push(Buffer.from(mountpoint));
    });
    return named;
  };
  const known = [...mountpoints(CONTAINER_FILESYSTEMS), ...mountpoints(IMAGE_FILESYSTEMS)];
  const [mountpoint] = known;
  return mountpoint && { known, mountpoint };
}

/** Whether any of the ContainerStats at `path` names a mount point. Throws MalformedMessageError. */
export function namesMountpoint(message: Buffer, path: Path): boolean {
  let isNamed = false;
  forEachAt(message, 0, message.length, path, (_, start, end) => {
    isNamed ||= findString(message, start, end, MOUNTPOINT) && found.end > found.start;
  });
  return isNamed;
}

/**
 * The message with each mount point of the ContainerStats at `path` that is not known replaced by the one that is shown
 * for it; all else as it came, and the message itself when there is nothing to replace. One that names none gets none.
 */
export function withKnownMountpoints(
  message: Buffer,
  path: Path,
  { known, mountpoint }: ContainerFilesystems,
): Buffer {
  const isKnown = (bytes: Uint8Array, start: number, end: number) =>
    start === end || known.some((one) => one.length === end - start && one.compare(bytes, start, end) === 0);
  let areAllKnown = true;
  forEachAt(message, 0, message.length, path, (_, start, end) => {
    if (areAllKnown && findString(message, start, end, MOUNTPOINT))
      areAllKnown = isKnown(message, found.start, found.end);
  });
  if (areAllKnown) return message;
  const full = [...path, ...MOUNTPOINT];
  const replaced = (body: Uint8Array, depth: number): Uint8Array => {
    if (depth < full.length)
      return rewriteRecords(body, full[depth] as number, (inner) => replaced(inner, depth + 1));
    return isKnown(body, 0, body.length) ? body : mountpoint;
  };
  return Buffer.from(replaced(message, 0));
}
