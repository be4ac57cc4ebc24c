import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import { type ListMethod, methodNamed } from '../../../src/cri/methods.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { MalformedMessageError } from '../../../src/errors.ts';
import { learnList } from '../../../src/ledger/learn.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { withoutRecords } from '../../../src/merge/lists.ts';

const red = { name: 'red' } as Backend;
const blue = { name: 'blue' } as Backend;
const LIST = 'ListContainers';
const method = methodNamed(LIST) as ListMethod;
/** Some of the usual form and some of another. */
const IDS = Array.from({ length: 8 }, (_, n) => (n < 6 ? `${n}`.padStart(64, '0') : `id-${n}`));

const text = (field: number, value: string) => encodeField(field, Buffer.from(value));
const record = (id: string) => encodeField(1, Buffer.concat([text(1, id), text(2, 'sandbox')]));
const listOf = (ids: Iterable<string>) => Buffer.concat([...ids].map(record));

describe('learnList', () => {
  it('learns the owners and sandboxes of containers from a list', () => {
    const ledger = new Ledger();
    expect(learnList(ledger, method, red, listOf(IDS), ledger.beginList())).toEqual([]);
    for (const id of IDS) expect(ledger.ownerOf('container', id)).toBe(red);
    ledger.addSandbox('sandbox', red, 'uid');
    ledger.removeSandbox('sandbox');
    expect(ledger.count('container')).toBe(0);
  });

  it('gives the places of the records that another backend owns', () => {
    const ledger = new Ledger();
    for (const id of [IDS[1], IDS[7]]) ledger.addContainer(id as string, blue, '');
    const message = listOf(IDS);
    const foreign = learnList(ledger, method, red, message, ledger.beginList());
    const records = foreign.map(({ start, end }) => message.subarray(start, end));
    expect(records).toEqual([IDS[1], IDS[7]].map((id) => Buffer.from(record(id as string))));
    expect(ledger.count('container', red)).toBe(IDS.length - 2);
  });

  it('only compares the ids of lists that are not learnt from', () => {
    const ledger = new Ledger();
    ledger.addContainer(IDS[0] as string, blue, '');
    const stats = methodNamed('ListContainerStats') as ListMethod;
    const message = Buffer.concat(IDS.slice(0, 3).map((id) => encodeField(1, encodeField(1, text(1, id)))));
    expect(learnList(ledger, stats, red, message, undefined)).toHaveLength(1);
    expect(learnList(ledger, stats, blue, message, undefined)).toEqual([]);
    expect(ledger.count('container')).toBe(1);
  });

  it('names the backend whose list is broken', () => {
    const ledger = new Ledger();
    const broken = listOf(IDS).subarray(0, -1);
    const learn = () => learnList(ledger, method, red, broken, ledger.beginList());
    expect(learn).toThrow(MalformedMessageError);
    expect(learn).toThrow(/backend red sent a ListContainers reply that is broken/);
  });

  it('does not read a list again that repeats the last one while nothing has changed', () => {
    const ledger = new Ledger();
    let compared = 0;
    const learn = (same: boolean) =>
      learnList(ledger, method, red, listOf(IDS), ledger.beginList(), () => {
        compared++;
        return same;
      });
    learn(true);
    expect(compared).toBe(0); // nothing to compare with
    learn(true);
    learn(true);
    expect(compared).toBe(1); // the first list only added
    ledger.removeContainer(IDS[0] as string);
    learn(true);
    expect(compared).toBe(1);
    expect(ledger.count('container', red)).toBe(IDS.length);
    learn(true);
    learn(false);
    expect(compared).toBe(2);
  });

  it('keeps what a later list showed again when an earlier one that lacks it arrives', () => {
    const world = new World(true);
    const id = IDS[0] as string;
    for (const op of ['appear', 'list', 'list', 'vanish', 'begin', 'appear', 'list', 'end'])
      world.step(op, id, red);
    expect(world.ledger.ownerOf('container', id)).toBe(red);
    for (const op of ['vanish', 'list']) world.step(op, id, red);
    expect(world.ledger.ownerOf('container', id)).toBeUndefined();
  });

  it('knows the same with comparing as without, whatever comes and goes while lists are on their way', () => {
    const id = fc.constantFrom(...IDS.slice(5, 8));
    const backend = fc.constantFrom(red, red, blue);
    const step = fc.oneof(
      fc.record({ op: fc.constantFrom('add', 'remove', 'appear', 'vanish'), id, backend }),
      fc.record({ op: fc.constant('begin'), id, backend }),
      fc.record({ op: fc.constantFrom('end', 'end', 'list', 'list', 'list'), id, backend }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const worlds = [new World(true), new World(false)] as const;
        for (const { op, id: one, backend: on } of steps) {
          for (const world of worlds) world.step(op, one, on);
          const [comparing, plain] = worlds.map(({ ledger, foreign }) => [
            ...foreign,
            ...IDS.map((known) => ledger.ownerOf('container', known)?.name),
            ledger.count('container', red),
            ledger.count('container', blue),
          ]);
          expect(comparing).toEqual(plain);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

/** What two backends have, and a ledger that learns it with or without comparing lists. */
class World {
  readonly ledger = new Ledger();
  /** How many foreign records each list had. */
  readonly foreign: number[] = [];
  private readonly things = new Map([red, blue].map((backend) => [backend, new Set<string>()]));
  private readonly snapshots = new Map([red, blue].map((backend) => [backend, new BackendSnapshot()]));
  private readonly flying: { backend: Backend; end: () => void }[] = [];
  private readonly isComparing: boolean;
  private now = 0;

  constructor(isComparing: boolean) {
    this.isComparing = isComparing;
  }

  step(op: string, id: string, backend: Backend): void {
    const things = this.things.get(backend) as Set<string>;
    switch (op) {
      case 'add':
        things.add(id);
        this.ledger.addContainer(id, backend, 'sandbox');
        break;
      case 'remove':
        things.delete(id);
        if (this.ledger.ownerOf('container', id) === backend) this.ledger.removeContainer(id);
        break;
      case 'appear':
        things.add(id);
        break;
      case 'vanish':
        things.delete(id);
        break;
      case 'begin':
        this.begin(backend);
        break;
      case 'end': {
        const index = this.flying.findIndex((one) => one.backend === backend);
        for (const { end } of index < 0 ? [] : this.flying.splice(index, 1)) end();
        break;
      }
      case 'list':
        this.begin(backend);
        this.flying.pop()?.end();
        break;
      default:
        throw new Error(op);
    }
  }

  private begin(backend: Backend): void {
    const list = this.ledger.beginList();
    const snapshot = this.snapshots.get(backend) as BackendSnapshot;
    const start = snapshot.begin(this.now++);
    const message = listOf([...(this.things.get(backend) as Set<string>)].sort());
    const end = () => {
      const isRepeated = (earlier: Buffer) => this.isComparing && snapshot.repeats(LIST, earlier, message);
      const foreign = learnList(this.ledger, method, backend, message, list, isRepeated);
      this.foreign.push(foreign.length);
      const own = foreign.length === 0 ? message : Buffer.concat(withoutRecords(message, foreign));
      snapshot.refresh(LIST, own, start);
    };
    this.flying.push({ backend, end });
  }
}
