import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { checkMachine, thisMachine } from '../../../src/config/machine-checks.ts';
import { prepareStateDirectory } from '../../../src/ledger/state-directory.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** What `check` says of a config on this machine, without its places. */
function check(more: object): { isGood: boolean; said: string[] } {
  const config = {
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'SwitchyardConfiguration',
    backends: [{ name: 'b', endpoint: `unix:///nowhere/b.sock`, default: true }],
    ...more,
  };
  const loaded = loadConfig(JSON.stringify(config), 'c.yaml', {
    checkMachine: (file) => checkMachine(file, thisMachine),
  });
  const problems = 'config' in loaded ? loaded.warnings : loaded.problems;
  return {
    isGood: 'config' in loaded,
    said: problems.map(({ message, hint }) => `${message}. ${hint}`),
  };
}

const said = (stateDir: string) => {
  const { isGood, said: all } = check({ stateDir });
  return { isGood, said: all.filter((each) => each.startsWith('stateDir')) };
};

describe('a state directory on this machine', () => {
  it('is refused where the start refuses it, in the same words, because users share it', async () => {
    await using dir = await tempDir();
    const shared = dir.file('shared');
    mkdirSync(shared);
    for (const mode of [0o700, 0o777, 0o1700, 0o1755, 0o1775, 0o1777]) {
      chmodSync(shared, mode);
      let refusal: string | undefined;
      try {
        prepareStateDirectory(shared);
      } catch (error) {
        refusal = (error as Error).message;
      }
      const found = said(shared);
      expect(found.isGood).toBe(refusal === undefined);
      const [words = ''] = found.said;
      if (refusal === undefined) expect(words).toBe('');
      else expect(refusal).toContain(words.slice('stateDir '.length, words.indexOf('. Give stateDir')));
    }
    expect(said(`${shared}/switchyard`)).toEqual({ isGood: true, said: [] });
  });

  it('is warned of on a read-only disk, also when it is not there yet', async (context) => {
    const disk = await smallDisk(1024 * 1024);
    if (typeof disk === 'string') return context.skip(disk);
    await using _disk = disk;
    mkdirSync(disk.file('state'));
    expect(said(disk.file('state'))).toEqual({ isGood: true, said: [] });
    await disk.setWritable(false);
    for (const name of ['state', 'new/state']) {
      expect(said(disk.file(name))).toEqual({
        isGood: true,
        said: [
          'stateDir is on a read-only file system, so nothing outlives a restart of Switchyard. Write /var/lib/switchyard',
        ],
      });
    }
  });

  it.each(['/proc/1/foo', '/proc/foo', '/sys/foo'])('is warned of at %s', (stateDir) => {
    expect(said(stateDir)).toEqual({
      isGood: true,
      said: [expect.stringContaining("stateDir is on a file system of the kernel's own")],
    });
  });

  it('is refused as a link to nothing, and below one', async () => {
    await using dir = await tempDir();
    symlinkSync('/nowhere/at-all', dir.file('link'));
    expect(said(dir.file('link'))).toEqual({
      isGood: false,
      said: ['stateDir is a link to nothing, not a directory. Write /var/lib/switchyard'],
    });
    expect(said(dir.file('link/state')).said).toEqual([
      `stateDir lies below ${dir.file('link')}, which is a link to nothing. Write /var/lib/switchyard`,
    ]);
  });
});

it('says of an image endpoint that is not there that images fail, not lists of pods', async () => {
  await using dir = await tempDir();
  const backend = { name: 'b', endpoint: 'unix:///nowhere/b.sock', imageEndpoint: 'unix:///nowhere/i.sock' };
  const { said: all } = check({ stateDir: dir.file('state'), backends: [{ ...backend, default: true }] });
  expect(all).toEqual([
    'the endpoint of backend b: this machine has no /nowhere/b.sock. Start its runtime or name the right socket: until each backend has been listed once, every list of pods fails',
    'the imageEndpoint of backend b: this machine has no /nowhere/i.sock. Start its image service or name the right socket: until it answers, calls for images of this backend fail',
  ]);
});
