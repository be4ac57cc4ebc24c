import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import { type ListMethod, methodNamed } from '../../../src/cri/methods.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { MalformedMessageError } from '../../../src/errors.ts';
import { ListLearner, learnList } from '../../../src/ledger/learn.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';

const aBackend = (name: string) => ({ name, snapshot: new BackendSnapshot() }) as Backend;
const red = aBackend('red');
const blue = aBackend('blue');
const method = methodNamed('ListContainers') as ListMethod;
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

  const many = (count: number) => listOf(Array.from({ length: count }, (_, n) => String(n)));

  it.each([
    ['over 50000 records', many(50_001)],
    ['an id has over 1024 characters', listOf(['a', 'b'.repeat(1_025)])],
  ])('refuses a list in which no real runtime is seen: %s', (words, message) => {
    const ledger = new Ledger();
    const learn = () => learnList(ledger, method, red, message, ledger.beginList());
    expect(learn).toThrow(words);
    expect(learn).toThrow('backend red sent a ListContainers reply that is broken');
    expect(ledger.count('container')).toBeLessThan(2);
  });

  it('refuses it also when it came in pieces', () => {
    const ledger = new Ledger();
    const message = many(200_000);
    const learner = new ListLearner(ledger, method, red, ledger.beginList());
    for (let size = 0; size < message.length; size += 70_000) learner.advance(message, size);
    expect(() => learner.finish(message)).toThrow('over 50000 records');
    expect(ledger.count('container')).toBe(0);
  });

  it('takes the longest list that may be one', () => {
    const ledger = new Ledger();
    expect(learnList(ledger, method, red, many(50_000), ledger.beginList())).toEqual([]);
    expect(ledger.count('container')).toBe(50_000);
  });

  it('only compares the ids of lists that are not learnt from', () => {
    const ledger = new Ledger();
    ledger.addContainer(IDS[0] as string, blue, '');
    const stats = methodNamed('ListContainerStats') as ListMethod;
    const message = Buffer.concat(IDS.slice(0, 3).map((id) => encodeField(1, encodeField(1, text(1, id)))));
    expect(learnList(ledger, stats, red, message, 'filtered')).toHaveLength(1);
    expect(learnList(ledger, stats, blue, message, 'filtered')).toEqual([]);
    expect(ledger.count('container')).toBe(1);
  });

  it('gives what a filtered list shows for the first time to the snapshot too', () => {
    const ledger = new Ledger();
    const backend = aBackend('green');
    const { snapshot } = backend;
    const [first, second] = IDS as [string, string];
    snapshot.refresh('ListContainers', listOf([first]), snapshot.begin(0));
    ledger.addContainer(first, backend, 'sandbox');
    learnList(ledger, method, backend, listOf([first, second]), 'filtered');
    expect(snapshot.answer('ListContainers', new Uint8Array(0))).toEqual(listOf([first, second]));
  });

  it('does not bring back what was removed while a list was on its way', () => {
    const ledger = new Ledger();
    const backend = aBackend('green');
    const [container, other] = IDS as [string, string];
    ledger.addContainer(container, backend, 'sandbox');
    const list = ledger.beginList();
    ledger.removeContainer(container);
    learnList(ledger, method, backend, listOf([container]), list);
    learnList(ledger, method, backend, listOf([container]), 'filtered');
    expect(ledger.ownerOf('container', container)).toBeUndefined();

    ledger.addSandbox('sandbox', backend, 'uid');
    ledger.removeSandbox('sandbox');
    learnList(ledger, method, backend, listOf([other]), list);
    expect(ledger.count('container')).toBe(0);
    learnList(ledger, method, backend, listOf([container]), ledger.beginList());
    expect(ledger.ownerOf('container', container)).toBe(backend);
  });

  it('names the backend whose list is broken', () => {
    const ledger = new Ledger();
    const broken = listOf(IDS).subarray(0, -1);
    const learn = () => learnList(ledger, method, red, broken, ledger.beginList());
    expect(learn).toThrow(MalformedMessageError);
    expect(learn).toThrow(/backend red sent a ListContainers reply that is broken/);
  });

  it('keeps what a later list showed again when an earlier one that lacks it arrives', () => {
    const ledger = new Ledger();
    learnList(ledger, method, red, listOf(IDS), ledger.beginList());
    const earlier = ledger.beginList();
    learnList(ledger, method, red, listOf(IDS), ledger.beginList());
    learnList(ledger, method, red, listOf(IDS.slice(1)), earlier);
    expect(ledger.ownerOf('container', IDS[0] as string)).toBe(red);
    learnList(ledger, method, red, listOf(IDS.slice(1)), ledger.beginList());
    expect(ledger.ownerOf('container', IDS[0] as string)).toBeUndefined();
  });
});

