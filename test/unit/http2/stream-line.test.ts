import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stream } from '../../../src/http2/stream.ts';
import { StreamLine } from '../../../src/http2/stream-line.ts';

const streamWith = (id: number) => ({ id }) as Stream;

describe('a line of streams', () => {
  it('holds what an array would, whoever comes, leaves, or goes to another line', () => {
    const step = fc.record({
      id: fc.integer({ min: 0, max: 9 }),
      what: fc.constantFrom('add', 'move', 'leave', 'shift'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const streams = Array.from({ length: 10 }, (_, id) => streamWith(id));
        const line = new StreamLine();
        const other = new StreamLine();
        let model: Stream[] = [];
        for (const { id, what } of steps) {
          const stream = streams[id] as Stream;
          if (what === 'shift') expect(line.shift()).toBe(model.shift());
          else if (what === 'add') {
            line.add(stream);
            if (!model.includes(stream)) model.push(stream);
          } else {
            if (what === 'move') other.add(stream);
            else stream.line?.remove(stream);
            model = model.filter((one) => one !== stream);
          }
          expect([line.first, line.size]).toEqual([model[0], model.length]);
        }
        const left: (Stream | undefined)[] = [];
        while (line.size > 0) left.push(line.shift());
        expect(left).toEqual(model);
      }),
    );
  });
});
