// The journal's file on disk: which file is fit to be one, and how it is opened and written.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  writevSync,
} from 'node:fs';
import { longestFileBytes } from './journal-size.ts';

/** Annotations are in it. */
const MODE = 0o600;

/** Neither through a link, nor waiting for somebody at the other end of a pipe. */
const CAREFULLY = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Why a file cannot be a journal, with what to do; undefined when it can. To be asked before it is opened, for that alone
 * does something to some devices.
 */
export function unfitness(found: Stats): string | undefined {
  const kind = kindOf(found);
  if (kind !== undefined) {
    return `it is ${kind}, where Switchyard keeps a plain file of its own; to keep it elsewhere, set stateDir`;
  }
  const uid = process.geteuid?.() ?? found.uid;
  if (found.uid !== uid && found.uid !== 0) {
    return `it belongs to uid ${found.uid}, who may have written anything into it, and not to uid ${uid}; find out what has given it away`;
  }
  const mode = found.mode & 0o777;
  if ((mode & 0o022) !== 0) {
    return `others may write to it (mode ${mode.toString(8).padStart(4, '0')}), and may have; find out what has set its mode`;
  }
  const longestBytes = longestFileBytes();
  if (found.size > longestBytes) {
    return `it has ${found.size} bytes, and no more than ${longestBytes} are read with the memory that there is; a journal of Switchyard's gets so long only where there is more memory, so see whether that was lowered`;
  }
  return undefined;
}

function kindOf(found: Stats): string | undefined {
  if (found.isFile()) return undefined;
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isDirectory()) return 'a directory';
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/** Opens a file that is fit, to read it; throws for any other. */
export function openForReading(file: string): number {
  return openFit(file, constants.O_RDONLY);
}

/** Opens a file that is fit, for positioned writes, and sees to it that only its owner can read it; throws for any other. */
export function openForWriting(file: string): number {
  const fd = openFit(file, constants.O_RDWR);
  try {
    closeToOthers(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Sees to it that only the owner can read an open file. */
export function closeToOthers(fd: number): void {
  if ((fstatSync(fd).mode & 0o7777) !== MODE) fchmodSync(fd, MODE);
}

/** Makes a file that was not there before, and opens it for positioned writes. */
export function createFile(file: string): number {
  return openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | CAREFULLY, MODE);
}

function openFit(file: string, flags: number): number {
  const named = lstatSync(file);
  const why = unfitness(named);
  if (why !== undefined) throw new Error(why);
  const fd = openSync(file, flags | CAREFULLY);
  const opened = fstatSync(fd);
  if (opened.ino === named.ino && opened.dev === named.dev) return fd;
  closeSync(fd);
  throw new Error('it was replaced by another file meanwhile');
}

/** Writes all parts at `position` in one call and returns their size; throws when not all of it could be written. */
export function writeAt(fd: number, parts: readonly Buffer[], position: number): number {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (sizeBytes === 0) return 0;
  const writtenBytes = writevSync(fd, parts, position);
  if (writtenBytes < sizeBytes) {
    throw new Error(`only ${writtenBytes} of ${sizeBytes} bytes could be written; the disk may be full`);
  }
  return sizeBytes;
}

/** The text of what was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether what was thrown says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
