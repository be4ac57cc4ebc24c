import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sandboxRecord } from '../../../src/backends/snapshot-record.ts';
import { encodeEntry, type LedgerEntry } from '../../../src/ledger/journal-entries.ts';
import { type ReplayOptions, replayJournal } from '../../../src/ledger/journal-replay.ts';

const EMPTY = new Uint8Array(0);
const A = sandboxRecord({ id: 'a', createdAtMs: 1 }, EMPTY, '');
const B = sandboxRecord({ id: 'b', createdAtMs: 1 }, EMPTY, '');
const rpc = 'ListPodSandbox';

function added(id: string, backend = 'red'): LedgerEntry {
  return { kind: 'added', object: 'sandbox', id, backend, parent: '' };
}

function listed(message: Buffer, seq: number, wallMs = 1_000): LedgerEntry {
  return { kind: 'message', backend: 'red', rpc, seq, wallMs, message };
}

const SOCKETS = new Map([['red', '/run/red.sock']]);
const ORIGIN: LedgerEntry = { kind: 'origin', bootId: 'boot', sockets: SOCKETS };
const OPTIONS: ReplayOptions = {
  sockets: SOCKETS,
  bootId: 'boot',
  lacks: 'nothing',
  nowMs: 0,
  wallMs: 10_000,
};

function replay(entries: readonly LedgerEntry[], more: Partial<ReplayOptions> = {}) {
  const options = { ...OPTIONS, ...more };
  const state = replayJournal(entries.map(encodeEntry), options);
  const snapshot = state.snapshots.get('red') ?? expect.fail('every backend has a snapshot');
  return { state, snapshot };
}

