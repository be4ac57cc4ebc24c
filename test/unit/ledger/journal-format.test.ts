import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJournal } from '../../../src/ledger/journal-content.ts';
import {
  encodeHeader,
  encodeRecord,
  FLAGS_AT,
  HEADER_BYTES,
  type JournalEntry,
  moveRecords,
  WRITTEN_AT,
} from '../../../src/ledger/journal-format.ts';
import { SEARCH_LIMIT_BYTES } from '../../../src/ledger/journal-records.ts';
import { journalBytes, KEY } from '../../support/journal-bytes.ts';
import { formatOneFile } from '../../support/journal-format-one.ts';

const entry: fc.Arbitrary<JournalEntry> = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const entries = fc.array(entry, { maxLength: 12 });
const some = fc.array(entry, { minLength: 1, maxLength: 12 });

/** Where the records of these entries end in their file. */
function endsOf(list: readonly JournalEntry[]): number[] {
  let end = HEADER_BYTES;
  return list.map((each) => {
    end += Buffer.concat(encodeRecord(each, KEY, end)).length;
    return end;
  });
}

function decodeOurs(bytes: Buffer) {
  const content = decodeJournal(bytes);
  if (content.kind !== 'journal') throw new Error(`it is taken for ${content.kind}`);
  return content;
}

function flip(bytes: Buffer, at: number, bit: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
}

const AN_ENTRY = { type: 1, payload: Buffer.from('a') };

