// Journals as the program writes them, with damage at random: whatever became of the file, a start does not fail, names
// no owner that an id never had, and uses no list that is shorter than the truth. The same holds for the start after it.
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { decodeJournal } from '../../../src/ledger/journal-content.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { damaged, damages } from '../../support/journal-damage.ts';
import { formatOneFile } from '../../support/journal-format-one.ts';
import { LIST, OBJECTS, statesIn } from '../../support/ledger-thing.ts';
import { LedgerWorld, ledgerStep, NAMES } from '../../support/ledger-world.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Worlds, each with a journal that is damaged in twenty ways; SWITCHYARD_DAMAGED_WORLDS makes it more. */
const WORLDS = Number(process.env['SWITCHYARD_DAMAGED_WORLDS'] ?? 30);
const DAMAGES = 20;

type Opened = Awaited<ReturnType<LedgerWorld['open']>>;

/** Counts the lists that were used, so that it is known that the check is one. */
let usedLists = 0;

function check(world: LedgerWorld, { state, snapshots }: Opened): void {
  for (const object of OBJECTS) {
    const known = [...world.ledger.objects(object)];
    const recorded = object === 'sandbox' ? state.sandboxes : state.containers;
    for (const [id, { backend }] of recorded) expect(world.places).toContain(world.placeOf(id, backend));
    for (const name of NAMES) {
      expect(snapshots.get(name)?.isPatchable(LIST[object])).toBe(false);
      const listed = statesIn(object, snapshots.get(name));
      if (listed === undefined) continue;
      usedLists++;
      const ids = known.filter(({ backend }) => backend.name === name).map(({ id }) => id);
      expect(new Set(listed.keys())).toEqual(new Set(ids));
      if (!world.surprises.has(name)) expect(listed).toEqual(statesIn(object, world.snapshots.get(name)));
    }
  }
  for (const [uid, backend] of state.pins) expect(world.places).toContain(world.placeOf(uid, backend));
}

/** Starts on a file, ends, and starts again. */
async function startTwice(world: LedgerWorld, file: string): Promise<void> {
  const first = await world.open(file);
  check(world, first);
  const ledger = new Ledger();
  const backendOf = (name: string) => world.backends.get(name) as Backend;
  for (const [id, { backend, parent }] of first.state.sandboxes)
    ledger.addSandbox(id, backendOf(backend), parent);
  for (const [id, { backend, parent }] of first.state.containers)
    ledger.addContainer(id, backendOf(backend), parent);
  first.ledgerJournal.attach(ledger);
  await first.ledgerJournal.close();
  const second = await world.open(file);
  expect(second.state.remarks).toEqual([]);
  check(world, second);
}

async function someWorld(steps: readonly (typeof ledgerStep extends fc.Arbitrary<infer S> ? S : never)[]) {
  const dir = await tempDir();
  const world = new LedgerWorld(dir);
  await world.start();
  for (const each of steps) await world.step(each);
  world.journal.flush();
  return { world, dir, bytes: readFileSync(dir.file('journal')) };
}

describe('a start on a damaged journal', () => {
  it(`never fails, and uses no wrong owner and no short list, in ${WORLDS * DAMAGES} cases`, async () => {
    const ways = fc.array(damages, { minLength: DAMAGES, maxLength: DAMAGES });
    const life = fc.array(ledgerStep, { maxLength: 80, size: 'max' });
    usedLists = 0;
    await fc.assert(
      fc.asyncProperty(life, ways, async (steps, each) => {
        const { world, dir, bytes } = await someWorld(steps);
        await using _dir = dir;
        for (const way of each) {
          await using own = await tempDir();
          writeFileSync(own.file('journal'), damaged(bytes, way), { mode: 0o600 });
          await startTwice(world, own.file('journal'));
        }
        await world.journal.close();
      }),
      { numRuns: WORLDS },
    );
    expect(usedLists).toBeGreaterThan(WORLDS);
  });

  it('takes no backend that has another socket since for the one whose objects are on record', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(ledgerStep, { maxLength: 40, size: 'max' }),
        fc.array(damages, { minLength: DAMAGES, maxLength: DAMAGES }),
        async (steps, each) => {
          const { world, dir, bytes } = await someWorld(steps);
          await using _dir = dir;
          for (const name of NAMES) world.sockets.set(name, '/run/never-seen.sock');
          for (const way of each) {
            await using own = await tempDir();
            writeFileSync(own.file('journal'), damaged(bytes, way), { mode: 0o600 });
            const { state, snapshots } = await world.open(own.file('journal'));
            expect([state.sandboxes.size, state.containers.size, state.pins.size]).toEqual([0, 0, 0]);
            for (const name of NAMES) expect(snapshots.get(name)?.has('ListPodSandbox')).toBe(false);
          }
          await world.journal.close();
        },
      ),
      { numRuns: Math.ceil(WORLDS / 3) },
    );
  });

  it('holds for flipped bits in journals of the format before', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })), {
      minLength: 1,
      maxLength: 3,
    });
    const ways = fc.array(flips, { minLength: DAMAGES, maxLength: DAMAGES });
    const life = fc.array(ledgerStep, { maxLength: 80, size: 'max' });
    await fc.assert(
      fc.asyncProperty(life, ways, async (steps, each) => {
        const { world, dir, bytes } = await someWorld(steps);
        await using _dir = dir;
        const content = decodeJournal(bytes);
        const old = formatOneFile(content.kind === 'journal' ? content.entries : []);
        for (const way of [[], ...each]) {
          await using own = await tempDir();
          const flipped = Buffer.from(old);
          for (const [pick, bit] of way) {
            const at = pick % flipped.length;
            flipped.writeUInt8((flipped[at] ?? 0) ^ (1 << bit), at);
          }
          writeFileSync(own.file('journal'), flipped, { mode: 0o600 });
          await startTwice(world, own.file('journal'));
        }
        await world.journal.close();
      }),
      { numRuns: Math.ceil(WORLDS / 3) },
    );
  });
});
