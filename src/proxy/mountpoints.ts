// The mount points in a backend's statistics of containers, brought to those of its ImageFsInfo where they differ
// (merge/container-filesystems.ts says why). Which backends that are their answers tell, not their names.
import type { Backend } from '../backends/backend.ts';
import type { BackendState } from '../backends/state.ts';
import type { Clock } from '../clock.ts';
import type { Path } from '../cri/wire.ts';
import {
  type ContainerFilesystems,
  filesystemsOf,
  namesMountpoint,
  withKnownMountpoints,
} from '../merge/container-filesystems.ts';

const IMAGE_FS_INFO = 'ImageFsInfo';
/** Runtimes may walk their disks for an answer; nobody waits for this one. */
const ASK_TIMEOUT_MS = 30_000;
const NONE = Buffer.alloc(0);

interface Known {
  /** The ImageFsInfo reply that was read. */
  readonly reply: Buffer;
  /** Undefined when it names no file system, or cannot be read. */
  readonly filesystems: ContainerFilesystems | undefined;
}

export class Mountpoints {
  private readonly clock: Clock;
  private readonly known = new Map<Backend, Known>();
  /** Backends whose mount points were seen on their present connection, and whether any of them had to be changed. */
  private readonly seen = new Map<Backend, 'fitting' | 'odd'>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A backend's state has turned: behind another connection may be another runtime. */
  onState(backend: Backend, state: BackendState): void {
    if (state.kind !== 'ready') this.seen.delete(backend);
  }

  /** Asks a backend for its file systems, so that they are known before its first statistics. Never rejects. */
  async learn(backend: Backend): Promise<void> {
    const outcome = await backend.ask({
      service: 'ImageService',
      rpc: IMAGE_FS_INFO,
      request: NONE,
      timeoutMs: ASK_TIMEOUT_MS,
    });
    if (outcome.kind === 'answered') backend.snapshot.keep(IMAGE_FS_INFO, outcome.message, this.clock.now());
  }

  /** Whether statistics of this backend have to be looked at: not once they were seen to need no change. */
  mayDiffer(backend: Backend): boolean {
    return this.seen.get(backend) !== 'fitting' && this.filesystemsOf(backend) !== undefined;
  }

  /** A reply of the backend as clients get it; `path` leads to its ContainerStats. Throws MalformedMessageError. */
  mend(backend: Backend, message: Buffer, path: Path): Buffer {
    const filesystems = this.filesystemsOf(backend);
    if (filesystems === undefined || message.length === 0) return message;
    const mended = withKnownMountpoints(message, path, filesystems);
    if (mended !== message) this.seen.set(backend, 'odd');
    else if (!this.seen.has(backend) && namesMountpoint(message, path)) this.seen.set(backend, 'fitting');
    return mended;
  }

  private filesystemsOf(backend: Backend): ContainerFilesystems | undefined {
    const reply = backend.snapshot.kept(IMAGE_FS_INFO)?.message;
    if (reply === undefined) return undefined;
    let known = this.known.get(backend);
    if (known?.reply !== reply) {
      known = { reply, filesystems: readFilesystems(reply) };
      this.known.set(backend, known);
    }
    return known.filesystems;
  }
}

function readFilesystems(reply: Buffer): ContainerFilesystems | undefined {
  try {
    return filesystemsOf(reply);
  } catch {
    // What cannot be read says nothing.
    return undefined;
  }
}
