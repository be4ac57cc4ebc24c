import { statSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { makeDirectory } from '../../src/made-directory.ts';
import { tempDir } from '../support/temp-dir.ts';

it('makes a directory with all above it, with the mode, and leaves one that is there alone', async () => {
  await using dir = await tempDir();
  makeDirectory(dir.file('a/b/c'), 0o700);
  makeDirectory(dir.file('a/b/c'), 0o755);
  expect(statSync(dir.file('a/b/c')).mode & 0o777).toBe(0o700);
});

it('gives up where the kernel makes no directories, instead of trying for ever', () => {
  expect(() => makeDirectory('/proc/x/state')).toThrow(/'\/proc\/x'/);
});

it('names what is in the way', async () => {
  await using dir = await tempDir();
  await writeFile(dir.file('file'), '');
  await symlink('nowhere', dir.file('link'));
  expect(() => makeDirectory(dir.file('file'))).toThrow(`${dir.file('file')} is not a directory`);
  expect(() => makeDirectory(dir.file('file/below/it'))).toThrow(`${dir.file('file')} is not a directory`);
  expect(() => makeDirectory(dir.file('link/below'))).toThrow(`${dir.file('link')} is not a directory`);
});
