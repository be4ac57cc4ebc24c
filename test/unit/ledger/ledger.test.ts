import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';

const red = { name: 'red' } as Backend;
const blue = { name: 'blue' } as Backend;
const ID_A = 'a'.repeat(64);
/** Some of the usual form and some of another. */
const IDS = [0, 1, 2, 3, 4, 5, 6].map((n) => (n < 4 ? `${'0'.repeat(63)}${n}` : `id-${n}`));
const ID_AB = `a${'b'.repeat(63)}`;

describe('Ledger', () => {
  it('finds a whole id, and the beginning of exactly one id', () => {
    const ledger = new Ledger();
    ledger.addSandbox(ID_A, red, 'uid-1');
    ledger.addSandbox(ID_AB, blue, 'uid-2');
    expect(ledger.find('sandbox', ID_A)).toEqual({ kind: 'owned', backend: red, id: ID_A });
    expect(ledger.find('sandbox', 'ab')).toEqual({ kind: 'owned', backend: blue, id: ID_AB });
    expect(ledger.find('sandbox', 'a')).toEqual({ kind: 'ambiguous' });
    expect(ledger.find('sandbox', 'c')).toEqual({ kind: 'unknown' });
    expect(ledger.find('container', ID_A)).toEqual({ kind: 'unknown' });
  });

  it('takes the empty id for no id at all', () => {
    const ledger = new Ledger();
    ledger.addSandbox(ID_A, red, 'uid-1');
    expect(ledger.find('sandbox', '')).toEqual({ kind: 'unknown' });
  });

  it('keeps the first owner of an id and says that another one claims it', () => {
    const ledger = new Ledger();
    expect(ledger.addContainer(ID_A, red, 's')).toBe(true);
    expect(ledger.addContainer(ID_A, blue, 's')).toBe(false);
    expect(ledger.ownerOf('container', ID_A)).toBe(red);
  });

  it('knows on which backends a pod lives, the newest sandbox last', () => {
    const ledger = new Ledger();
    ledger.addSandbox('s1', red, 'uid');
    ledger.addSandbox('s2', blue, 'uid');
    expect(ledger.backendsOfPod('uid')).toEqual([red, blue]);
    ledger.addSandbox('s3', red, 'uid');
    expect(ledger.backendsOfPod('uid')).toEqual([blue, red]);
    ledger.removeSandbox('s1');
    ledger.removeSandbox('s3');
    expect(ledger.backendsOfPod('uid')).toEqual([blue]);
  });

  it('gives the sandboxes of a pod in the order of their age, to be written down', () => {
    const ledger = new Ledger();
    ledger.addSandbox('other', red, 'uid-2');
    ledger.addSandbox('s1', red, 'uid');
    ledger.addSandbox('none', red, '');
    ledger.removeSandbox('other');
    ledger.addSandbox('s2', blue, 'uid');
    const written = new Ledger();
    for (const { id, backend, parent } of ledger.objects('sandbox')) written.addSandbox(id, backend, parent);
    expect(written.backendsOfPod('uid')).toEqual([red, blue]);
    expect([...written.objects('sandbox')]).toEqual([...ledger.objects('sandbox')]);
    expect(written.count('sandbox')).toBe(3);
  });

  it('gives all objects that stay, whatever goes or comes meanwhile', () => {
    const ledger = new Ledger();
    const add = (from: number, to: number) => {
      for (let n = from; n < to; n++) ledger.addContainer(`c${n}`, red, n % 7 === 0 ? '' : `s${n % 5}`);
    };
    add(0, 100);
    const seen = new Set<string>();
    for (const { id } of ledger.objects('container')) {
      seen.add(id);
      for (let n = 0; n < 100; n += 3) ledger.removeContainer(`c${n}`);
      add(100, 130);
    }
    for (let n = 0; n < 100; n++) if (n % 3 !== 0) expect(seen).toContain(`c${n}`);
  });

  it('finds the owner of an id where it lies in a request, however many requests share its memory', () => {
    const ledger = new Ledger();
    const ids = Array.from({ length: 50 }, (_, n) => `${n}`.padStart(64, 'c0de'));
    ids.forEach((id, n) => {
      if (n % 2 === 0) ledger.addContainer(id, n % 4 === 0 ? red : blue, 's1');
    });
    ids.forEach((id, n) => {
      const request = Buffer.from(`..${id}.`);
      const expected = n % 2 === 0 ? (n % 4 === 0 ? red : blue) : undefined;
      expect(ledger.ownerOfBytes('container', request, 2, 66)).toBe(expected);
      expect(ledger.ownerOfBytes('container', request, 2, 65)).toBeUndefined();
      expect(ledger.ownerOfBytes('sandbox', request, 2, 66)).toBeUndefined();
    });
  });

  it('forgets the containers of a sandbox together with it', () => {
    const ledger = new Ledger();
    ledger.addSandbox('s1', red, 'uid');
    ledger.addContainer('c1', red, 's1');
    ledger.addContainer('c2', red, 's2');
    ledger.removeSandbox('s1');
    expect(ledger.ownerOf('container', 'c1')).toBeUndefined();
    expect(ledger.ownerOf('container', 'c2')).toBe(red);
    expect(ledger.count('container', red)).toBe(1);
    expect(ledger.count('sandbox')).toBe(0);
  });

  it('forgets what a full list does not show any more, but not what is younger than the list', () => {
    const ledger = new Ledger();
    ledger.addContainer('old', red, 's');
    const list = ledger.beginList();
    ledger.addContainer('young', red, 's');
    ledger.endList('container', red, list);
    expect(ledger.ownerOf('container', 'old')).toBeUndefined();
    expect(ledger.ownerOf('container', 'young')).toBe(red);
  });

  it('leaves other backends alone when it ends a full list', () => {
    const ledger = new Ledger();
    ledger.addContainer('c', blue, 's');
    const list = ledger.beginList();
    ledger.endList('container', red, list);
    expect(ledger.ownerOf('container', 'c')).toBe(blue);
  });

  it('forgets what a full list lacks even if the list shows something else twice', () => {
    const ledger = new Ledger();
    ledger.addContainer('gone', red, 's');
    ledger.addContainer('there', red, 's');
    const list = ledger.beginList();
    for (let times = 0; times < 2; times++) ledger.see('container', 'there', red, list, () => 's');
    ledger.endList('container', red, list);
    expect(ledger.ownerOf('container', 'gone')).toBeUndefined();
    expect(ledger.count('container', red)).toBe(1);
  });

  it('agrees with a plain model under any sequence of additions, removals and full lists', () => {
    const id = fc.constantFrom(...IDS);
    const backend = fc.constantFrom(red, blue);
    const step = fc.oneof(
      fc.record({ op: fc.constant('add' as const), id, backend }),
      fc.record({ op: fc.constant('remove' as const), id }),
      fc.record({ op: fc.constant('list' as const), backend, shown: fc.uniqueArray(id) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ledger = new Ledger();
        const model = new Map<string, Backend>();
        for (const one of steps) {
          switch (one.op) {
            case 'add':
              ledger.addContainer(one.id, one.backend, '');
              if (!model.has(one.id)) model.set(one.id, one.backend);
              break;
            case 'remove':
              ledger.removeContainer(one.id);
              model.delete(one.id);
              break;
            case 'list': {
              const list = ledger.beginList();
              for (const shown of one.shown) {
                const bytes = Buffer.from(`-${shown}`);
                const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
                const isItsOwn =
                  ledger.seeBytes('container', view, 1, bytes.length, one.backend, list) ??
                  ledger.see('container', shown, one.backend, list, () => '');
                expect(isItsOwn).toBe((model.get(shown) ?? one.backend) === one.backend);
              }
              ledger.endList('container', one.backend, list);
              for (const [known, owner] of model) {
                if (owner === one.backend && !one.shown.includes(known)) model.delete(known);
              }
              for (const shown of one.shown) if (!model.has(shown)) model.set(shown, one.backend);
              break;
            }
            default:
              one satisfies never;
          }
          for (const name of IDS) expect(ledger.ownerOf('container', name)).toBe(model.get(name));
          expect(ledger.count('container')).toBe(model.size);
          expect(ledger.count('container', red) + ledger.count('container', blue)).toBe(model.size);
        }
      }),
    );
  });
});
