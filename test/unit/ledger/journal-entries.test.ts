import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SNAPSHOT_LISTS, type SnapshotChange } from '../../../src/backends/snapshot-change.ts';
import { decodeEntry, encodeEntry, type LedgerEntry } from '../../../src/ledger/journal-entries.ts';

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constant('f'.repeat(64)));
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const seq = fc.nat();
/** Less than 0 where the clock was set back to 1970 while a list was on its way. */
const wallMs = fc.integer({ min: -1e6, max: 4e12 });
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
        'exit-container',
        'exit-sandbox',
      ] as const),
    ),
    id: text,
  }),
  fc.constant({ kind: 'end-all' as const }),
  fc.record({ kind: fc.constant('lose' as const), list: fc.constantFrom(...SNAPSHOT_LISTS) }),
);

type Kind = LedgerEntry['kind'];

/** One of each kind; a new kind has its place here. */
const ENTRIES: { readonly [K in Kind]: fc.Arbitrary<Extract<LedgerEntry, { kind: K }>> } = {
  origin: fc.record({
    kind: fc.constant('origin' as const),
    bootId: text,
    sockets: fc.array(fc.tuple(text, text), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  }),
  added: fc.record({ kind: fc.constant('added' as const), object, id: text, backend: text, parent: text }),
  removed: fc.record({ kind: fc.constant('removed' as const), object, id: text }),
  message: fc.record({
    kind: fc.constant('message' as const),
    backend: text,
    rpc,
    seq,
    wallMs,
    message: bytes,
  }),
  confirmed: fc.record({
    kind: fc.constant('confirmed' as const),
    backend: text,
    rpc,
    seq,
    wallMs,
    checksum: fc.nat(),
  }),
  change: fc.record({ kind: fc.constant('change' as const), backend: text, seq, change }),
  pinned: fc.record({ kind: fc.constant('pinned' as const), uid: text, backend: text }),
  unpinned: fc.record({ kind: fc.constant('unpinned' as const), uid: text }),
  note: fc.record({
    kind: fc.constant('note' as const),
    name: fc.constantFrom('runtime-config' as const, 'runtime-name' as const, 'doubtful-backends' as const),
    value: bytes,
  }),
  status: fc.record({
    ...{ kind: fc.constant('status' as const), backend: text, object, id: text },
    ...{ wallMs, checksum: fc.nat(), status: bytes },
  }),
  checkpoint: fc.record({ kind: fc.constant('checkpoint' as const), path: text, backend: text }),
};

const entry: fc.Arbitrary<LedgerEntry> = fc.oneof(...Object.values(ENTRIES));

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

  it('of a kind that is not known are passed over below 128, and not understood from there on', () => {
    expect(decodeEntry({ type: 127, payload: Buffer.from('\n\x01a') })).toBeUndefined();
    expect(() => decodeEntry({ type: 128, payload: Buffer.from('\n\x01a') })).toThrow('type 128');
  });

  it('of a change that is not known are not understood, for a list would lack it', () => {
    const { type } = encodeEntry({ kind: 'change', backend: 'b', seq: 1, change: { kind: 'end-all' } });
    const payload = Buffer.from('\n\x01b\x12\x011\x1a\x03new');
    expect(() => decodeEntry({ type, payload })).toThrow('a change new');
  });

  it('have a number for each kind that no other kind has', () => {
    const numbers = Object.values<fc.Arbitrary<LedgerEntry>>(ENTRIES).map(
      (each) => encodeEntry(fc.sample(each, 1)[0] ?? expect.fail('no sample')).type,
    );
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
