import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListSnapshot } from '../../../src/backends/snapshot-list.ts';
import { type ListMethod, methodNamed } from '../../../src/cri/methods.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { releaseMemory, takeMemory } from '../../../src/grpc/message-memory.ts';

const text = (field: number, value: string) => encodeField(field, Buffer.from(value));
const record = (id: string) =>
  Buffer.from(encodeField(1, Buffer.concat([text(1, id), text(2, 'sandbox'), text(4, 'x'.repeat(200))])));
const method = methodNamed('ListContainers') as ListMethod;

/** A reply of 20 to 30 KB, as a call leaves it: in memory of its own, which the call lets go once the client has it. */
function listIn(memory: Buffer, list: number): Buffer {
  const records = Array.from({ length: 70 + (list % 30) }, (_, index) => record(`${list}-${index}`));
  const message = Buffer.concat(records);
  message.copy(memory);
  return memory.subarray(0, message.length);
}

describe('the memory of a snapshot', () => {
  it('is never used for another list while the snapshot, or somebody who got its bytes, may read it', () => {
    const op = fc.constantFrom(
      'list',
      'list',
      'list',
      'older list',
      'whole',
      'base',
      'view',
      'change',
      'drop',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(op, fc.boolean()), { maxLength: 40, size: 'max' }), (ops) => {
        const snapshot = new ListSnapshot(method);
        const given: { bytes: Buffer; copy: Buffer }[] = [];
        const give = (bytes: Buffer | undefined) => {
          if (bytes !== undefined) given.push({ bytes, copy: Buffer.from(bytes) });
        };
        let expected: Buffer | undefined;
        let seq = 0;
        for (const [one, isLookedAt] of ops) {
          switch (one) {
            case 'list':
            case 'older list': {
              const message = listIn(takeMemory(40_000), seq);
              const start = { seq: one === 'list' ? seq : -1, atMs: seq };
              if (snapshot.refresh(message, start)) expected = Buffer.from(message);
              releaseMemory(message);
              break;
            }
            case 'whole':
              give(snapshot.whole());
              break;
            case 'base':
              snapshot.keepBase();
              give(snapshot.base?.message);
              break;
            case 'view':
              snapshot.records();
              break;
            case 'change': {
              const added = record(`new-${++seq}`);
              snapshot.add({
                seq,
                change: { kind: 'create-container', id: `new-${seq}`, sandboxId: 'sandbox', record: added },
              });
              if (expected !== undefined) expected = Buffer.concat([expected, added]);
              break;
            }
            case 'drop':
              snapshot.drop();
              expected = undefined;
              break;
            default:
              one satisfies never;
          }
          takeMemory(40_000).fill(0xff); // what was released too early is overwritten
          const whole = isLookedAt ? snapshot.whole() : undefined;
          if (whole !== undefined && expected !== undefined) expect(whole.equals(expected)).toBe(true);
        }
        for (const { bytes, copy } of given) expect(bytes.equals(copy)).toBe(true);
      }),
    );
  });

  it('is used again once a newer list is there and nobody else has seen it', () => {
    const snapshot = new ListSnapshot(method);
    const memories = new Set<ArrayBufferLike>();
    for (let list = 0; list < 20; list++) {
      const message = listIn(takeMemory(40_000), list);
      memories.add(message.buffer);
      snapshot.refresh(message, { seq: 0, atMs: list });
      releaseMemory(message);
    }
    expect(memories.size).toBeLessThanOrEqual(3);
  });
});
