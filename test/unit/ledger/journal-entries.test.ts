import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SNAPSHOT_LISTS, type SnapshotChange } from '../../../src/backends/snapshot-change.ts';
import { decodeEntry, encodeEntry, type LedgerEntry } from '../../../src/ledger/journal-entries.ts';

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constant('f'.repeat(64)));
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const seq = fc.nat();
const wallMs = fc.integer({ min: 0, max: 4e12 });
const object = fc.constantFrom('sandbox' as const, 'container' as const);
const rpc = fc.constantFrom(
  ...SNAPSHOT_LISTS,
  ...(['Status', 'RuntimeConfig', 'ImageFsInfo', 'Version'] as const),
);

const change: fc.Arbitrary<SnapshotChange> = fc.oneof(
  fc.record({ kind: fc.constant('run-sandbox' as const), id: text, record: bytes }),
  fc.record({ kind: fc.constant('create-container' as const), id: text, sandboxId: text, record: bytes }),
  fc.record({
    kind: fc.constantFrom(
      ...([
        'start-container',
        'stop-container',
        'remove-container',
        'stop-sandbox',
        'remove-sandbox',
      ] as const),
    ),
    id: text,
  }),
  fc.constant({ kind: 'end-all' as const }),
  fc.record({ kind: fc.constant('lose' as const), list: fc.constantFrom(...SNAPSHOT_LISTS) }),
);

const entry: fc.Arbitrary<LedgerEntry> = fc.oneof(
  fc.record({
    kind: fc.constant('origin' as const),
    bootId: text,
    sockets: fc.array(fc.tuple(text, text), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  }),
  fc.record({ kind: fc.constant('added' as const), object, id: text, backend: text, parent: text }),
  fc.record({ kind: fc.constant('removed' as const), object, id: text }),
  fc.record({ kind: fc.constant('message' as const), backend: text, rpc, seq, wallMs, message: bytes }),
  fc.record({ kind: fc.constant('confirmed' as const), backend: text, rpc, seq, wallMs, checksum: fc.nat() }),
  fc.record({ kind: fc.constant('change' as const), backend: text, seq, change }),
  fc.record({ kind: fc.constant('pinned' as const), uid: text, backend: text }),
  fc.record({ kind: fc.constant('unpinned' as const), uid: text }),
  fc.record({
    kind: fc.constant('note' as const),
    name: fc.constantFrom('runtime-config' as const, 'runtime-name' as const, 'cgroup-leader' as const),
    value: bytes,
  }),
);

describe('the entries of the journal', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(entry, (each) => {
        expect(decodeEntry(encodeEntry(each))).toEqual(each);
      }),
      { numRuns: 500 },
    );
  });

  it('hold no view on the bytes they were read from, so that the file need not stay in memory', () => {
    const { type, payload } = encodeEntry({
      kind: 'note',
      name: 'runtime-name',
      value: Buffer.from('containerd'),
    });
    const read = decodeEntry({ type, payload });
    payload.fill(0);
    expect(read).toMatchObject({ value: Buffer.from('containerd') });
  });

  it('of a kind that is not known are passed over', () => {
    expect(decodeEntry({ type: 200, payload: Buffer.from('\n\x01a') })).toBeUndefined();
    const { type } = encodeEntry({ kind: 'change', backend: 'b', seq: 1, change: { kind: 'end-all' } });
    expect(decodeEntry({ type, payload: Buffer.from('\n\x01b\x12\x011\x1a\x03new') })).toBeUndefined();
  });
});
