// Everything that two backends and their clients can do, written down and read again after a kill at any moment: what is
// on record must be what was known.
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { LedgerWorld, ledgerStep } from '../../support/ledger-world.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('a ledger journal', () => {
  it('has on record what was known, and no list that is shorter than that, when it is killed at any moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ledgerStep, { maxLength: 80, size: 'max' }), async (steps) => {
        await using dir = await tempDir();
        const world = new LedgerWorld(dir);
        await world.start();
        for (const each of steps) await world.step(each);
        await world.check();
        await world.journal.close();
      }),
      { numRuns: 100 },
    );
  });
});
