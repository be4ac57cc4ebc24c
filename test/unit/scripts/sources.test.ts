// The stamp by which tests know that dist/ is of the present sources.
import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { STAMP_FILE, stampOfSources } from '../../../scripts/sources.mjs';
import { whyNoProgram, whyOld } from '../../support/built-program.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';

/** A project that was built from the sources that it has. */
async function builtProject(): Promise<TempDir> {
  const dir = await tempDir();
  for (const each of ['src/deep', 'proto', 'dist']) await mkdir(dir.file(each), { recursive: true });
  for (const each of ['src/main.ts', 'src/deep/a.ts', 'proto/api.proto', 'package.json'])
    await writeFile(dir.file(each), each);
  await writeFile(dir.file('dist/main.js'), '');
  await writeFile(dir.file(STAMP_FILE), `${stampOfSources(dir.path)}\n`);
  return dir;
}

const OLD = 'dist/main.js was not built from the present sources: run npm run build';

it('a program is of its sources whenever they were written, and whatever else is beside them', async () => {
  await using dir = await builtProject();
  expect([whyNoProgram(dir.path), whyOld(dir.path)]).toEqual([undefined, undefined]);
  await utimes(dir.file('src/main.ts'), 1_900_000_000, 1_900_000_000);
  await writeFile(dir.file('README.md'), 'words');
  expect(whyOld(dir.path)).toBeUndefined();
});

it.each<[string, (dir: TempDir) => Promise<void>]>([
  ['one has changed', (dir) => writeFile(dir.file('src/deep/a.ts'), 'other')],
  ['one has changed in size alone', (dir) => writeFile(dir.file('src/deep/a.ts'), 'src/deep/a.ts ')],
  ['one has come', (dir) => writeFile(dir.file('proto/new.proto'), '')],
  ['one has gone', (dir) => rm(dir.file('src/deep/a.ts'))],
  ['one has another name', (dir) => rename(dir.file('src/deep/a.ts'), dir.file('src/deep/b.ts'))],
  ['the version has changed', (dir) => writeFile(dir.file('package.json'), '{}')],
  ['nobody knows from what it was built', (dir) => rm(dir.file(STAMP_FILE))],
])('a program is not of its sources when %s', async (_, change) => {
  await using dir = await builtProject();
  await change(dir);
  expect(whyOld(dir.path)).toBe(OLD);
});

it('a program that is missing is not there', async () => {
  await using dir = await builtProject();
  await rm(dir.file('dist/main.js'));
  expect(whyNoProgram(dir.path)).toBe('dist/main.js is missing: run npm run build');
});
