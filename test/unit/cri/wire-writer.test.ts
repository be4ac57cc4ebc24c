import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeField, readStrings, readUint64, readVarint } from '../../../src/cri/wire.ts';
import {
  encodeMessage,
  encodeNumber,
  encodeText,
  encodeUint64,
  rewriteRecords,
} from '../../../src/cri/wire-writer.ts';

describe('writing fields', () => {
  it('writes numbers that read back the same', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        (field, value) => {
          const bytes = encodeNumber(field, value);
          expect(readVarint(bytes, 0, bytes.length, [field])).toBe(value);
        },
      ),
    );
  });

  it('writes integers of 64 bits that read back the same, beyond what a number holds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
        (field, value) => {
          const bytes = encodeUint64(field, value);
          expect(readUint64(bytes, 0, bytes.length, [field])).toBe(value);
        },
      ),
    );
    expect(encodeUint64(1, 0n)).toHaveLength(0);
    expect(readUint64(encodeNumber(1, 5), 0, 2, [2])).toBeUndefined();
  });

  it('writes nothing for an empty text and for 0, but a message also when it is empty', () => {
    expect(encodeText(1, '')).toHaveLength(0);
    expect(encodeNumber(1, 0)).toHaveLength(0);
    expect(Buffer.from(encodeMessage(1)).toString('hex')).toBe('0a00');
  });
});

describe('rewriteRecords', () => {
  it('replaces, drops and keeps records, and touches nothing else', () => {
    const text = fc.constantFrom('keep', 'drop', 'change');
    const other = encodeField(9, Buffer.from('other'));
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const message = Buffer.concat(texts.flatMap((one) => [encodeField(2, Buffer.from(one)), other]));
        const rewritten = rewriteRecords(message, 2, (body) => {
          const value = Buffer.from(body).toString();
          if (value === 'drop') return undefined;
          return value === 'change' ? Buffer.from('changed') : body;
        });
        const expected = texts
          .filter((one) => one !== 'drop')
          .map((one) => (one === 'change' ? 'changed' : one));
        expect(readStrings(rewritten, 0, rewritten.length, [2])).toEqual(expected);
        expect(readStrings(rewritten, 0, rewritten.length, [9])).toHaveLength(texts.length);
      }),
    );
  });
});
