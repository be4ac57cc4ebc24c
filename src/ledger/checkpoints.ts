// Which backend wrote which checkpoint of a pod. Its files are in the form of that runtime, and a restored pod is a new one
// (another UID), so nothing else leads it back there.
import path from 'node:path';
import type { Backend } from '../backends/backend.ts';

/** Checkpoints to remember; the one that was neither written nor restored for longest is forgotten first. */
export const CHECKPOINT_LIMIT = 1_000;
/** Longer ones are no paths (PATH_MAX of Linux). */
const PATH_BYTES = 4_096;

/** Told of every checkpoint, for the journal; without a backend when it is not known any more who wrote it. */
export interface CheckpointWatcher {
  checkpointed(path: string, backend: string | undefined): void;
}

export class Checkpoints {
  private readonly writers = new Map<string, Backend>();
  private watcher: CheckpointWatcher | undefined;

  /** From now on every checkpoint is told to `watcher`. */
  watch(watcher: CheckpointWatcher): void {
    this.watcher = watcher;
  }

  /** All that are remembered: path and name of the backend, the one to be forgotten next first. */
  *[Symbol.iterator](): Generator<readonly [path: string, backend: string]> {
    for (const [checkpoint, { name }] of this.writers) yield [checkpoint, name];
  }

  /** A backend has written a checkpoint; what it was before is written over. */
  add(checkpoint: string, backend: Backend): void {
    const normal = normalPath(checkpoint);
    if (normal === undefined) return;
    const isKnown = this.writers.get(normal) === backend;
    this.put(normal, backend);
    if (!isKnown) this.watcher?.checkpointed(normal, backend.name);
  }

  /** A backend may have written a checkpoint: only where it wrote the one before is it known whose it is. */
  doubt(checkpoint: string, backend: Backend): void {
    const normal = normalPath(checkpoint);
    if (normal !== undefined && this.writers.get(normal) !== backend) this.forget(normal);
  }

  /** Behind a backend's name is a runtime of another kind now: it cannot read what the one before wrote. */
  forgetWriter(backend: Backend): void {
    for (const [normal, writer] of this.writers) if (writer === backend) this.forget(normal);
  }

  /** The backend that wrote a checkpoint; undefined when that is not known. */
  writerOf(checkpoint: string): Backend | undefined {
    const normal = normalPath(checkpoint);
    const writer = normal === undefined ? undefined : this.writers.get(normal);
    if (normal !== undefined && writer !== undefined) this.put(normal, writer);
    return writer;
  }

  private forget(normal: string): void {
    if (this.writers.delete(normal)) this.watcher?.checkpointed(normal, undefined);
  }

  private put(normal: string, backend: Backend): void {
    this.writers.delete(normal);
    this.writers.set(normal, backend);
    for (const oldest of this.writers.keys()) {
      if (this.writers.size <= CHECKPOINT_LIMIT) return;
      this.writers.delete(oldest);
    }
  }
}

/**
 * One text for all that name the same path, as far as that can be told without looking at the disk: symbolic links are
 * not followed, for the runtime may see another file system than Switchyard does.
 */
function normalPath(checkpoint: string): string | undefined {
  if (checkpoint === '' || Buffer.byteLength(checkpoint) > PATH_BYTES) return undefined;
  const normal = path.posix.normalize(checkpoint).replace(/\/+$/, '');
  return normal === '' ? '/' : normal;
}
