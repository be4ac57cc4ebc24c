import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdIndex } from '../../../src/ledger/id-index.ts';

/** Ids as runtimes make them, ids that differ in one place only, and ids of any other form. */
const id = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 400 }).map((n) => hexId(n)) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(63), fc.constantFrom('1', '2')).map(([at, c]) => twinId(at, c)) },
  { weight: 1, arbitrary: fc.string({ minLength: 64, maxLength: 64, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 70, unit: 'grapheme' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', 'é'.repeat(32), 'é'.repeat(64), '\0'.repeat(64), 'a'.repeat(65)),
  },
);

const step = fc.record({ op: fc.constantFrom('add', 'add', 'delete', 'find', 'bytes'), id });

describe('IdIndex', () => {
  it('agrees with a plain map, asked by text and by bytes, under any additions and deletions', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
        const index = new IdIndex();
        const model = new Map<string, number>();
        for (const { op, id: one } of steps) {
          const known = model.get(one) ?? -1;
          expect(index.find(one)).toBe(known);
          if (op === 'bytes') expectBytes(index, one, known);
          else if (op === 'add' && known < 0) model.set(one, index.add(one));
          else if (op === 'delete' && known >= 0) {
            index.delete(known);
            model.delete(one);
          }
          expect(index.size).toBe(model.size);
        }
        expect(new Set(model.values()).size).toBe(model.size);
        for (const [one, number] of model) {
          expect(index.find(one)).toBe(number);
          expect(index.idOf(number)).toBe(one);
          expectBytes(index, one, number);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('finds thousands of ids in any order while they come and go', () => {
    const index = new IdIndex();
    const numbers = Array.from({ length: 5_000 }, (_, n) => index.add(hexId(n)));
    for (let n = 0; n < 5_000; n += 2) index.delete(numbers[n] as number);
    for (let n = 0; n < 5_000; n++) {
      expectBytes(index, hexId(n), n % 2 === 0 ? -1 : (numbers[n] as number));
    }
    for (let n = 5_000; n < 7_500; n++) numbers[n] = index.add(hexId(n));
    expect(Math.max(...numbers)).toBeLessThan(5_000); // those of the deleted ids serve again
    for (let n = 7_499; n > 0; n -= 3) {
      expectBytes(index, hexId(n), n < 5_000 && n % 2 === 0 ? -1 : (numbers[n] as number));
    }
  });

  it('is not slowed by ids that were made to collide', () => {
    const index = new IdIndex();
    // Alike in the four places that are hashed.
    const ids = Array.from({ length: 30_000 }, (_, n) =>
      `${'0'.repeat(8)}${`${n}`.padStart(8, '0')}`.padEnd(64, '0'),
    );
    const startedAtMs = performance.now();
    const numbers = ids.map((id) => index.add(id));
    expect(ids.map((id) => index.find(id))).toEqual(numbers);
    expect(ids.every((id) => index.find(`${id.slice(0, 4)}1${id.slice(5)}`) < 0)).toBe(true);
    for (const number of numbers) index.delete(number);
    expect(ids.some((id) => index.find(id) >= 0)).toBe(false);
    expect(index.size).toBe(0);
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
  });

  it('does not take the place of a deleted id for any other id', () => {
    const index = new IdIndex();
    index.delete(index.add(hexId(1)));
    for (const other of [hexId(1), '\0'.repeat(64), '\x7f'.repeat(64)]) expectBytes(index, other, -1);
  });

  it('does not take bytes for an id that is equal to them as numbers only', () => {
    const index = new IdIndex();
    index.add('\0'.repeat(64));
    const minusZeros = Buffer.alloc(64).fill(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]));
    expect(index.findBytes(new DataView(minusZeros.buffer, minusZeros.byteOffset, 64), 0, 64)).toBe(-1);
  });

  it('tells ids from their beginnings', () => {
    const index = new IdIndex();
    const whole = index.add('ab'.repeat(32));
    const long = index.add('ab'.repeat(40));
    const short = index.add('ab');
    const foreign = index.add(`ab${'é'.repeat(62)}`);
    index.delete(index.add(`ab${'0'.repeat(62)}`));
    expect([...index.extensionsOf('a')].sort()).toEqual([whole, long, short, foreign].sort());
    expect([...index.extensionsOf('ab')].sort()).toEqual([whole, long, foreign].sort());
    expect([...index.extensionsOf('ab'.repeat(32))]).toEqual([long]);
    expect([...index.extensionsOf('b')]).toEqual([]);
  });
});

/** Looks the id up by its bytes amid others. What is not of the usual form may not be found, but never as another. */
function expectBytes(index: IdIndex, id: string, expected: number): void {
  const bytes = Buffer.concat([Buffer.from([0xff, 0x30, 0x31]), Buffer.from(id), Buffer.from('23')]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = index.findBytes(view, 3, bytes.length - 2);
  const isUsual = id.length === 64 && Buffer.byteLength(id) === 64 && !id.includes('\0');
  expect(found).toBe(isUsual ? expected : -1);
}

/** 64 hex digits that look random. */
function hexId(n: number): string {
  let id = '';
  for (let state = n + 1; id.length < 64; ) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    id += (state >>> 0).toString(16).padStart(8, '0');
  }
  return id;
}

/** Equal to all of its kind but in one place. */
function twinId(at: number, character: string): string {
  return `${'0'.repeat(at)}${character}${'0'.repeat(63 - at)}`;
}