describe('a list that is read while it comes', () => {
  /** Long enough that few records make it worth while to begin before the end. */
  const padding = text(4, 'x'.repeat(9_000));
  const unusual = Buffer.from([0x39, 1, 2, 3, 4, 5, 6, 7, 8]);
  const forms = {
    usual: (id: string) => [text(1, id), text(2, 'sandbox'), padding],
    unusual: (id: string) => [unusual, text(1, id), padding],
    long: (id: string) => [text(1, id), text(4, 'x'.repeat(17_000))],
    nameless: () => [padding],
  };
  const item = fc.record({
    form: fc.constantFrom('usual', 'usual', 'usual', ...(Object.keys(forms) as (keyof typeof forms)[])),
    owner: fc.constantFrom('none', 'red', 'red', 'blue'),
    isShort: fc.boolean(),
  });

  it('gives what it gives when it is read at once, and leaves the ledger the same', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 8, maxLength: 60 }), fc.array(fc.nat()), (items, cuts) => {
        const ids = items.map((one, n) =>
          one.isShort && n % 5 === 0 ? `id-${n}` : `${n}`.padStart(64, '0'),
        );
        const message = Buffer.concat(
          items.map(({ form }, n) => encodeField(1, Buffer.concat(forms[form](ids[n] as string)))),
        );
        const [atOnce, inPieces] = [0, 1].map(() => {
          const ledger = new Ledger();
          for (const [n, { owner }] of items.entries()) {
            if (owner !== 'none') ledger.addContainer(ids[n] as string, owner === 'red' ? red : blue, '');
          }
          ledger.addContainer('gone', red, '');
          return ledger;
        }) as [Ledger, Ledger];
        const learner = new ListLearner(inPieces, method, red, inPieces.beginList());
        const sizes = cuts.map((cut) => cut % message.length).sort((a, b) => a - b);
        for (const size of sizes) {
          const elsewhere = Buffer.alloc(message.length, 0x0a);
          message.copy(elsewhere, 0, 0, size);
          learner.advance(elsewhere, size);
          elsewhere.fill(0xff);
        }
        const foreign = learner.finish(message);
        expect(foreign).toEqual(learnList(atOnce, method, red, message, atOnce.beginList()));
        expect(
          [...inPieces.objects('container')].map(({ id, backend }) => `${backend.name} ${id}`).sort(),
        ).toEqual([...atOnce.objects('container')].map(({ id, backend }) => `${backend.name} ${id}`).sort());
      }),
      { numRuns: 60 },
    );
  });

  it('is not learnt from before it is whole', () => {
    const ledger = new Ledger();
    const [known, unknown] = IDS as [string, string];
    ledger.addContainer(known, red, '');
    const message = Buffer.concat(
      Array.from({ length: 20 }, () => encodeField(1, Buffer.concat([text(1, unknown), padding]))),
    );
    const learner = new ListLearner(ledger, method, red, ledger.beginList());
    learner.advance(message, message.length);
    expect(ledger.ownerOf('container', unknown)).toBeUndefined();
    expect(ledger.ownerOf('container', known)).toBe(red);
    learner.finish(message);
    expect(ledger.ownerOf('container', unknown)).toBe(red);
    expect(ledger.ownerOf('container', known)).toBeUndefined();
  });

  it('is told by its backend when what came later is broken', () => {
    const ledger = new Ledger();
    const message = Buffer.concat(
      IDS.map((id) => encodeField(1, Buffer.concat([text(1, id), padding, padding]))),
    ).subarray(0, -1);
    const learner = new ListLearner(ledger, method, red, ledger.beginList());
    learner.advance(message, message.length);
    expect(() => learner.finish(message)).toThrow(/backend red sent a ListContainers reply that is broken/);
  });
});
