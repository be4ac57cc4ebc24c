// A short run of the fuzzers with seeds that stay the same, and the inputs that once showed something (corpus/NAME.txt: a
// line of hex each, behind a line that says what it is). `npm run fuzz` looks for new ones.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';
import { smallest } from './smallest.ts';
import { TARGETS } from './targets.ts';

const INPUTS = 400;

/** The inputs of a corpus with what they are. */
function corpusOf(name: string): { what: string; input: Buffer }[] {
  const file = new URL(`corpus/${name}.txt`, import.meta.url);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, index) =>
    line === '' || line.startsWith('#')
      ? []
      : [{ what: lines[index - 1]?.slice(2) ?? '', input: Buffer.from(line, 'hex') }],
  );
}

describe.each(TARGETS)('the fuzzer of $name', (target) => {
  it(`finds nothing in ${INPUTS} random inputs`, async () => {
    for (let seed = 1; seed <= INPUTS; seed++) {
      const input = target.make(new Random(seed));
      try {
        await target.check(input);
      } catch (cause) {
        throw new Error(`npm run fuzz -- --only ${target.name} --seed ${seed} --inputs 1`, { cause });
      }
    }
  });

  it('makes the same input of the same seed', () => {
    expect(target.make(new Random(7))).toEqual(target.make(new Random(7)));
  });

  it.each(corpusOf(target.name))('finds nothing in $what', async ({ input }) => {
    await target.check(input);
  });

  it('takes any bytes at all as an input', async () => {
    const random = new Random(1);
    for (let size = 0; size < 100; size++) await target.check(random.bytes(size));
  });
});

describe('an input that shows a fault', () => {
  it('is made as small as the fault allows', async () => {
    const isFaulty = (bytes: Buffer) => Promise.resolve(bytes.includes(7) && bytes.includes(9));
    const input = Buffer.from([1, 2, 7, 3, 4, 5, 9, 6]);
    expect([...(await smallest(input, isFaulty))]).toEqual([7, 9]);
  });
});
