import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import { containerRecord, sandboxRecord } from '../../../src/backends/snapshot-record.ts';
import { encodeField, forEachRecord, readString, readVarint } from '../../../src/cri/wire.ts';
import { releaseMemory, takeMemory } from '../../../src/grpc/message-memory.ts';
import { decodeJournal } from '../../../src/ledger/journal-content.ts';
import { decodeEntry, type LedgerEntry } from '../../../src/ledger/journal-entries.ts';
import type { ObjectKind } from '../../../src/ledger/ledger.ts';
import { LedgerJournal } from '../../../src/ledger/ledger-journal.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';

const EMPTY = new Uint8Array(0);

interface Setting {
  readonly clock?: FakeClock;
  readonly bootId?: string;
  readonly sockets?: Readonly<Record<string, string>>;
}

/** A Switchyard's memory on a file: backends red and blue unless said otherwise. */
async function openOn(file: string, { clock = new FakeClock(), bootId = 'boot-1', sockets }: Setting = {}) {
  const all = new Map(Object.entries(sockets ?? { red: '/run/red.sock', blue: '/run/blue.sock' }));
  const snapshots = new Map([...all.keys()].map((name) => [name, new BackendSnapshot()]));
  const { ledgerJournal, state } = LedgerJournal.open({
    file,
    sockets: all,
    snapshots,
    bootId,
    clock,
    onTrouble: (reason) => expect.fail(reason),
    onRecovered: () => undefined,
    onRemark: (remark) => expect.fail(remark),
  });
  /** What the ledger holds; here only what the state gives and `add` adds. */
  const objects = {
    sandbox: [...state.sandboxes].map(([id, { backend, parent }]) => ({
      id,
      backend: { name: backend },
      parent,
    })),
    container: [...state.containers].map(([id, { backend, parent }]) => ({
      id,
      backend: { name: backend },
      parent,
    })),
  };
  const checkpoints = new Map(state.checkpoints);
  ledgerJournal.attach({ objects: (object) => objects[object] }, checkpoints);
  const add = (object: ObjectKind, id: string, backend: string, parent: string) => {
    objects[object].push({ id, backend: { name: backend }, parent });
    ledgerJournal.added(object, id, backend, parent);
  };
  const snapshotOf = (name: string) => snapshots.get(name) ?? expect.fail(`no backend ${name}`);
  const checkpoint = (path: string, backend: string) => {
    checkpoints.set(path, backend);
    ledgerJournal.checkpointed(path, backend);
  };
  return { ledgerJournal, state, clock, add, checkpoint, snapshotOf };
}

type Opened = Awaited<ReturnType<typeof openOn>>;

function sandboxList(...ids: string[]): Buffer {
  return Buffer.concat(ids.map((id) => sandboxRecord({ id, createdAtMs: 1 }, EMPTY, '')));
}

function list({ snapshotOf, clock }: Opened, backend: string, ...ids: string[]): void {
  const snapshot = snapshotOf(backend);
  snapshot.refresh('ListPodSandbox', sandboxList(...ids), snapshot.begin(clock.now()));
}

/** Id to state. */
function statesIn({ snapshotOf }: Opened, backend: string, object: ObjectKind = 'sandbox') {
  const isSandbox = object === 'sandbox';
  const message = snapshotOf(backend).answer(isSandbox ? 'ListPodSandbox' : 'ListContainers', EMPTY);
  if (message === undefined) return undefined;
  const states: Record<string, number> = {};
  forEachRecord(message, 0, message.length, 1, (_, start, end) => {
    const state = readVarint(message, start, end, [isSandbox ? 3 : 6]) ?? 0;
    states[readString(message, start, end, [1]) ?? ''] = state;
  });
  return states;
}

/** Whether entries of a kind are among those that make a new file; a new kind has its place here, and in the test of it. */
const IS_LIVE = {
  origin: true,
  added: true,
  removed: false,
  message: true,
  confirmed: false,
  change: true,
  pinned: true,
  unpinned: false,
  note: true,
  status: true,
  checkpoint: true,
} as const satisfies Record<LedgerEntry['kind'], boolean>;

