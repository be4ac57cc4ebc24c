import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdMemory, releaseMemory, takeMemory, takeSpareMemory } from '../../../src/grpc/message-memory.ts';

const MIB = 1024 * 1024;

describe('the memory of messages', () => {
  it('is used again once it is released', () => {
    const first = takeMemory(100_000);
    releaseMemory(first.subarray(0, 90_000));
    expect(takeMemory(100_000).buffer).toBe(first.buffer);
  });

  it('is not used again while somebody holds it', () => {
    const first = takeMemory(200_000);
    holdMemory(first);
    releaseMemory(first);
    expect(takeMemory(200_000).buffer).not.toBe(first.buffer);
    releaseMemory(first);
    expect(takeMemory(200_000).buffer).toBe(first.buffer);
  });

  it('is not wasted on messages that are far shorter', () => {
    const long = takeMemory(8 * MIB);
    releaseMemory(long);
    expect(takeMemory(2 * MIB).buffer).not.toBe(long.buffer);
    expect(takeSpareMemory(3 * MIB)).toBeUndefined();
    expect(takeSpareMemory(5 * MIB)?.buffer).toBe(long.buffer);
  });

  it('leaves memory alone that comes from elsewhere, or is shared with others', () => {
    for (const other of [Buffer.alloc(100_000), takeMemory(100)]) {
      holdMemory(other);
      releaseMemory(other);
      releaseMemory(other);
      expect(takeMemory(other.length).buffer).not.toBe(other.buffer.byteLength > 50_000 && other.buffer);
    }
  });

  it('does not keep more than 16 MiB ready', () => {
    const all = Array.from({ length: 6 }, () => takeMemory(4 * MIB));
    for (const memory of all) releaseMemory(memory);
    const spare = all.map(() => takeSpareMemory(4 * MIB)).filter((memory) => memory !== undefined);
    expect(spare.length).toBe(3); // each with some reserve
  });

  it('gives up what nobody wants for long', () => {
    const rare = takeMemory(3 * MIB);
    releaseMemory(rare);
    for (let times = 0; times < 60; times++) releaseMemory(takeMemory(20_000));
    expect(takeSpareMemory(3 * MIB)?.buffer).toBe(rare.buffer);
    releaseMemory(rare);
    for (let times = 0; times < 70; times++) releaseMemory(takeMemory(20_000));
    expect(takeSpareMemory(3 * MIB)).toBeUndefined();
  });

  it('has never two users at once', () => {
    const step = fc.record({ op: fc.constantFrom('take', 'hold', 'release'), n: fc.nat(200_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const used: { memory: Buffer; holders: number }[] = [];
        for (const { op, n } of steps) {
          const one = used[n % Math.max(1, used.length)];
          if (op === 'take') {
            const memory = takeMemory(n);
            expect(memory.length).toBeGreaterThanOrEqual(n);
            if (n >= 16_384) {
              for (const { memory: other } of used) expect(memory.buffer).not.toBe(other.buffer);
              used.push({ memory, holders: 1 });
            }
          } else if (one === undefined) continue;
          else if (op === 'hold') {
            holdMemory(one.memory);
            one.holders++;
          } else {
            releaseMemory(one.memory);
            one.holders--;
            if (one.holders === 0) used.splice(used.indexOf(one), 1);
          }
        }
      }),
    );
  });
});
