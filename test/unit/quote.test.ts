import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, excerpt, quote } from '../../src/quote.ts';

describe('a foreign value in a text of ours', () => {
  it.each(['', 'kata-qemu', 'pod-1', 'größer', '日本'])(
    'stands there as it is when it is short and plain: %j',
    (value) => {
      expect(excerpt(value)).toBe(value);
      expect(quote(value)).toBe(`"${value}"`);
    },
  );

  it('is cut at 200 characters, and says how long it was', () => {
    expect(excerpt('x'.repeat(200))).toBe('x'.repeat(200));
    expect(excerpt('x'.repeat(100_000))).toBe(`${'x'.repeat(200)}... (100000 characters)`);
    expect(quote('x'.repeat(100_000))).toBe(`"${'x'.repeat(200)}"... (100000 characters)`);
  });

  it('is not cut within a character', () => {
    expect(excerpt(`${'x'.repeat(199)}😀`)).toBe(`${'x'.repeat(199)}... (201 characters)`);
  });

  it.each([
    ['a line break', 'a\nb', 'a\\nb'],
    ['the start of a terminal sequence', 'a\x1b[31mb', 'a\\u001b[31mb'],
    ['the same in one C1 character', 'a\x9b31mb', 'a\\u009b31mb'],
    ['DEL', 'a\x7fb', 'a\\u007fb'],
    ['a change of direction', 'a\u202eb', 'a\\u202eb'],
    ['an isolate', 'a\u2066b', 'a\\u2066b'],
    ['a line separator', 'a\u2028b', 'a\\u2028b'],
  ])('has %s escaped', (_, value, expected) => {
    expect(excerpt(value)).toBe(expected);
    expect(quote(value)).toBe(`"${expected}"`);
  });

  it('has quotes and backslashes escaped within quotes', () => {
    expect(quote('a"b\\')).toBe('"a\\"b\\\\"');
  });

  it('never acts on a terminal, and is never long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (value) => {
        for (const text of [excerpt(value), quote(value)]) {
          expect(text).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
          expect(text.length).toBeLessThan(200 * 6 + 40);
        }
      }),
    );
  });
});

describe('a whole text', () => {
  it('stays as it is up to its limit', () => {
    expect(cutText('x'.repeat(4096), 4096)).toBe('x'.repeat(4096));
  });

  it('is cut to its limit, and says how long it was', () => {
    const text = cutText('x'.repeat(5000), 4096);
    expect(text).toBe(`${'x'.repeat(4096 - 16)}... (5000 bytes)`);
  });

  it('fits in bytes whatever its characters, none of which is cut in two', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 200 }),
        fc.integer({ min: 40, max: 200 }),
        (text, most) => {
          const got = cutText(text, most);
          expect(Buffer.byteLength(got)).toBeLessThanOrEqual(most);
          const [own = ''] = got.split(/\.\.\. \(\d+ bytes\)$/);
          expect(text.startsWith(own)).toBe(true);
        },
      ),
    );
  });
});
