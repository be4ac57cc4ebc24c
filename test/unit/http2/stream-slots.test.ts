import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stream } from '../../../src/http2/stream.ts';
import { StreamSlots } from '../../../src/http2/stream-slots.ts';

const streamWith = (id: number) => ({ id }) as Stream;

describe('StreamSlots', () => {
  it('holds what a Map would, whatever comes and goes', () => {
    const step = fc.record({ id: fc.integer({ min: 1, max: 60 }), goes: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 60, maxLength: 300 }),
        fc.constantFrom(1, 2, 1 << 16),
        (steps, stride) => {
          const slots = new StreamSlots();
          const model = new Map<number, Stream>();
          for (const { id: number, goes } of steps) {
            const id = number * stride;
            if (goes) {
              slots.delete(id);
              model.delete(id);
            } else if (!model.has(id)) {
              const stream = streamWith(id);
              slots.add(stream);
              model.set(id, stream);
            }
            expect(slots.size).toBe(model.size);
          }
          for (let id = 0; id <= 61 * stride; id += stride) expect(slots.get(id)).toBe(model.get(id));
          expect(slots.all()).toEqual([...model.values()].sort((a, b) => a.id - b.id));
        },
      ),
    );
  });

  it('finds a long-lived stream among very many short ones', () => {
    const slots = new StreamSlots();
    const first = streamWith(1);
    slots.add(first);
    for (let id = 3; id < 200_001; id += 2) {
      slots.add(streamWith(id));
      if (id > 40) slots.delete(id - 38);
    }
    expect(slots.get(1)).toBe(first);
    expect(slots.all()[0]).toBe(first);
    expect(slots.size).toBe(20);
  });

  it('keeps nothing of a stream that is gone', () => {
    const slots = new StreamSlots();
    for (let id = 1; id < 2_000; id += 2) slots.add(streamWith(id));
    for (let id = 1; id < 2_000; id += 2) slots.delete(id);
    expect(slots.all()).toEqual([]);
    expect(JSON.stringify(slots)).not.toContain('"id"');
  });

  it('takes ids that were chosen to meet in one place where a fixed hash would put them', () => {
    const inverse = 0x0e8b2f51; // of the golden ratio's factor 0x9e3779b1, the usual choice for such a hash
    const ids: number[] = [];
    for (let half = 1; ids.length < 2000; half++) {
      const id = Math.imul((half << 15) | half, inverse) >>> 0; // both halves of its hash are the same
      if (id % 2 === 1 && id < 2 ** 31) ids.push(id);
    }
    let reads = 0;
    const slots = new StreamSlots();
    for (const id of ids) {
      const stream = {
        get id() {
          reads++;
          return id;
        },
      };
      slots.add(stream as Stream);
    }
    reads = 0;
    for (const id of ids) slots.get(id);
    expect(reads).toBeLessThan(20 * ids.length);
  });
});
