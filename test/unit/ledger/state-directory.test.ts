import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StartError } from '../../../src/errors.ts';
import { prepareStateDirectory } from '../../../src/ledger/state-directory.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Makes a directory with a mode and files. */
function make(directory: string, mode: number, ...names: string[]): string {
  mkdirSync(directory);
  for (const name of names) writeFileSync(`${directory}/${name}`, '');
  chmodSync(directory, mode);
  return directory;
}

function modeOf(directory: string): number {
  return statSync(directory).mode & 0o7777;
}

describe('the state directory', () => {
  it('is made for its owner alone, in directories that are for all', async () => {
    await using dir = await tempDir();
    expect(prepareStateDirectory(dir.file('parent/state'))).toEqual([]);
    expect(modeOf(dir.file('parent/state'))).toBe(0o700);
    expect(modeOf(dir.file('parent')) & 0o055).toBe(0o055);
  });

  it.each([
    ['nothing', []],
    ["Switchyard's own files", ['journal', 'journal.new', 'journal.damaged-2026', 'lock.0123456789abcdef']],
  ])('is closed to others when it holds %s', async (_, names) => {
    await using dir = await tempDir();
    const stateDir = make(dir.file('state'), 0o755, ...names);
    expect(prepareStateDirectory(stateDir)).toEqual([]);
    expect(modeOf(stateDir)).toBe(0o700);
  });

  it('says so when others could write in it until then', async () => {
    await using dir = await tempDir();
    const stateDir = make(dir.file('state'), 0o777);
    expect(prepareStateDirectory(stateDir)).toEqual([
      `others could write in ${stateDir} (mode 0777) until now; its mode is 0700 now`,
    ]);
    expect(modeOf(stateDir)).toBe(0o700);
  });

  it('keeps its mode when it holds what is not ours, such as a socket that clients must reach', async () => {
    await using dir = await tempDir();
    const stateDir = make(dir.file('state'), 0o755, 'cri.sock');
    expect(prepareStateDirectory(stateDir)).toEqual([]);
    expect(modeOf(stateDir)).toBe(0o755);
    chmodSync(stateDir, 0o775);
    expect(prepareStateDirectory(stateDir)).toEqual([
      `others may write in ${stateDir} (mode 0775), so they can take its files away or put theirs there; give Switchyard a stateDir of its own, with mode 0700`,
    ]);
    expect(modeOf(stateDir)).toBe(0o775);
  });

  it('is refused, and left as it is, when users share it as they do /tmp', async () => {
    await using dir = await tempDir();
    const shared = make(dir.file('tmp'), 0o1777);
    symlinkSync(shared, dir.file('link'));
    for (const stateDir of [shared, dir.file('link')]) {
      expect(() => prepareStateDirectory(stateDir)).toThrow(StartError);
      expect(() => prepareStateDirectory(stateDir)).toThrow(
        `the state directory ${stateDir} is shared with other users (mode 1777)`,
      );
    }
    expect(modeOf(shared)).toBe(0o1777);
    expect(prepareStateDirectory(`${shared}/switchyard`)).toEqual([]);
  });

  it('is used as it is, with a word, when it belongs to another user', async (context) => {
    if (process.geteuid?.() !== 0) return context.skip('only root can give a file to another user');
    await using dir = await tempDir();
    const stateDir = make(dir.file('state'), 0o755);
    chownSync(stateDir, 65_534, 65_534);
    expect(prepareStateDirectory(stateDir)).toEqual([
      `${stateDir} belongs to uid 65534, who can take its files away; give it to Switchyard alone: chown 0 ${stateDir}`,
    ]);
    expect(modeOf(stateDir)).toBe(0o755);
  });
});
