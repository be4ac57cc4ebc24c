import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sandboxRecord } from '../../../src/backends/snapshot-record.ts';
import { encodeEntry, type LedgerEntry } from '../../../src/ledger/journal-entries.ts';
import { replayJournal } from '../../../src/ledger/journal-replay.ts';

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

function replay(entries: readonly LedgerEntry[], isComplete = true) {
  const options = { sockets: new Map([['red', '/run/red.sock']]), isComplete, nowMs: 0, wallMs: 10_000 };
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
    const { state, snapshot } = replay([added('a'), listed(A, 1)], false);
    expect([...state.sandboxes.keys()]).toEqual(['a']);
    expect(snapshot.has(rpc)).toBe(false);
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

  it('passes over entries that it cannot read, and says so', () => {
    const options = { sockets: new Map([['red', '/run/red.sock']]), isComplete: true, nowMs: 0, wallMs: 0 };
    const odd = [
      { type: 99, payload: Buffer.from('new') },
      { type: 2, payload: Buffer.from([0xff]) },
    ];
    const state = replayJournal([...odd, encodeEntry(added('a'))], options);
    expect([...state.sandboxes.keys()]).toEqual(['a']);
    expect(state.remarks).toEqual(['2 entries of the journal are of an unknown kind and left out']);
  });
});
