// A directory that is held open, so that its files have short paths: that of a unix socket may have 107 bytes only.
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import path from 'node:path';

export class OpenDirectory {
  readonly fd: number;
  readonly #base: string;

  /** Throws as node:fs does when there is no such directory. */
  constructor(directory: string) {
    this.fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    // Only Linux has it; elsewhere a path may be too long, as it would be anyway.
    this.#base = existsSync('/proc/self/fd') ? `/proc/self/fd/${this.fd}` : directory;
  }

  /** A path to one of its files, or to itself, that is good until close(). */
  path(name = ''): string {
    return path.join(this.#base, name);
  }

  close(): void {
    closeSync(this.fd);
  }
}
