// The place of the journal in the state directory, and what is kept beside it: files that could not be used, copies of
// damaged ones, and the mark that there was a journal.
import {
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { isMissing, textOf, unfitness } from './journal-file.ts';

/** Files of each kind that are kept, the newest ones. They may be long. */
const KEPT_LIMIT = 5;

/** By the moment at which they were put there. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/;

const MARK = 'begun';
const MARK_TEXT = `Switchyard has a journal here. Should the file beside this one be missing, its entries count as lost.
To begin as on a new node, stop Switchyard and empty the directory, while all its backends answer.
`;

type Kind = 'unreadable' | 'damaged';

/** Where a file is put that must be kept but not used. */
export function asidePath(file: string, why: Kind, wallMs: number): string {
  return `${file}.${why}-${new Date(wallMs).toISOString().replaceAll(/[:.]/g, '-')}`;
}

/**
 * Puts what is in the journal's place where it is kept; nothing when it has gone. Returns what people should know, as
 * sentences without a full stop. Throws when it cannot be moved.
 */
export function moveAside(file: string, wallMs: number, why?: string): string[] {
  const aside = asidePath(file, 'unreadable', wallMs);
  try {
    renameSync(file, aside);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  const what = why === undefined ? `what was in the place of ${file}` : `${file} is not used, for ${why}; it`;
  const advice =
    'look at it or delete it, but do not put it back, for it does not know what has changed since';
  return [`${what} is now ${aside}: ${advice}`, ...removeOldest(file, 'unreadable')];
}

/**
 * Makes room for a journal in its own place: what is not ours, or others may have written to, is moved aside, and a plain
 * file of ours may be written over. Returns and throws as moveAside does.
 */
export function makeRoom(file: string, wallMs: number, isOurs: (found: Stats) => boolean): string[] {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined || (isOurs(found) && unfitness(found) === undefined)) return [];
  return moveAside(file, wallMs);
}

/** Makes room for a new file: what is there under its name is removed, or moved aside if it is a directory. */
export function clearPlace(file: string, wallMs: number): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) moveAside(file, wallMs);
  else rmSync(file, { force: true });
}

/** A second name for the file, which is not written to any more; where the disk has no such names, a copy. Never throws. */
export function keepCopy(file: string, wallMs: number): { isKept: boolean; text: string; remarks: string[] } {
  const copy = asidePath(file, 'damaged', wallMs);
  try {
    const { ino } = lstatSync(file);
    const same = keptFiles(file, 'damaged').find(
      (each) => lstatSync(each, { throwIfNoEntry: false })?.ino === ino,
    );
    if (same !== undefined) return { isKept: true, text: `the whole file is kept as ${same}`, remarks: [] };
    linkOrCopy(file, copy);
    const remarks = removeOldest(file, 'damaged');
    return { isKept: true, text: `the whole file is kept as ${copy}`, remarks };
  } catch (error) {
    return { isKept: false, text: `no copy could be kept: ${textOf(error)}`, remarks: [] };
  }
}

/** Notes in the directory that there is a journal, for a start that finds none. Never throws. */
export function leaveMark(file: string): void {
  try {
    const fd = openSync(`${file}.${MARK}`, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      writeSync(fd, MARK_TEXT);
    } finally {
      closeSync(fd);
    }
  } catch {
    // It is there already; or the disk fails, of which the journal itself tells.
  }
}

/** Whether there was a journal in the directory before, by what is left there. */
export function hadJournal(file: string): boolean {
  const start = `${path.basename(file)}.`;
  return readdirSync(path.dirname(file)).some((name) => name.startsWith(start));
}

function linkOrCopy(file: string, copy: string): void {
  try {
    linkSync(file, copy);
  } catch {
    copyFileSync(file, copy, constants.COPYFILE_EXCL);
  }
}

/** Deletes all but the newest, and says so; directories, links and the files of others stay. Never throws. */
function removeOldest(file: string, kind: Kind): string[] {
  try {
    return keptFiles(file, kind)
      .slice(0, -KEPT_LIMIT)
      .map((old) => {
        rmSync(old);
        return `${old} is deleted: of such files the newest ${KEPT_LIMIT} are kept`;
      });
  } catch (error) {
    return [`old files beside ${file} could not be deleted: ${textOf(error)}`];
  }
}

/** Our plain files of a kind, oldest first. */
function keptFiles(file: string, kind: Kind): string[] {
  const directory = path.dirname(file);
  const start = `${path.basename(file)}.${kind}-`;
  const uid = process.geteuid?.();
  return readdirSync(directory)
    .filter((name) => name.startsWith(start) && TIME.test(name.slice(start.length)))
    .sort()
    .map((name) => path.join(directory, name))
    .filter((each) => {
      const found = lstatSync(each, { throwIfNoEntry: false });
      return found?.isFile() === true && (uid === undefined || found.uid === uid);
    });
}