describe('the journal as bytes', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const bytes = journalBytes(list);
        expect(decodeOurs(bytes)).toEqual({
          kind: 'journal',
          entries: list,
          shape: 'clean',
          damageAt: bytes.length,
          lacks: 'nothing',
          key: KEY,
          isIncomplete: false,
        });
      }),
    );
  });

  it('keeps what is whole when the end is cut off at any byte, and knows that it lacks the end', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, pick) => {
        const bytes = journalBytes(list);
        const sizeBytes = HEADER_BYTES + (pick % (bytes.length - HEADER_BYTES + 1));
        const content = decodeOurs(bytes.subarray(0, sizeBytes));
        const ends = endsOf(list).filter((end) => end <= sizeBytes);
        expect(content.entries).toEqual(list.slice(0, ends.length));
        expect(content.shape).toBe((ends.at(-1) ?? HEADER_BYTES) === sizeBytes ? 'clean' : 'torn');
        expect(content.lacks).toBe(sizeBytes === bytes.length ? 'nothing' : 'end');
      }),
    );
  });

  it('loses one record to a flipped bit anywhere behind the header, and knows that it is damaged', () => {
    fc.assert(
      fc.property(some, fc.nat(), fc.integer({ min: 0, max: 7 }), (list, pick, bit) => {
        const bytes = journalBytes(list);
        const at = HEADER_BYTES + (pick % (bytes.length - HEADER_BYTES));
        flip(bytes, at, bit);
        const content = decodeOurs(bytes);
        const hit = endsOf(list).findIndex((end) => end > at);
        expect(content.entries).toEqual(list.filter((_, index) => index !== hit));
        expect(content.shape).toBe('damaged');
        expect(content.lacks).toBe(hit === list.length - 1 ? 'end' : 'records');
      }),
      { numRuns: 500 },
    );
  });

  it('uses a file with a flipped bit in its header only as far as it can be understood', () => {
    for (let at = 0; at < HEADER_BYTES; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = journalBytes([AN_ENTRY]);
        flip(bytes, at, bit);
        const content = decodeJournal(bytes);
        if (at < FLAGS_AT) {
          expect(content.kind).toBe('foreign');
          continue;
        }
        expect(content).toMatchObject({ kind: 'journal', entries: [AN_ENTRY], shape: 'damaged' });
      }
    }
  });

  it('does not take the checksum of the key for that of how far the file is written', () => {
    const bytes = journalBytes([AN_ENTRY]).subarray(0, HEADER_BYTES);
    bytes.writeUInt32LE(0, WRITTEN_AT);
    bytes.copy(bytes, WRITTEN_AT + 4, WRITTEN_AT - 4, WRITTEN_AT);
    expect(decodeOurs(bytes)).toMatchObject({ entries: [], lacks: 'records' });
  });

  it('puts records back in the order in which they were written, each once', () => {
    fc.assert(
      fc.property(some, fc.nat(), fc.nat(), (list, first, second) => {
        const bytes = journalBytes(list);
        const ends = [HEADER_BYTES, ...endsOf(list)];
        const records = list.map((_, index) => bytes.subarray(ends[index], ends[index + 1]));
        const [one = bytes, other = bytes] = [records[first % list.length], records[second % list.length]];
        const swapped = [...records, one];
        swapped[first % list.length] = other;
        swapped[second % list.length] = one;
        const content = decodeOurs(Buffer.concat([bytes.subarray(0, HEADER_BYTES), ...swapped]));
        expect(content).toMatchObject({ entries: list, shape: 'damaged', lacks: 'nothing' });
      }),
    );
  });

  it('knows that a whole record is missing, wherever it was', () => {
    fc.assert(
      fc.property(some, fc.nat(), (list, pick) => {
        const bytes = journalBytes(list);
        const ends = [HEADER_BYTES, ...endsOf(list)];
        const index = pick % list.length;
        const content = decodeOurs(
          Buffer.concat([bytes.subarray(0, ends[index]), bytes.subarray(ends[index + 1])]),
        );
        expect(content.entries).toEqual(list.filter((_, each) => each !== index));
        expect(content.lacks).toBe(index === list.length - 1 ? 'end' : 'records');
        expect(content.key).toBeUndefined();
      }),
    );
  });

  it('lacks nothing when there are zeros behind the last record, which a file system may leave', () => {
    const content = decodeOurs(Buffer.concat([journalBytes([AN_ENTRY]), Buffer.alloc(64)]));
    expect(content).toMatchObject({ entries: [AN_ENTRY], shape: 'damaged', lacks: 'nothing' });
  });

  it('takes no record of another file, and none that somebody put into a payload, for one of its own', () => {
    const others = Buffer.concat(encodeRecord(AN_ENTRY, KEY + 1, HEADER_BYTES));
    const bytes = journalBytes([{ type: 1, payload: others }]);
    flip(bytes, HEADER_BYTES, 0);
    expect(decodeOurs(bytes).entries).toEqual([]);
  });

  it.each([
    ['zeros', 0],
    ['what may be heads of records', 0x0001_0001],
  ])('reads past long damage, and gives up in %s before it holds up a start', (_, word) => {
    const next = { type: 2, payload: Buffer.from('behind it') };
    for (const [share, expected] of [
      [0.05, { entries: [AN_ENTRY, next], shape: 'damaged', lacks: 'records' }],
      [1, { entries: [AN_ENTRY], shape: 'damaged', lacks: 'end' }],
    ] as const) {
      const whole = journalBytes([
        AN_ENTRY,
        { type: 1, payload: Buffer.alloc(SEARCH_LIMIT_BYTES * share) },
        next,
      ]);
      const [start = 0, end = 0] = endsOf(decodeOurs(whole).entries);
      for (let at = start; at + 4 <= end; at += 4) whole.writeUInt32LE(word, at);
      expect(decodeOurs(whole)).toMatchObject(expected);
    }
  });

  it('gives up on heads without their records, and takes what it has not searched for no torn record', () => {
    const head = Buffer.concat(
      encodeRecord({ type: 1, payload: Buffer.alloc(1024 * 1024) }, KEY, HEADER_BYTES),
    );
    const heads = Buffer.concat(Array.from({ length: 40 }, () => head.subarray(0, 16)));
    const next = Buffer.concat(encodeRecord(AN_ENTRY, KEY, HEADER_BYTES));
    const tail = Buffer.alloc(1024 * 1024);
    const search = (count: number) =>
      decodeOurs(Buffer.concat([encodeHeader(KEY), heads.subarray(0, 16 * count), next, tail]));
    expect(search(4).entries).toEqual([AN_ENTRY]);
    expect(search(40)).toMatchObject({ entries: [], shape: 'damaged' });
    const torn = encodeRecord({ type: 1, payload: Buffer.alloc(2 * SEARCH_LIMIT_BYTES) }, KEY, HEADER_BYTES);
    const cut = Buffer.concat([encodeHeader(KEY), ...torn]).subarray(0, -1);
    expect(decodeOurs(cut)).toMatchObject({ entries: [], shape: 'damaged' });
  });

  it('makes records those of another file and place', () => {
    fc.assert(
      fc.property(some, (list) => {
        const bytes = journalBytes(list);
        const records = Buffer.concat(list.flatMap((each) => encodeRecord(each, KEY + 7, 12_345)));
        moveRecords(records, KEY, HEADER_BYTES);
        expect(records).toEqual(bytes.subarray(HEADER_BYTES));
      }),
    );
  });

  it('takes the beginning of a header for an empty file, and other short files for foreign ones', () => {
    for (let size = 0; size < HEADER_BYTES; size++) {
      expect(decodeJournal(encodeHeader(KEY).subarray(0, size))).toEqual({ kind: 'empty' });
    }
    expect(decodeJournal(Buffer.from('hello')).kind).toBe('foreign');
  });

  it('names the version that it does not read', () => {
    const header = encodeHeader(KEY);
    header.writeUInt32LE(3, 8);
    expect(decodeJournal(header)).toEqual({
      kind: 'foreign',
      reason: 'its format has version 3, and this Switchyard reads versions 1 and 2',
    });
  });

  it('reads the format before, and believes nothing of it that may be damaged', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, pick) => {
        const bytes = formatOneFile(list);
        expect(decodeOurs(bytes)).toMatchObject({
          entries: list,
          shape: 'clean',
          lacks: 'nothing',
          key: undefined,
          isIncomplete: false,
        });
        expect(decodeOurs(formatOneFile(list, 1)).isIncomplete).toBe(true);
        if (list.length === 0) return;
        const at = 16 + (pick % (bytes.length - 16));
        flip(bytes, at, 0);
        const { entries: found, lacks } = decodeOurs(bytes);
        expect(found).toEqual(list.slice(0, found.length));
        expect(lacks).toBe('records');
      }),
    );
  });
});
