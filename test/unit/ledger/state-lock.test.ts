import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { lockState } from '../../../src/ledger/state-lock.ts';
import type { Order, Outcome } from '../../support/lock-contender.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';

const lock = (stateDir: string) => lockState(stateDir, systemClock);
const TAKEN = /another Switchyard already keeps its state in/;

describe('the lock of a state directory', () => {
  it('keeps a second one out until it is released', async () => {
    await using dir = await tempDir();
    const first = await lock(dir.file('state'));
    await expect(lock(dir.file('state'))).rejects.toThrow(TAKEN);
    first.release();
    const second = await lock(dir.file('state'));
    second.release();
    expect(readdirSync(dir.file('state'))).toEqual([]);
  });

  it('knows when it was removed with its directory, and can be taken again', async () => {
    await using dir = await tempDir();
    const first = await lock(dir.file('state'));
    expect(first.isThere()).toBe(true);
    rmSync(dir.file('state'), { recursive: true });
    expect(first.isThere()).toBe(false);
    const again = await lock(dir.file('state'));
    first.release();
    expect(again.isThere()).toBe(true);
    await expect(lock(dir.file('state'))).rejects.toThrow(TAKEN);
    again.release();
  });

  it('makes a directory for Switchyard alone, in one for all', async () => {
    await using dir = await tempDir();
    const { remarks, release } = await lock(dir.file('parent/state'));
    expect(statSync(dir.file('parent/state')).mode & 0o777).toBe(0o700);
    expect(statSync(dir.file('parent')).mode & 0o055).toBe(0o055);
    expect(remarks).toEqual([]);
    release();
  });

  it('holds by any path to the directory', async (context) => {
    await using dir = await tempDir();
    mkdirSync(dir.file('state'));
    mkdirSync(dir.file('mounted'));
    symlinkSync(dir.file('state'), dir.file('link'));
    const { release } = await lock(dir.file('state'));
    await expect(lock(dir.file('link'))).rejects.toThrow(TAKEN);
    try {
      execFileSync('mount', ['--bind', dir.file('state'), dir.file('mounted')], { stdio: 'pipe' });
    } catch (error) {
      release();
      return context.skip(`no bind mount can be made here: ${error}`);
    }
    try {
      await expect(lock(dir.file('mounted'))).rejects.toThrow(TAKEN);
    } finally {
      execFileSync('umount', [dir.file('mounted')]);
    }
    release();
  });

  it('holds where the path is longer than that of a socket may be', async () => {
    await using dir = await tempDir();
    const long = path.join(dir.path, 'd'.repeat(120), 'e'.repeat(120));
    const { release, remarks } = await lock(long);
    expect(remarks).toEqual([]);
    await expect(lock(long)).rejects.toThrow(TAKEN);
    release();
  });

  it('does not care about a name that any user can take', async () => {
    await using dir = await tempDir();
    const { dev, ino } = statSync(dir.path);
    const server = net.createServer().listen(`\0switchyard-state-${dev}-${ino}`);
    await once(server, 'listening');
    const { release, remarks } = await lock(dir.path);
    expect(remarks).toEqual([]);
    release();
    server.close();
  });

  it('is not kept out by what another user put into the directory', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root can give a file to another user');
    await using dir = await tempDir();
    const stateDir = dir.file('state');
    mkdirSync(stateDir);
    const name = path.join(stateDir, 'lock.0000000000000000');
    const server = net.createServer().listen(name);
    await once(server, 'listening');
    chmodSync(name, 0o700);
    chownSync(name, 65_534, 65_534);
    const { release } = await lock(stateDir);
    release();
    server.close();
  });

  it('is silent where nothing can be written, for then there is no journal to protect', async (context) => {
    const disk = await smallDisk(64 * 1024);
    if (typeof disk === 'string') return context.skip(disk);
    await using _disk = disk;
    mkdirSync(disk.file('state'));
    await disk.setWritable(false);
    for (const stateDir of [disk.file('state'), disk.file('missing')]) {
      const { release, remarks } = await lock(stateDir);
      expect(remarks).toEqual([]);
      release();
    }
    await disk.setWritable(true);
  });

  it('holds on a disk that is full', async (context) => {
    const disk = await smallDisk(64 * 1024);
    if (typeof disk === 'string') return context.skip(disk);
    await using _disk = disk;
    disk.fill();
    const { release, remarks } = await lock(disk.file('state'));
    expect(remarks).toEqual([]);
    await expect(lock(disk.file('state'))).rejects.toThrow(TAKEN);
    release();
  });
});

describe('the lock between processes', () => {
  const PROCESSES = 8;
  const ROUNDS = 60;
  let dir: TempDir;
  let script: string;
  let contenders: ChildProcess[];

  const start = () => fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ask = async (contender: ChildProcess, order: Order): Promise<Outcome> => {
    const answer = once(contender, 'message');
    contender.send(order);
    return (await answer)[0];
  };

  beforeAll(async () => {
    dir = await tempDir();
    script = dir.file('contender.cjs');
    const source = path.resolve(import.meta.dirname, '../../support/lock-contender.ts');
    await build({ entryPoints: [source], outfile: script, bundle: true, platform: 'node', format: 'cjs' });
    contenders = Array.from({ length: PROCESSES }, start);
  });

  afterAll(async () => {
    for (const contender of contenders) contender.kill('SIGKILL');
    await dir[Symbol.asyncDispose]();
  });

  it('goes to exactly one of those that want it at the same moment, also after kills', {
    timeout: 60_000,
  }, async () => {
    const stateDir = dir.file('state');
    for (let round = 0; round < ROUNDS; round++) {
      const outcomes = await Promise.all(contenders.map((contender) => ask(contender, { take: stateDir })));
      expect(outcomes.filter((outcome) => outcome === 'won').length, `round ${round}: ${outcomes}`).toBe(1);
      const at = outcomes.indexOf('won');
      const winner = contenders[at] as ChildProcess;
      if (round % 5 === 0) {
        const gone = once(winner, 'exit');
        winner.kill('SIGKILL');
        await gone;
        contenders[at] = start();
      } else expect(await ask(winner, 'release')).toBe('released');
    }
    // What the kills left went with the next that looked.
    expect(readdirSync(stateDir).length).toBeLessThanOrEqual(1);
  });

  it('stays with a process that is stopped', async () => {
    const stateDir = dir.file('stopped');
    const [first, second] = contenders as [ChildProcess, ChildProcess];
    expect(await ask(first, { take: stateDir })).toBe('won');
    first.kill('SIGSTOP');
    expect(await ask(second, { take: stateDir })).toBe('lost');
    first.kill('SIGCONT');
    expect(await ask(first, 'release')).toBe('released');
    expect(await ask(second, { take: stateDir })).toBe('won');
  });
});
