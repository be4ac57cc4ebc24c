// The journal's file on disk: read at the start, moved aside when it is not ours to read, written without gaps.

import { constants, fstatSync, openSync, renameSync, statSync, writevSync } from 'node:fs';
import { copyFile, readFile, rename } from 'node:fs/promises';
import { decodeJournal, FLAGS_AT, INCOMPLETE, type JournalEntry } from './journal-format.ts';

/** What the file of an earlier run gave. */
export interface JournalReading {
  /** In the order they were written. */
  readonly entries: readonly JournalEntry[];
  /** Where the last good record ends; 0 when the file must be begun anew. */
  readonly endBytes: number;
  /** False when entries are missing behind those that are here: what they add up to was true once, and is not now. */
  readonly isComplete: boolean;
  /** What people should know about the file, as sentences without a full stop. Empty when all is well. */
  readonly remarks: readonly string[];
  /** True when there is a file that could neither be read nor moved aside; it must not be written over. */
  readonly isInTheWay: boolean;
}

const NOTHING: JournalReading = {
  entries: [],
  endBytes: 0,
  isComplete: true,
  remarks: [],
  isInTheWay: false,
};

/** Reads the file. What cannot be understood is moved aside or copied, never deleted. Never rejects. */
export async function readJournal(file: string, version: number, wallMs: number): Promise<JournalReading> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    // Where the state directory is no directory there is no file either; the first write says so.
    const isNowhere = (error as NodeJS.ErrnoException).code === 'ENOTDIR';
    if (isNowhere || isMissing(error)) return NOTHING;
    return setAside(file, wallMs, `it cannot be read: ${textOf(error)}`);
  }
  const content = decodeJournal(bytes, version);
  switch (content.kind) {
    case 'empty':
      return NOTHING;
    case 'foreign':
      return setAside(file, wallMs, content.reason);
    case 'journal': {
      const { entries, endBytes, tail } = content;
      const remarks: string[] = [];
      const cutBytes = bytes.length - endBytes;
      if (tail === 'torn')
        remarks.push(`the last record of ${file} was not written whole; ${cutBytes} bytes are cut off`);
      if (tail === 'damaged') {
        const kept = await keepCopy(file, wallMs);
        remarks.push(
          `${file} is damaged at byte ${endBytes}: the ${cutBytes} bytes from there on are not used; ${kept}`,
        );
      }
      if (content.isIncomplete)
        remarks.push(`${file} lacks entries, because it could not be written for a time`);
      const isComplete = tail !== 'damaged' && !content.isIncomplete;
      return { entries, endBytes, isComplete, remarks, isInTheWay: false };
    }
    default:
      return content satisfies never;
  }
}

/** Where a file is put that must be kept but not used. */
export function asidePath(file: string, why: 'unreadable' | 'damaged', wallMs: number): string {
  return `${file}.${why}-${new Date(wallMs).toISOString().replaceAll(/[:.]/g, '-')}`;
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

/** Opens a file for positioned writes and makes it when there is none. Only its owner may read it: annotations are in it. */
export function openFile(file: string, flags = 0): number {
  return openSync(file, constants.O_RDWR | constants.O_CREAT | flags, 0o600);
}

/** Puts a file that cannot be read where it is kept; does nothing when it has gone. */
export function moveAside(file: string, wallMs: number): void {
  try {
    renameSync(file, asidePath(file, 'unreadable', wallMs));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Whether the open file is still the one that the path names. */
export function isFileAt(fd: number, file: string): boolean {
  const named = statSync(file, { throwIfNoEntry: false });
  const open = fstatSync(fd);
  return named?.dev === open.dev && named.ino === open.ino;
}

/** Says in the file that entries are missing. Overwrites in place, which works on a full disk too. */
export function markIncomplete(fd: number): void {
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(INCOMPLETE);
  writeAt(fd, [flags], FLAGS_AT);
}

/** The text of what was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether what was thrown says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function setAside(file: string, wallMs: number, why: string): Promise<JournalReading> {
  const aside = asidePath(file, 'unreadable', wallMs);
  try {
    await rename(file, aside);
    return { ...NOTHING, remarks: [`${file} is not used, for ${why}; it is now ${aside}`] };
  } catch (error) {
    const remarks = [`${file} is not used, for ${why}; it could not be moved aside: ${textOf(error)}`];
    return { ...NOTHING, remarks, isInTheWay: true };
  }
}

async function keepCopy(file: string, wallMs: number): Promise<string> {
  const copy = asidePath(file, 'damaged', wallMs);
  try {
    await copyFile(file, copy);
    return `the whole file is kept as ${copy}`;
  } catch (error) {
    return `no copy could be kept: ${textOf(error)}`;
  }
}
