import { describe, expect, it } from 'vitest';
import { createIdSource } from '../../../src/simulator/ids.ts';
import { NameReservations } from '../../../src/simulator/names.ts';
import { ObjectIndex } from '../../../src/simulator/object-index.ts';

describe('the index of objects', () => {
  const index = new ObjectIndex<{ id: string }>();
  for (const id of ['abc', 'abd', 'xyz']) index.add({ id });

  it.each([
    ['abc', { kind: 'found', object: { id: 'abc' } }],
    ['x', { kind: 'found', object: { id: 'xyz' } }],
    ['ab', { kind: 'ambiguous' }],
    ['q', { kind: 'absent' }],
    ['', { kind: 'absent' }],
  ])('finds by %j what %j says', (id, expected) => {
    expect(index.find(id)).toEqual(expected);
  });

  it('prefers a whole id to longer ones that begin with it', () => {
    index.add({ id: 'ab' });
    expect(index.find('ab')).toEqual({ kind: 'found', object: { id: 'ab' } });
    index.remove('ab');
  });
});

describe('ids', () => {
  it('are 64 hexadecimal digits, and all different', () => {
    const ids = createIdSource();
    const made = Array.from({ length: 1000 }, () => ids.newId());
    expect(new Set(made).size).toBe(1000);
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('are the same for the same seed, and different for another', () => {
    const three = (seed: number) => {
      const ids = createIdSource(seed);
      return [ids.newId(), ids.newId(), ids.newToken()];
    };
    expect(three(1)).toEqual(three(1));
    const all = Array.from({ length: 50 }, (_, seed) => three(seed)).flat();
    expect(new Set(all).size).toBe(150);
  });
});

describe('a reserved name', () => {
  it('tells who holds it, until it is released', () => {
    const names = new NameReservations();
    expect(names.reserve('web', 'one')).toBeUndefined();
    expect(names.reserve('web', 'two')).toBe('one');
    names.release('web');
    expect(names.reserve('web', 'two')).toBeUndefined();
  });
});
