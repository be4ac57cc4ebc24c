import { copyFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Journal } from '../../../src/ledger/journal.ts';
import type { JournalOptions } from '../../../src/ledger/journal-options.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { liveEntries, mapEntry, mapOf } from '../../support/journal-map.ts';
import { tempDir } from '../../support/temp-dir.ts';

type Step =
  | { readonly kind: 'set' | 'delete'; readonly key: string; readonly value: [digit: number, times: number] }
  | { readonly kind: 'flush' | 'turn' | 'compact' | 'settle' | 'kill' | 'restart' };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
/** A digit, how often it is repeated: some are as long as the chunks in which a new file is written. */
const value = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(1, 1, 1, 1, 20, 100_000));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('set' as const, 'delete' as const), key, value }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...(['flush', 'turn', 'turn', 'compact', 'settle', 'kill', 'kill', 'restart'] as const),
      ),
    }),
  },
);

describe('a journal', () => {
  it('holds all that was flushed and nothing that never was, when it is killed at any moment of a compaction', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
        await using dir = await tempDir();
        const options = (file: string): JournalOptions => ({
          file,
          clock: new FakeClock(),
          smallBytes: 200,
          onTrouble: (reason) => expect.fail(reason),
          onRecovered: () => expect.fail('there was no trouble'),
          onRemark: (remark) => expect.fail(remark),
        });
        const file = dir.file('journal');
        const map = new Map<string, string>();
        /** What each key may be after a kill: what was flushed last, and what it became since. */
        let possible = new Map<string, Set<string | undefined>>();
        const settleAll = () => {
          possible = new Map([...'abcde'].map((each) => [each, new Set([map.get(each)])]));
        };
        const put = (of: string, to: string | undefined) => {
          if (to === undefined) map.delete(of);
          else map.set(of, to);
          possible.get(of)?.add(to);
          journal.append(mapEntry(of, to));
        };
        const check = (found: ReadonlyMap<string, string>) => {
          for (const [each, values] of possible) expect(values.has(found.get(each))).toBe(true);
        };
        settleAll();
        let { journal } = Journal.open(options(file));
        journal.attach(() => liveEntries(map));
        for (const each of steps) {
          switch (each.kind) {
            case 'set':
              put(each.key, `${each.value[0]}`.repeat(each.value[1]));
              break;
            case 'delete':
              put(each.key, undefined);
              break;
            case 'flush':
              journal.flush();
              settleAll();
              break;
            case 'turn':
              await nextTurn();
              settleAll();
              break;
            case 'compact':
              void journal.compact();
              break;
            case 'settle':
              await journal.compact();
              break;
            case 'kill': {
              const copy = dir.file('copy');
              copyFileSync(file, copy);
              const { reading } = Journal.open(options(copy));
              expect(reading.remarks).toEqual([]);
              check(mapOf(reading.entries));
              break;
            }
            case 'restart': {
              await journal.close();
              settleAll();
              const opened = Journal.open(options(file));
              check(mapOf(opened.reading.entries));
              journal = opened.journal;
              journal.attach(() => liveEntries(map));
              break;
            }
          }
        }
        await journal.close();
        settleAll();
        const { reading } = Journal.open(options(file));
        expect(mapOf(reading.entries).size).toBe(map.size);
        check(mapOf(reading.entries));
      }),
      { numRuns: 60 },
    );
  });
});
