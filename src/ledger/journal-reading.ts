// The journal's file, read at the start. What of it cannot be used is kept, never deleted.
import { closeSync, fstatSync, lstatSync, readSync } from 'node:fs';
import { decodeJournal, type JournalContent } from './journal-content.ts';
import { isMissing, openForReading, textOf, unfitness } from './journal-file.ts';
import type { JournalEntry } from './journal-format.ts';
import { hadJournal, keepCopy, moveAside } from './journal-place.ts';
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
    if (isNowhere) return NOTHING;
    if (isMissing(error)) return missing(file);
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

/** On a new node there is nothing to know; else what is missing was worth the same as a file that cannot be read. */
function missing(file: string): JournalReading {
  try {
    if (!hadJournal(file)) return NOTHING;
  } catch {
    // There is no directory either, or nobody may look.
    return NOTHING;
  }
  return {
    ...LOST,
    remarks: [`${file} is missing, though there was a journal before: what was in it is lost`],
  };
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
    remarks.push(`${what}; ${copy.text}`, ...copy.remarks);
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
  try {
    return { ...LOST, remarks: moveAside(file, wallMs, why) };
  } catch (error) {
    const remarks = [`${file} is not used, for ${why}; it could not be moved aside: ${textOf(error)}`];
    return { ...LOST, remarks, isInTheWay: true };
  }
}
