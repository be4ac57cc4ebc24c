// `npm run check -- ...`: only what ends before any step runs.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Program } from './program.ts';

const script = fileURLToPath(new URL('../../../scripts/check.mjs', import.meta.url));

it('npm run check -- --help lists its steps and options', async () => {
  await using program = new Program(['--help'], { script });
  expect({ code: await program.ended, err: program.err }).toEqual({ code: 0, err: '' });
  expect(program.out).toContain('types, lint, dead-code, generated, build, tests');
  expect(program.out).toMatch(/--only STEP.*--without STEP.*--help/s);
});

it.each([
  [['--olny', 'lint'], "Unknown option '--olny'"],
  [['--only', 'lnt'], 'no step is named lnt; there are: types, lint, '],
  [['lint'], "Unexpected argument 'lint'"],
])('npm run check -- %j says what there is, and runs nothing', async (args, message) => {
  await using program = new Program(args, { script });
  expect({ code: await program.ended, out: program.out }).toEqual({ code: 2, out: '' });
  expect(program.err).toContain(message);
  expect(program.err).toContain('npm run check -- [--only STEP]');
});
