import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SendQueue } from '../../../src/http2/send-queue.ts';

function drain(queue: SendQueue, step: number): Buffer {
  const taken: Buffer[] = [];
  while (queue.sizeBytes > 0) {
    const { buffer, start, end } = queue.front();
    const size = Math.min(step, end - start);
    taken.push(Buffer.from(buffer.subarray(start, start + size)));
    queue.shift(size);
  }
  return Buffer.concat(taken);
}

describe('the send queue', () => {
  it('gives the bytes back in order, whatever was copied, given away or taken in between', () => {
    const action = fc.oneof(
      fc.record({ bytes: fc.uint8Array({ maxLength: 300, minLength: 1 }), isOwned: fc.boolean() }),
      fc.integer({ min: 1, max: 400 }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (actions, step) => {
        const queue = new SendQueue();
        let expected = Buffer.alloc(0);
        let taken = Buffer.alloc(0);
        for (const item of actions) {
          if (typeof item === 'number') {
            if (queue.sizeBytes === 0) continue;
            const { buffer, start, end } = queue.front();
            const size = Math.min(item, end - start);
            taken = Buffer.concat([taken, buffer.subarray(start, start + size)]);
            queue.shift(size);
          } else {
            const bytes = Buffer.from(item.bytes);
            expected = Buffer.concat([expected, bytes]);
            queue.push(bytes, 0, bytes.length, item.isOwned);
            if (!item.isOwned) bytes.fill(0xee);
          }
          expect(queue.sizeBytes).toBe(expected.length - taken.length);
        }
        expect(Buffer.concat([taken, drain(queue, step)]).equals(expected)).toBe(true);
      }),
    );
  });

  it('collects many small parts in few buffers', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 10_000; i++) queue.push(Buffer.from('0123456789'), 0, 10, false);
    const buffers = new Set<Buffer>();
    while (queue.sizeBytes > 0) {
      const { buffer, start, end } = queue.front();
      buffers.add(buffer);
      queue.shift(end - start);
    }
    expect(buffers.size).toBeLessThan(15);
  });

  it('holds little more memory than bytes, also when a stream has few', () => {
    for (const partBytes of [1, 5, 100, 5000]) {
      const queue = new SendQueue();
      for (let i = 0; i < 20; i++) queue.push(Buffer.alloc(partBytes), 0, partBytes, false);
      let heldBytes = 0;
      const seen = new Set<Buffer>();
      const { sizeBytes } = queue;
      while (queue.sizeBytes > 0) {
        const { buffer, start, end } = queue.front();
        if (!seen.has(buffer)) heldBytes += buffer.length;
        seen.add(buffer);
        queue.shift(end - start);
      }
      expect(heldBytes).toBeLessThanOrEqual(3 * sizeBytes + 256);
    }
  });

  it('keeps a buffer that was given away by reference', () => {
    const queue = new SendQueue();
    const buffer = Buffer.alloc(100);
    queue.push(buffer, 10, 90, true);
    expect(queue.front()).toMatchObject({ start: 10, end: 90, isOwned: true });
    expect(queue.front().buffer).toBe(buffer);
  });
});
