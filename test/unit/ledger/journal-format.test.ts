import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeJournal,
  encodeHeader,
  encodeRecord,
  type JournalEntry,
} from '../../../src/ledger/journal-format.ts';

const VERSION = 3;
const HEADER_BYTES = encodeHeader(VERSION).length;

const entry: fc.Arbitrary<JournalEntry> = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const entries = fc.array(entry, { maxLength: 12 });

function encode(list: readonly JournalEntry[]): Buffer {
  return Buffer.concat([encodeHeader(VERSION), ...list.flatMap(encodeRecord)]);
}

/** The entries whose records lie wholly within the first `sizeBytes` of the file. */
function wholeWithin(list: readonly JournalEntry[], sizeBytes: number): JournalEntry[] {
  let end = HEADER_BYTES;
  return list.filter((each) => {
    end += Buffer.concat(encodeRecord(each)).length;
    return end <= sizeBytes;
  });
}

function decodeOurs(bytes: Buffer) {
  const content = decodeJournal(bytes, VERSION);
  if (content.kind !== 'journal') throw new Error(`it is taken for ${content.kind}`);
  return content;
}

describe('the journal as bytes', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const bytes = encode(list);
        expect(decodeOurs(bytes)).toEqual({
          kind: 'journal',
          entries: list,
          endBytes: bytes.length,
          tail: 'clean',
          isIncomplete: false,
        });
      }),
    );
  });

  it('keeps what is whole when the end is cut off at any byte', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, pick) => {
        const bytes = encode(list);
        const sizeBytes = HEADER_BYTES + (pick % (bytes.length - HEADER_BYTES + 1));
        const content = decodeOurs(bytes.subarray(0, sizeBytes));
        expect(content.entries).toEqual(wholeWithin(list, sizeBytes));
        expect(content.tail).toBe(content.endBytes === sizeBytes ? 'clean' : 'torn');
      }),
    );
  });

  it('trusts nothing from the first record on that any flipped bit is in', () => {
    const some = fc.array(entry, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(some, fc.nat(), fc.integer({ min: 0, max: 7 }), (list, pick, bit) => {
        const bytes = encode(list);
        const at = HEADER_BYTES + (pick % (bytes.length - HEADER_BYTES));
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
        const content = decodeOurs(bytes);
        expect(content.entries).toEqual(wholeWithin(list, at));
        expect(content.tail).not.toBe('clean');
      }),
      { numRuns: 500 },
    );
  });

  it('trusts nothing behind zeros, which a file system may leave in place of data', () => {
    const list = [{ type: 1, payload: Buffer.from('a') }];
    const content = decodeOurs(Buffer.concat([encode(list), Buffer.alloc(64)]));
    expect(content.entries).toEqual(list);
    expect(content.tail).toBe('damaged');
  });

  it('takes the beginning of a header for an empty file, and other short files for foreign ones', () => {
    for (let size = 0; size < HEADER_BYTES; size++) {
      expect(decodeJournal(encodeHeader(VERSION).subarray(0, size), VERSION)).toEqual({ kind: 'empty' });
    }
    expect(decodeJournal(Buffer.from('hello'), VERSION).kind).toBe('foreign');
  });

  it('names the version that it does not read', () => {
    const content = decodeJournal(encodeHeader(VERSION + 1), VERSION);
    expect(content).toEqual({
      kind: 'foreign',
      reason: 'its format has version 4, and this Switchyard reads version 3',
    });
  });
});
