import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copyBytes } from '../../../src/http2/copy-bytes.ts';

/** Small ones, and two of each kind of those that stay: which way is taken depends on size and on what was copied last. */
const BUFFERS = [100, 2_000, 16 * 1024, 16 * 1024, 40_000, 40_000].map((size) => Buffer.alloc(size));

it('copies these bytes and touches no others, between whatever buffers, however many', () => {
  const buffer = fc.nat(BUFFERS.length - 1);
  const step = fc.record({
    source: buffer,
    target: buffer,
    start: fc.nat(50),
    size: fc.nat(1_500),
    at: fc.nat(50),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 20 }),
      fc.infiniteStream(fc.nat(255)),
      (steps, bytes) => {
        for (const { source, target, start, size, at } of steps) {
          const from = BUFFERS[source] as Buffer;
          const to = BUFFERS[target] as Buffer;
          if (from === to) continue;
          const end = Math.min(start + size, from.length, start + to.length - at);
          if (end < start) continue;
          for (let i = start; i < end; i++) from[i] = bytes.next().value as number;
          const before = Buffer.from(to);
          expect(copyBytes(from, start, end, to, at)).toBe(at + end - start);
          from.copy(before, at, start, end);
          expect(to.equals(before)).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
});