describe('the replay of a journal', () => {
  it('takes lists and changes in any order', () => {
    const change: LedgerEntry = {
      kind: 'change',
      backend: 'red',
      seq: 7,
      change: { kind: 'run-sandbox', id: 'b', record: B },
    };
    for (const entries of [
      [change, listed(A, 6)],
      [listed(A, 6), change],
    ]) {
      const { snapshot } = replay([added('a'), added('b'), ...entries]);
      expect(snapshot.answer(rpc, EMPTY)).toEqual(Buffer.concat([A, B]));
    }
  });

  it('takes a confirmation for the message that it means alone', () => {
    const confirmed: LedgerEntry = {
      kind: 'confirmed',
      backend: 'red',
      rpc,
      seq: 9,
      wallMs: 9_000,
      checksum: crc32(A),
    };
    const meant = replay([added('a'), listed(A, 1), confirmed]);
    expect(meant.snapshot.ageMs(rpc, 0)).toBe(1_000);
    const other = replay([added('b'), listed(A, 1), listed(B, 2), confirmed]);
    expect(other.snapshot.ageMs(rpc, 0)).toBe(9_000);
    expect(other.snapshot.answer(rpc, EMPTY)).toEqual(B);
    expect(replay([confirmed]).snapshot.has(rpc)).toBe(false);
  });

  it('keeps ids and drops lists when entries are missing', () => {
    for (const lacks of ['end', 'records'] as const) {
      const { state, snapshot } = replay([ORIGIN, added('a'), listed(A, 1)], { lacks });
      expect([...state.sandboxes.keys()]).toEqual(['a']);
      expect(snapshot.has(rpc)).toBe(false);
      expect(state.remarks).toEqual([
        'no list that is on record is used, for it may lack pods: until every backend has answered once, lists fail and pods that are not known get no sandbox; start the backends that are away',
      ]);
    }
  });

  it('keeps lists when a power cut took the last entries, for it ended all that they could be about', () => {
    const entries = [ORIGIN, added('a'), listed(A, 1)];
    const cut = replay(entries, { lacks: 'end', bootId: 'next boot' });
    expect(cut.snapshot.answer(rpc, EMPTY)).toEqual(A);
    expect(cut.state.isOfAnotherBoot).toBe(true);
    expect(replay(entries, { lacks: 'records', bootId: 'next boot' }).snapshot.has(rpc)).toBe(false);
    expect(replay(entries, { lacks: 'end', bootId: '' }).snapshot.has(rpc)).toBe(false);
  });

  it('has all backends in doubt when entries are missing, and later those that an earlier start left so', () => {
    const note = (names: string[]): LedgerEntry => ({
      kind: 'note',
      name: 'doubtful-backends',
      value: Buffer.from(JSON.stringify(names)),
    });
    expect(replay([ORIGIN]).state.doubtful).toEqual([]);
    expect(replay([ORIGIN], { lacks: 'records' }).state.doubtful).toEqual(['red']);
    expect(replay([ORIGIN, note(['red', 'gone'])]).state.doubtful).toEqual(['red']);
    expect(replay([ORIGIN, note(['red']), note([])]).state.doubtful).toEqual([]);
  });

  it('keeps no id when it is lost which sockets the backends had', () => {
    const pin: LedgerEntry = { kind: 'pinned', uid: 'uid', backend: 'red' };
    const { state } = replay([added('a'), pin], { lacks: 'records' });
    expect([state.sandboxes.size, state.pins.size]).toEqual([0, 0]);
  });

  it('does not show what another backend owns, or nobody', () => {
    const { snapshot } = replay([added('a'), listed(Buffer.concat([A, B]), 1)]);
    expect(snapshot.answer(rpc, EMPTY)).toEqual(A);
  });

  it('makes no list certain, for calls may have been on their way', () => {
    const { snapshot } = replay([added('a'), listed(A, 1)]);
    expect(snapshot.has(rpc)).toBe(true);
    expect(snapshot.isPatchable(rpc)).toBe(false);
  });

  it('passes over entries of an unknown kind that may be passed over, and says so', () => {
    const odd = [{ type: 99, payload: Buffer.from('new') }];
    const entries = [ORIGIN, added('a'), listed(A, 1)].map(encodeEntry);
    const state = replayJournal([...odd, ...entries], OPTIONS);
    expect([...state.sandboxes.keys()]).toEqual(['a']);
    expect(state.snapshots.get('red')?.has(rpc)).toBe(true);
    expect(state.isUnderstood).toBe(false);
    expect(state.remarks).toEqual(['1 entries of the journal are of an unknown kind and left out']);
  });

  it.each([
    ['of an unknown kind that may not be passed over', { type: 200, payload: Buffer.from('new') }],
    ['that cannot be read', { type: 2, payload: Buffer.from([0xff]) }],
    ['of a change that is not known', { type: 5, payload: Buffer.from('\n\x03red\x12\x011\x1a\x03new') }],
    ['with a number that is none', { type: 5, payload: Buffer.from('\n\x03red\x12\x01x\x1a\x07end-all') }],
  ])('uses no list when there is an entry %s', (_, odd) => {
    const entries = [ORIGIN, added('a'), listed(A, 1)].map(encodeEntry);
    const state = replayJournal([...entries, odd], OPTIONS);
    expect([...state.sandboxes.keys()]).toEqual(['a']);
    expect(state.snapshots.get('red')?.has(rpc)).toBe(false);
    expect(state.remarks).toEqual([
      '1 entries of the journal cannot be understood',
      expect.stringContaining('no list that is on record is used'),
    ]);
  });

  it('knows what was removed, the newest last, of backends that are still what they were', () => {
    const removed = (id: string): LedgerEntry => ({ kind: 'removed', object: 'sandbox', id });
    const entries = [
      ORIGIN,
      added('a'),
      added('b'),
      added('c'),
      ...['b', 'a', 'c', 'x'].map(removed),
      added('c'),
    ];
    const gone = (more: Partial<ReplayOptions> = {}) => replay(entries, more).state.gone.map(({ id }) => id);
    expect(gone()).toEqual(['b', 'a']);
    expect(gone({ sockets: new Map([['red', '/run/other.sock']]) })).toEqual([]);
    expect(gone({ lacks: 'records' })).toEqual([]);
  });

  it('knows no more of what was removed than is of use', () => {
    const ids = Array.from({ length: 4_001 }, (_, i) => `id-${i}`);
    const lives = ids.flatMap((id): LedgerEntry[] => [added(id), { kind: 'removed', object: 'sandbox', id }]);
    const { gone } = replay([ORIGIN, ...lives]).state;
    expect([gone.length, gone[0]?.id, gone.at(-1)?.id]).toEqual([4_000, 'id-1', 'id-4000']);
  });
});