function kindsIn(file: string): Set<string> {
  const content = decodeJournal(readFileSync(file));
  if (content.kind !== 'journal') return expect.fail(`the file is ${content.kind}`);
  return new Set(content.entries.flatMap((entry) => decodeEntry(entry)?.kind ?? []));
}

describe('LedgerJournal', () => {
  it('writes a long list as it was, though its memory is wanted for another', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    const ids = Array.from({ length: 1_000 }, (_, n) => `${n}`.padStart(64, 's'));
    for (const id of ids) first.add('sandbox', id, 'red', '');
    const bytes = sandboxList(...ids);
    const message = takeMemory(bytes.length).subarray(0, bytes.length);
    bytes.copy(message);
    const snapshot = first.snapshotOf('red');
    snapshot.refresh('ListPodSandbox', message, snapshot.begin(first.clock.now()));
    // The client has its answer, and the snapshot a newer list.
    releaseMemory(message);
    list(first, 'red', ...ids);
    takeMemory(bytes.length).fill(0xff);
    first.ledgerJournal.flush();
    const killed = await openOn(file);
    expect(killed.state.remarks).toEqual([]);
    expect(Object.keys(statesIn(killed, 'red') ?? {})).toEqual(ids);
    await killed.ledgerJournal.close();
    await first.ledgerJournal.close();
  });

  it('writes a list at once, the next one after ten seconds, and one that has not changed not at all', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    const writtenBytes = (run: () => void) => {
      const before = first.ledgerJournal.fileBytes;
      run();
      first.ledgerJournal.flush();
      return first.ledgerJournal.fileBytes - before;
    };
    const long = Array.from({ length: 50 }, (_, n) => `s${n}`);
    for (const id of [...long, 'new', 'newer']) first.add('sandbox', id, 'red', '');
    first.ledgerJournal.flush();
    expect(writtenBytes(() => list(first, 'red', ...long))).toBeGreaterThan(500);
    first.clock.advance(4_000);
    expect(writtenBytes(() => list(first, 'red', ...long, 'new'))).toBe(0);
    first.clock.advance(4_000);
    expect(writtenBytes(() => list(first, 'red', ...long, 'new', 'newer'))).toBe(0);
    expect(writtenBytes(() => first.clock.advance(2_000))).toBeGreaterThan(500);
    const killed = await openOn(file);
    expect(Object.keys(statesIn(killed, 'red') ?? {})).toEqual([...long, 'new', 'newer']);
    await killed.ledgerJournal.close();
    const confirmedBytes = writtenBytes(() => {
      for (let n = 0; n < 10; n++) {
        first.clock.advance(1_000);
        list(first, 'red', ...long, 'new', 'newer');
      }
    });
    expect(confirmedBytes).toBeGreaterThan(0);
    expect(confirmedBytes).toBeLessThan(200);
    await first.ledgerJournal.close();
  });

  it('writes a list at once that shows what was not made through us', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    list(first, 'red');
    // The list teaches the ledger, and is then kept.
    first.add('sandbox', 's', 'red', 'u');
    list(first, 'red', 's');
    first.ledgerJournal.flush();
    const killed = await openOn(file);
    expect(statesIn(killed, 'red')).toEqual({ s: 0 });
    await killed.ledgerJournal.close();
    await first.ledgerJournal.close();
  });

  it('writes the lists that wait for their time when it is closed', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    list(first, 'red');
    first.add('sandbox', 's', 'red', '');
    list(first, 'red', 's');
    await first.ledgerJournal.close();
    const second = await openOn(file);
    expect(statesIn(second, 'red')).toEqual({ s: 0 });
    await second.ledgerJournal.close();
  });

  it('knows the age of a list after a restart, and of one that was confirmed since', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    list(first, 'red');
    list(first, 'blue');
    for (let n = 0; n < 11; n++) {
      first.clock.advance(1_000);
      list(first, 'blue');
    }
    await first.ledgerJournal.close();
    // Another boot of the process: its clock began anew, while the wall clock went on.
    const clock = new FakeClock();
    clock.advance(61_000);
    const second = await openOn(file, { clock });
    expect(second.snapshotOf('red').ageMs('ListPodSandbox', clock.now())).toBe(61_000);
    expect(second.snapshotOf('blue').ageMs('ListPodSandbox', clock.now())).toBe(50_000);
    await second.ledgerJournal.close();
    // The wall clock was set back.
    const third = await openOn(file);
    expect(third.snapshotOf('blue').ageMs('ListPodSandbox', third.clock.now())).toBe(0);
    await third.ledgerJournal.close();
  });

  it('shows everything as stopped after the machine was started anew, and only then', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    const red = first.snapshotOf('red');
    list(first, 'red');
    red.refresh('ListContainers', Buffer.alloc(0), red.begin(0));
    first.add('sandbox', 's', 'red', 'uid');
    first.add('container', 'c', 'red', 's');
    const sandbox = sandboxRecord({ id: 's', createdAtMs: 1 }, EMPTY, '');
    const container = containerRecord({ id: 'c', createdAtMs: 1 }, 's', EMPTY);
    red.change({ kind: 'run-sandbox', id: 's', record: sandbox });
    red.change({ kind: 'create-container', id: 'c', sandboxId: 's', record: container });
    red.change({ kind: 'start-container', id: 'c' });
    await first.ledgerJournal.close();
    const restarted = await openOn(file);
    expect([statesIn(restarted, 'red'), statesIn(restarted, 'red', 'container')]).toEqual([
      { s: 0 },
      { c: 1 },
    ]);
    await restarted.ledgerJournal.close();
    const rebooted = await openOn(file, { bootId: 'boot-2' });
    expect([statesIn(rebooted, 'red'), statesIn(rebooted, 'red', 'container')]).toEqual([{ s: 1 }, { c: 2 }]);
    expect(rebooted.state.sandboxes.get('s')).toEqual({ backend: 'red', parent: 'uid' });
    await rebooted.ledgerJournal.close();
    const again = await openOn(file, { bootId: 'boot-2' });
    expect([statesIn(again, 'red'), statesIn(again, 'red', 'container')]).toEqual([{ s: 1 }, { c: 2 }]);
    await again.ledgerJournal.close();
  });

  it('leaves out a backend that the config does not name any more, says so, and does not revive it later', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.add('sandbox', 's1', 'red', 'u1');
    first.add('sandbox', 's2', 'blue', 'u2');
    first.ledgerJournal.pinned('u3', 'blue');
    list(first, 'red', 's1');
    list(first, 'blue', 's2');
    await first.ledgerJournal.close();
    const second = await openOn(file, { sockets: { red: '/run/red.sock' } });
    expect([...second.state.sandboxes.keys()]).toEqual(['s1']);
    expect(second.state.pins.size).toBe(0);
    expect(second.state.remarks).toEqual([
      '1 pods and containers of backend blue, which is not in the config, are left out: those that run go on running, unknown to the kubelet, which starts them a second time; put the backend back into the config and move its pods away first, or end them at its runtime',
    ]);
    expect(statesIn(second, 'red')).toEqual({ s1: 0 });
    await second.ledgerJournal.close();
    const third = await openOn(file);
    expect([...third.state.sandboxes.keys()]).toEqual(['s1']);
    expect(third.snapshotOf('blue').has('ListPodSandbox')).toBe(false);
    expect(third.state.remarks).toEqual([]);
    await third.ledgerJournal.close();
  });

  it('does not take a backend on another socket for the one it knew', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.add('sandbox', 's', 'red', 'u');
    list(first, 'red', 's');
    await first.ledgerJournal.close();
    const second = await openOn(file, { sockets: { red: '/run/other.sock', blue: '/run/blue.sock' } });
    expect(second.state.sandboxes.size).toBe(0);
    expect(second.snapshotOf('red').has('ListPodSandbox')).toBe(false);
    expect(second.state.remarks).toEqual([
      expect.stringMatching(
        /^1 pods and containers of backend red, which has another socket now, are left out: .* unless the runtime behind .* is the same; .* put the old socket back .*, or end them/,
      ),
    ]);
    await second.ledgerJournal.close();
  });

  it('has no list that lacks an object which is on record, and goes on from there', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    for (let n = 0; n < 5; n++) first.snapshotOf('red').change({ kind: 'remove-sandbox', id: `gone${n}` });
    list(first, 'red');
    // Found by a search, and in no list yet.
    first.add('sandbox', 's', 'red', 'u');
    first.ledgerJournal.flush();
    const second = await openOn(file);
    expect(second.snapshotOf('red').has('ListPodSandbox')).toBe(false);
    list(second, 'red', 's');
    await second.ledgerJournal.close();
    const third = await openOn(file);
    expect(statesIn(third, 'red')).toEqual({ s: 0 });
    await third.ledgerJournal.close();
    await first.ledgerJournal.close();
  });

  it('keeps checkpoints with the backend that wrote each last, also in a new file, as long as that is the same runtime', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.ledgerJournal.checkpointed('/a', 'red');
    first.ledgerJournal.checkpointed('/b', 'blue');
    first.ledgerJournal.checkpointed('/a', 'blue');
    first.ledgerJournal.checkpointed('/c', 'red');
    await first.ledgerJournal.close();
    const second = await openOn(file);
    expect([...second.state.checkpoints]).toEqual([
      ['/b', 'blue'],
      ['/a', 'blue'],
      ['/c', 'red'],
    ]);
    await second.ledgerJournal.close();
    const third = await openOn(file, { sockets: { red: '/run/other.sock', blue: '/run/blue.sock' } });
    expect([...third.state.checkpoints.keys()]).toEqual(['/b', '/a']);
    await third.ledgerJournal.close();
    const fourth = await openOn(file, { sockets: { red: '/run/other.sock' } });
    expect(fourth.state.checkpoints.size).toBe(0);
    await fourth.ledgerJournal.close();
  });

  it('keeps pins, notes and last replies', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.ledgerJournal.pinned('u1', 'red');
    first.ledgerJournal.pinned('u2', 'blue');
    first.ledgerJournal.unpinned('u1');
    first.ledgerJournal.note('runtime-name', Buffer.from('containerd'));
    first.snapshotOf('red').keep('Status', Buffer.from('fine'), first.clock.now());
    await first.ledgerJournal.close();
    const sizeBytes = statSync(file).size;
    const second = await openOn(file);
    expect([...second.state.pins]).toEqual([['u2', 'blue']]);
    expect(second.state.notes.get('runtime-name')?.toString()).toBe('containerd');
    expect(second.snapshotOf('red').kept('Status')?.message.toString()).toBe('fine');
    // What is known already is not written again.
    second.ledgerJournal.note('runtime-name', Buffer.from('containerd'));
    second.ledgerJournal.unpinned('u1');
    await second.ledgerJournal.close();
    expect(statSync(file).size).toBe(sizeBytes);
  });

  it('has every kind of entry in a new file, but for those that say that another holds no more', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.add('sandbox', 's', 'red', 'u');
    first.ledgerJournal.removed('sandbox', 'gone');
    list(first, 'red', 's');
    first.clock.advance(10_000);
    list(first, 'red', 's');
    first.snapshotOf('red').change({ kind: 'stop-sandbox', id: 's' });
    first.ledgerJournal.pinned('u1', 'red');
    first.ledgerJournal.pinned('u2', 'red');
    first.ledgerJournal.unpinned('u1');
    first.ledgerJournal.note('runtime-name', Buffer.from('containerd'));
    first.checkpoint('/checkpoints/one', 'red');
    const status = encodeField(2, encodeField(1, Buffer.from('web')));
    const seen = { atMs: first.clock.now(), wallMs: first.clock.wallMs() };
    first.snapshotOf('red').statuses.see('sandbox', 's', Buffer.from(status), 0, status.length, seen);
    await first.ledgerJournal.close();
    expect(kindsIn(file)).toEqual(new Set(Object.keys(IS_LIVE)));
    // On another boot a new file is begun.
    const second = await openOn(file, { bootId: 'boot-2' });
    await second.ledgerJournal.close();
    const live = Object.entries(IS_LIVE).flatMap(([kind, isLive]) => (isLive ? [kind] : []));
    expect(kindsIn(file)).toEqual(new Set(live));
  });
});
