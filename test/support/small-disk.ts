// A disk of a test's own that can be filled up or made read-only: a small tmpfs. Only root can mount one.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { tempDir } from './temp-dir.ts';

const run = promisify(execFile);

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** The path of `name` on this disk. */
  file(name: string): string;
  /** Takes all space that is left. */
  fill(): void;
  /** Gives it back. */
  free(): Promise<void>;
  /** Allows or forbids writing. Forbidding fails while a file is open for writing. */
  setWritable(isWritable: boolean): Promise<void>;
}

/** Mounts a disk of this size; a text says why it cannot be done here. */
export async function smallDisk(sizeBytes: number): Promise<SmallDisk | string> {
  const dir = await tempDir();
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', dir.path]);
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    return `no tmpfs can be mounted here: ${error instanceof Error ? error.message.trim() : String(error)}`;
  }
  const ballast = path.join(dir.path, 'ballast');
  return {
    path: dir.path,
    file: dir.file,
    fill() {
      for (let chunkBytes = sizeBytes; chunkBytes >= 1; chunkBytes = Math.floor(chunkBytes / 2)) {
        try {
          writeFileSync(ballast, Buffer.alloc(chunkBytes), { flag: 'a' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    },
    free: () => rm(ballast),
    async setWritable(isWritable) {
      await run('mount', ['-o', `remount,${isWritable ? 'rw' : 'ro'}`, dir.path]);
    },
    async [Symbol.asyncDispose]() {
      await run('umount', [dir.path]);
      await dir[Symbol.asyncDispose]();
    },
  };
}
