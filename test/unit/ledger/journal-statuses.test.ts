import { describe, expect, it } from 'vitest';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import { containerRecord } from '../../../src/backends/snapshot-record.ts';
import { momentOf } from '../../../src/clock.ts';
import { readString, readVarint } from '../../../src/cri/wire.ts';
import { encodeMessage, encodeNumber, encodeText } from '../../../src/cri/wire-writer.ts';
import { LedgerJournal } from '../../../src/ledger/ledger-journal.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const RUNNING = 1;
const EXITED = 2;

/** A Switchyard's memory on a file, with container c of backend red, on record and listed. */
async function openOn(file: string, { bootId = 'boot-1', socket = '/run/red.sock' } = {}) {
  const clock = new FakeClock();
  const snapshot = new BackendSnapshot();
  const { ledgerJournal, state } = await LedgerJournal.open({
    ...{ file, clock, bootId, sockets: new Map([['red', socket]]), snapshots: new Map([['red', snapshot]]) },
    smallBytes: 2_000,
    onTrouble: (reason) => expect.fail(reason),
    onRecovered: () => undefined,
    onRemark: (remark) => expect.fail(remark),
  });
  const objects = new Map([...state.containers].map(([id, { parent }]) => [id, parent]));
  ledgerJournal.attach({
    *objects(object) {
      if (object === 'sandbox') return;
      for (const [id, parent] of objects) yield { id, backend: { name: 'red' }, parent };
    },
  });
  /** The backend says that c is in this state, with some text to tell one status from the other. */
  const see = (container: number, reason = '') => {
    const status = Buffer.concat([
      encodeText(1, 'c'),
      encodeMessage(2, encodeText(1, 'main')),
      encodeNumber(3, container),
      encodeNumber(4, 1),
      encodeText(10, reason),
    ]);
    snapshot.statuses.see('container', 'c', status, 0, status.length, momentOf(clock));
  };
  const make = () => {
    objects.set('c', 's');
    ledgerJournal.added('container', 'c', 'red', 's');
    snapshot.refresh(
      'ListContainers',
      containerRecord({ id: 'c', createdAtMs: 1 }, 's', new Uint8Array(0)),
      snapshot.begin(clock.now()),
    );
  };
  const remove = () => {
    objects.delete('c');
    ledgerJournal.removed('container', 'c');
  };
  /** State and reason of c as it would be answered; undefined when it would not. */
  const shown = () => {
    const reply = snapshot.statuses.reply('container', 'c', momentOf(clock), 0);
    if (reply === undefined) return undefined;
    const { length } = reply;
    return [readVarint(reply, 0, length, [1, 3]) ?? 0, readString(reply, 0, length, [1, 10]) ?? ''];
  };
  return { ledgerJournal, state, clock, snapshot, see, make, remove, shown };
}

describe('statuses in the journal', () => {
  it('outlive a kill, and a new file', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.make();
    first.see(RUNNING, 'first');
    first.ledgerJournal.flush();
    const second = await openOn(file);
    expect(second.state.remarks).toEqual([]);
    expect(second.shown()).toEqual([RUNNING, 'first']);
    // So much that is old at once has the file written anew.
    second.ledgerJournal.note('runtime-name', Buffer.alloc(2_500));
    second.ledgerJournal.note('runtime-name', Buffer.from('containerd'));
    second.ledgerJournal.flush();
    await until(() => second.ledgerJournal.fileBytes < 1_000, 'the file is written anew');
    await second.ledgerJournal.close();
    const third = await openOn(file);
    expect(third.shown()).toEqual([RUNNING, 'first']);
    await third.ledgerJournal.close();
    await first.ledgerJournal.close();
  });

  it('have ended when the machine was started anew', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.make();
    first.see(RUNNING);
    await first.ledgerJournal.close();
    const second = await openOn(file, { bootId: 'boot-2' });
    expect(second.shown()).toEqual([EXITED, 'Unknown']);
    await second.ledgerJournal.close();
  });

  it('are gone with their object, and with a backend that has another socket', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.make();
    first.see(RUNNING);
    first.ledgerJournal.flush();
    const elsewhere = await openOn(file, { socket: '/run/other.sock' });
    expect([...elsewhere.snapshot.statuses.entries()]).toEqual([]);
    first.remove();
    await first.ledgerJournal.close();
    await elsewhere.ledgerJournal.close();
    const last = await openOn(file);
    expect([...last.snapshot.statuses.entries()]).toEqual([]);
    await last.ledgerJournal.close();
  });

  it('are written at once, but for a backend that never says the same twice', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.make();
    const asOnFile = async () => {
      first.ledgerJournal.flush();
      const other = await openOn(file);
      const shown = other.shown();
      await other.ledgerJournal.close();
      return shown?.[1];
    };
    for (const reason of ['one', 'two', 'three']) {
      first.see(RUNNING, reason);
      expect(await asOnFile()).toBe(reason);
      first.see(RUNNING, reason);
    }
    const before = first.ledgerJournal.fileBytes;
    for (let i = 0; i < 100; i++) first.see(RUNNING, `${i}`);
    first.ledgerJournal.flush();
    expect(first.ledgerJournal.fileBytes).toBe(before);
    first.clock.advance(10_000);
    expect(await asOnFile()).toBe('99');
    for (let i = 100; i < 200; i++) first.see(RUNNING, `${i}`);
    await first.ledgerJournal.close();
    expect(await asOnFile()).toBe('199');
  });

  it('are forgotten in it too, when a later one could not be looked at', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const first = await openOn(file);
    first.make();
    first.see(RUNNING, 'first');
    first.snapshot.statuses.miss('container', 'c');
    await first.ledgerJournal.close();
    const second = await openOn(file);
    expect([...second.snapshot.statuses.entries()]).toEqual([]);
    await second.ledgerJournal.close();
  });
});
