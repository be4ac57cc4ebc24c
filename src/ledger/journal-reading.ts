// The journal's file, read at the start. What of it cannot be used is kept, never deleted.
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  linkSync,
  lstatSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { decodeJournal, type JournalContent } from './journal-content.ts';
import { asidePath, isMissing, openForReading, textOf, unfitness } from './journal-file.ts';
import type { JournalEntry } from './journal-format.ts';
import type { JournalRecords } from './journal-records.ts';

/** What the file of an earlier run gave. */
export interface JournalReading {
  /** In the order they were written. */
  readonly entries: readonly JournalEntry[];
  /**
   * What was written and is not among them. `end`: the last ones, and nothing else is wrong with the file; a power cut
   * leaves it so.
   */
  readonly lacks: JournalRecords['lacks'];
  /** Where more can be written to the file; undefined when a new one must be begun. */
  readonly end: { readonly key: number; readonly sizeBytes: number } | undefined;
  /** What people should know about the file, as sentences without a full stop. Empty when all is well. */
  readonly remarks: readonly string[];
  /** True when there is a file that could be neither read nor kept under another name; it must not be written over. */
  readonly isInTheWay: boolean;
}

const NOTHING: JournalReading = {
  entries: [],
  lacks: 'nothing',
  end: undefined,
  remarks: [],
  isInTheWay: false,
};

/** There was something, and nobody knows what. */
const LOST: JournalReading = { ...NOTHING, lacks: 'records' };

/** Copies of damaged files that are kept, the newest ones. */
const COPIES_LIMIT = 5;

type Journal = Extract<JournalContent, { kind: 'journal' }>;

/** Reads the file. What cannot be understood is moved aside or copied, never deleted. Never throws. */
export function readJournal(file: string, wallMs: number): JournalReading {
  let bytes: Buffer;
  try {
    const why = unfitness(lstatSync(file));
    if (why !== undefined) return setAside(file, wallMs, why);
    bytes = readWhole(file);
  } catch (error) {
    // Where the state directory is no directory there is no file either; the first write says so.
    const isNowhere = (error as NodeJS.ErrnoException).code === 'ENOTDIR';
    if (isNowhere || isMissing(error)) return NOTHING;
    return setAside(file, wallMs, `it cannot be read: ${textOf(error)}`);
  }
  const content = decodeJournal(bytes);
  switch (content.kind) {
    case 'empty':
      return { ...LOST, remarks: [`${file} is cut off within its header: nothing is left of it`] };
    case 'foreign':
      return setAside(file, wallMs, content.reason);
    case 'journal':
      return readingOf(file, wallMs, content, bytes.length);
    default:
      return content satisfies never;
  }
}

function readingOf(file: string, wallMs: number, content: Journal, sizeBytes: number): JournalReading {
  const { entries, shape, damageAt, isIncomplete, key } = content;
  const remarks: string[] = [];
  const isEndAlone = content.lacks === 'end' && shape !== 'damaged';
  const lacks = isIncomplete || (content.lacks !== 'nothing' && !isEndAlone) ? 'records' : content.lacks;
  let isKept = true;
  if (shape !== 'clean') {
    const copy = keepCopy(file, wallMs);
    isKept = copy.isKept;
    const what =
      shape === 'torn'
        ? `the last record of ${file} was not written whole; its ${sizeBytes - damageAt} bytes are cut off`
        : `${file} is damaged at byte ${damageAt}`;
    remarks.push(`${what}; ${copy.text}`);
  }
  if (isIncomplete) remarks.push(`${file} lacks entries, because it could not be written for a time`);
  else if (lacks === 'end') remarks.push(`${file} lacks its last entries, as after a power cut`);
  else if (lacks === 'records') remarks.push(`entries of ${file} are lost`);
  else if (shape === 'damaged') remarks.push(`no entry of ${file} is lost`);
  const end = key !== undefined && !isIncomplete ? { key, sizeBytes } : undefined;
  return { entries, lacks, end, remarks, isInTheWay: !isKept };
}

/** No more of the file than it has when it is opened. */
function readWhole(file: string): Buffer {
  const fd = openForReading(file);
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(fd).size);
    let at = 0;
    while (at < bytes.length) {
      const readBytes = readSync(fd, bytes, at, bytes.length - at, at);
      if (readBytes === 0) break;
      at += readBytes;
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

function setAside(file: string, wallMs: number, why: string): JournalReading {
  const aside = asidePath(file, 'unreadable', wallMs);
  try {
    renameSync(file, aside);
    return { ...LOST, remarks: [`${file} is not used, for ${why}; it is now ${aside}`] };
  } catch (error) {
    const remarks = [`${file} is not used, for ${why}; it could not be moved aside: ${textOf(error)}`];
    return { ...LOST, remarks, isInTheWay: true };
  }
}

/** A second name for the file, which is not written to any more; where the disk has no such names, a copy. */
function keepCopy(file: string, wallMs: number): { isKept: boolean; text: string } {
  const copy = asidePath(file, 'damaged', wallMs);
  try {
    const earlier = copiesOf(file);
    const { ino } = lstatSync(file);
    const same = earlier.find((each) => lstatSync(each, { throwIfNoEntry: false })?.ino === ino);
    if (same !== undefined) return { isKept: true, text: `the whole file is kept as ${same}` };
    linkOrCopy(file, copy);
    for (const old of earlier.slice(0, -COPIES_LIMIT + 1)) rmSync(old, { force: true });
    return { isKept: true, text: `the whole file is kept as ${copy}` };
  } catch (error) {
    return { isKept: false, text: `no copy could be kept: ${textOf(error)}` };
  }
}

function linkOrCopy(file: string, copy: string): void {
  try {
    linkSync(file, copy);
  } catch {
    copyFileSync(file, copy, constants.COPYFILE_EXCL);
  }
}

/** Oldest first: their names end with the moment they were made. */
function copiesOf(file: string): string[] {
  const directory = path.dirname(file);
  const start = `${path.basename(file)}.damaged-`;
  const names = readdirSync(directory).filter((name) => name.startsWith(start) && name.endsWith('Z'));
  return names.sort().map((name) => path.join(directory, name));
}
