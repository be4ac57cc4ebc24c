import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeField, forEachRecord } from '../../../src/cri/wire.ts';
import { cutList, withoutRecords } from '../../../src/merge/lists.ts';

describe('withoutRecords', () => {
  it('gives views of all that is not dropped, in order and without empty ones', () => {
    const record = fc.record({ size: fc.integer({ min: 1, max: 9 }), isDropped: fc.boolean() });
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const dropped: { start: number; end: number }[] = [];
        const kept: number[] = [];
        let at = 0;
        for (const { size, isDropped } of records) {
          if (isDropped) dropped.push({ start: at, end: at + size });
          else for (let byte = at; byte < at + size; byte++) kept.push(byte & 255);
          at += size;
        }
        const message = Buffer.from(Array.from({ length: at }, (_, byte) => byte & 255));
        const parts = withoutRecords(message, dropped);
        expect([...Buffer.concat(parts)]).toEqual(kept);
        for (const part of parts) {
          expect(part.length).toBeGreaterThan(0);
          expect(part.buffer).toBe(message.buffer);
        }
      }),
    );
  });

  it('gives the message itself as one part when nothing is dropped, and nothing for an empty one', () => {
    expect(withoutRecords(Buffer.from('abc'), [])).toEqual([Buffer.from('abc')]);
    expect(withoutRecords(Buffer.alloc(0), [])).toEqual([]);
    expect(withoutRecords(Buffer.from('abc'), [{ start: 0, end: 3 }])).toEqual([]);
  });
});

describe('cutList', () => {
  const KIB = 1024;

  it('cuts between records into messages of at most 256 KiB, or one record where that is longer', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 100, max: 700 }));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), (sizesKib) => {
        const records = sizesKib.map((kib, i) => Buffer.from(encodeField(1, Buffer.alloc(kib * KIB, i))));
        const message = Buffer.concat(records);
        const cut = [...cutList(message, 1)];
        expect(Buffer.concat(cut).equals(message)).toBe(true);
        for (const part of cut) {
          let count = 0;
          forEachRecord(part, 0, part.length, 1, () => count++);
          expect(count).toBeGreaterThan(0);
          if (count > 1) expect(part.length).toBeLessThanOrEqual(256 * KIB);
        }
      }),
      { numRuns: 40 },
    );
  });
});
