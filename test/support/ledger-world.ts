// Two backends, their clients, and a Switchyard's memory of them with its journal: all that can happen, step by step, and
// what is true of it.
import { copyFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { BackendSnapshot } from '../../src/backends/snapshot.ts';
import type { SnapshotChange } from '../../src/backends/snapshot-change.ts';
import { type ListMethod, methodNamed } from '../../src/cri/methods.ts';
import { forEachRecord, readString } from '../../src/cri/wire.ts';
import { Checkpoints } from '../../src/ledger/checkpoints.ts';
import { learnList } from '../../src/ledger/learn.ts';
import { Ledger, type ObjectKind } from '../../src/ledger/ledger.ts';
import { LedgerJournal } from '../../src/ledger/ledger-journal.ts';
import { FakeClock } from './fake-clock.ts';
import { LIST, OBJECTS, recordOf, statesIn, type Thing } from './ledger-thing.ts';
import type { TempDir } from './temp-dir.ts';

const EMPTY = new Uint8Array(0);
export const NAMES = ['red', 'blue'] as const;
const CHANGES = [
  'start-container',
  'stop-container',
  'remove-container',
  'stop-sandbox',
  'remove-sandbox',
] as const;
/** One thing that happens, and what it happens to. */
export const ledgerStep = fc.tuple(
  fc.constantFrom(
    ...(['run', 'run', 'create', 'create', 'list', 'list', 'list', 'turn', 'flush', 'wait', 'kill'] as const),
    ...(['secretly-create', 'secretly-remove', 'restart', 'move', 'pin', 'note', 'checkpoint'] as const),
    ...CHANGES,
  ),
  fc.nat({ max: 1_000 }),
);

export class LedgerWorld {
  readonly clock = new FakeClock();
  readonly backends = new Map(NAMES.map((name) => [name as string, { name } as Backend]));
  readonly dir: TempDir;
  readonly things = new Map<string, Thing>();
  /** Backends where something happened that did not pass through us. */
  readonly surprises = new Set<string>();
  readonly notes = new Map<string, string>();
  readonly pins = new Map<string, string>();
  /** Where each object was made that ever was, and each pod was pinned: name and socket of the backend. */
  readonly places = new Set<string>();
  readonly sockets = new Map(NAMES.map((name) => [name as string, `/run/${name}.sock`]));
  ledger = new Ledger();
  checkpoints = new Checkpoints();
  snapshots = new Map<string, BackendSnapshot>();
  journal!: LedgerJournal;
  made = 0;

  constructor(dir: TempDir) {
    this.dir = dir;
  }

  async open(file: string) {
    const snapshots = new Map(NAMES.map((name) => [name as string, new BackendSnapshot()]));
    const { ledgerJournal, state } = LedgerJournal.open({
      file,
      sockets: new Map(this.sockets),
      snapshots,
      bootId: 'boot',
      // So that it is compacted every few steps.
      smallBytes: 2_000,
      clock: this.clock,
      onTrouble: (reason) => expect.fail(reason),
      onRecovered: () => undefined,
      onRemark: (remark) => expect.fail(remark),
    });
    return { ledgerJournal, state, snapshots };
  }

  async start(): Promise<void> {
    const { ledgerJournal, state, snapshots } = await this.open(this.dir.file('journal'));
    this.ledger = new Ledger();
    for (const [id, { backend, parent }] of state.sandboxes)
      this.ledger.addSandbox(id, this.backends.get(backend) as Backend, parent);
    for (const [id, { backend, parent }] of state.containers)
      this.ledger.addContainer(id, this.backends.get(backend) as Backend, parent);
    this.snapshots = snapshots;
    this.journal = ledgerJournal;
    this.checkpoints = new Checkpoints();
    for (const [path, name] of state.checkpoints)
      this.checkpoints.add(path, this.backends.get(name) as Backend);
    this.ledger.watch(ledgerJournal);
    this.checkpoints.watch(ledgerJournal);
    ledgerJournal.attach(this.ledger, this.checkpoints);
  }

  /** What is on record now, were we killed. */
  async check(): Promise<void> {
    this.journal.flush();
    const copy = this.dir.file('copy');
    copyFileSync(this.dir.file('journal'), copy);
    const { state, snapshots } = await this.open(copy);
    expect(state.remarks).toEqual([]);
    expect(state.pins).toEqual(this.pins);
    expect(state.checkpoints).toEqual(new Map(this.checkpoints));
    for (const [name, value] of this.notes)
      expect(state.notes.get(name as 'runtime-name')?.toString()).toBe(value);
    for (const object of OBJECTS) {
      const known = new Map([...this.ledger.objects(object)].map((each) => [each.id, each]));
      const recorded = object === 'sandbox' ? state.sandboxes : state.containers;
      expect(new Set(recorded.keys())).toEqual(new Set(known.keys()));
      for (const [id, { backend, parent }] of recorded) {
        expect({ id, backend, parent }).toEqual({
          id,
          backend: known.get(id)?.backend.name,
          parent: known.get(id)?.parent,
        });
      }
      for (const name of NAMES) {
        const before = statesIn(object, this.snapshots.get(name));
        const after = statesIn(object, snapshots.get(name));
        expect(snapshots.get(name)?.isPatchable(LIST[object])).toBe(false);
        if (after === undefined) {
          // Only what came to be unseen and was found in a list can make a list useless.
          expect(before === undefined || this.surprises.has(name)).toBe(true);
          continue;
        }
        const ids = [...known.values()].filter(({ backend }) => backend.name === name).map(({ id }) => id);
        expect(new Set(after.keys())).toEqual(new Set(ids));
        if (!this.surprises.has(name)) expect(after).toEqual(before);
      }
    }
  }

  async step([kind, pick]: [
    (typeof ledgerStep extends fc.Arbitrary<infer S> ? S : never)[0],
    number,
  ]): Promise<void> {
    const of = <T>(items: readonly T[]): T | undefined => items[pick % Math.max(1, items.length)];
    const name = NAMES[pick % 2] as string;
    const all = [...this.things.values()].filter(
      (thing) => this.ledger.ownerOf(thing.object, thing.id) !== undefined,
    );
    const sandbox = of(all.filter(({ object }) => object === 'sandbox'));
    const container = of(all.filter(({ object }) => object === 'container'));
    switch (kind) {
      case 'run':
        this.make(
          { object: 'sandbox', backend: name, id: `s${this.made}`, parent: `uid${this.made++}` },
          true,
        );
        return;
      case 'create':
        if (sandbox)
          this.make(
            { object: 'container', backend: sandbox.backend, id: `c${this.made++}`, parent: sandbox.id },
            true,
          );
        return;
      case 'secretly-create':
        this.surprises.add(name);
        this.make(
          { object: 'sandbox', backend: name, id: `s${this.made}`, parent: `uid${this.made++}` },
          false,
        );
        return;
      case 'secretly-remove':
        if (container === undefined) return;
        this.surprises.add(container.backend);
        this.things.delete(container.id);
        return;
      case 'start-container':
      case 'stop-container':
      case 'remove-container':
        if (container) this.change(container, kind);
        return;
      case 'stop-sandbox':
      case 'remove-sandbox':
        if (sandbox) this.change(sandbox, kind);
        return;
      case 'list':
        this.list(of(OBJECTS) as ObjectKind, NAMES[(pick >> 1) % 2] as string);
        return;
      case 'pin':
        if (this.pins.delete(`p${pick % 3}`)) this.journal.unpinned(`p${pick % 3}`);
        else {
          this.pins.set(`p${pick % 3}`, name);
          this.places.add(this.placeOf(`p${pick % 3}`, name));
          this.journal.pinned(`p${pick % 3}`, name);
        }
        return;
      case 'note':
        this.notes.set('runtime-name', `${pick}`);
        this.journal.note('runtime-name', Buffer.from(`${pick}`));
        return;
      case 'checkpoint':
        this.checkpoints.add(`/${pick % 5}`, this.backends.get(name) as Backend);
        return;
      case 'wait':
        this.clock.advance(pick * 20);
        return;
      case 'flush':
        this.journal.flush();
        return;
      case 'turn':
        await nextTurn();
        return;
      case 'kill':
        await this.check();
        return;
      case 'restart':
        await this.journal.close();
        await this.start();
        return;
      case 'move':
        await this.journal.close();
        this.move(name);
        await this.start();
        return;
    }
  }

  /** What `places` has of an object that was made on this backend as it is now. */
  placeOf(id: string, backend: string): string {
    return `${id} ${backend} ${this.sockets.get(backend)}`;
  }

  /** The backend is another runtime from now on, or again the one that it was: nobody knows what it has. */
  private move(name: string): void {
    const socket = `/run/${name}.sock`;
    this.sockets.set(name, this.sockets.get(name) === socket ? '/run/other.sock' : socket);
    for (const [id, { backend }] of this.things) if (backend === name) this.things.delete(id);
    for (const [uid, backend] of this.pins) if (backend === name) this.pins.delete(uid);
  }

  private make(thing: Thing, passesThroughUs: boolean): void {
    this.things.set(thing.id, thing);
    this.places.add(this.placeOf(thing.id, thing.backend));
    if (!passesThroughUs) return;
    const { object, id, parent, backend: name } = thing;
    const backend = this.backends.get(name) as Backend;
    const record = recordOf(thing);
    if (object === 'sandbox') this.ledger.addSandbox(id, backend, parent);
    else this.ledger.addContainer(id, backend, parent);
    const change: SnapshotChange =
      object === 'sandbox'
        ? { kind: 'run-sandbox', id, record }
        : { kind: 'create-container', id, sandboxId: parent, record };
    this.snapshots.get(name)?.change(change);
  }

  private change({ id, backend }: Thing, kind: (typeof CHANGES)[number]): void {
    this.snapshots.get(backend)?.change({ kind, id });
    if (!kind.startsWith('remove')) return;
    for (const thing of [...this.things.values()])
      if (thing.id === id || thing.parent === id) this.things.delete(thing.id);
    if (kind === 'remove-sandbox') this.ledger.removeSandbox(id);
    else this.ledger.removeContainer(id);
  }

  /** The states are those of the snapshot, so that nothing but the ids can be news. */
  private list(object: ObjectKind, name: string): void {
    const snapshot = this.snapshots.get(name) as BackendSnapshot;
    const scratch = new BackendSnapshot();
    scratch.adopt(snapshot);
    const list = LIST[object];
    const things = [...this.things.values()].filter(
      (thing) => thing.object === object && thing.backend === name,
    );
    const there = new Set(things.map(({ id }) => id));
    const parts: Buffer[] = [];
    const shown = scratch.answer(list, EMPTY) ?? Buffer.alloc(0);
    forEachRecord(shown, 0, shown.length, 1, (start, body, end) => {
      if (there.delete(readString(shown, body, end, [1]) ?? '')) parts.push(shown.subarray(start, end));
    });
    for (const id of there) parts.push(recordOf(this.things.get(id) as Thing));
    const message = Buffer.concat(parts);
    const start = snapshot.begin(this.clock.now());
    const number = this.ledger.beginList();
    learnList(
      this.ledger,
      methodNamed(list) as ListMethod,
      this.backends.get(name) as Backend,
      message,
      number,
    );
    snapshot.refresh(list, message, start);
  }
}
