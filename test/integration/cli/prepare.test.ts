// scripts/prepare.mjs and scripts/start.mjs in a project of their own, with npm and the build made up.
import { chmod, copyFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { Program } from './program.ts';

const SCRIPTS = fileURLToPath(new URL('../../../scripts', import.meta.url));
const LOCK = JSON.stringify({
  packages: {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-o', optional: true },
  },
});
const INSTALLED = JSON.stringify({
  packages: { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } },
});
/** Later files are newer: each write in a test gets a time of its own. */
let timeSeconds = 0;

beforeEach(() => {
  timeSeconds = 1_700_000_000;
});

/** A project that wants nothing: installed and built. */
async function project(): Promise<TempDir> {
  const dir = await tempDir();
  for (const folder of ['scripts', 'src/deep', 'proto', 'node_modules', 'dist', 'bin']) {
    await mkdir(dir.file(folder), { recursive: true });
  }
  for (const script of ['prepare.mjs', 'start.mjs', 'sources.mjs']) {
    await copyFile(path.join(SCRIPTS, script), dir.file(`scripts/${script}`));
    await touch(dir, `scripts/${script}`);
  }
  await write(dir, 'package.json', JSON.stringify({ type: 'module', engines: { node: '>=20.19' } }));
  await write(dir, 'package-lock.json', LOCK);
  await write(dir, 'src/deep/a.ts', '');
  // What stands in for npm and the build says that it ran, and does what the real one leaves behind.
  await write(
    dir,
    'bin/npm',
    `#!/bin/sh\necho "npm $*"\ncp "${dir.file('installed.json')}" node_modules/.package-lock.json\n`,
  );
  await chmod(dir.file('bin/npm'), 0o755);
  await write(dir, 'installed.json', INSTALLED);
  await write(
    dir,
    'scripts/build.mjs',
    `import { mkdirSync, writeFileSync } from 'node:fs';
console.log('build ran');
mkdirSync('dist', { recursive: true });
writeFileSync('dist/main.js', ${JSON.stringify(MAIN)});
`,
  );
  for (const folder of ['src/deep', 'src', 'proto']) await touch(dir, folder);
  await write(dir, 'node_modules/.package-lock.json', INSTALLED);
  await write(dir, 'dist/main.js', MAIN);
  return dir;
}

/** The program: tells its arguments, waits for a signal when asked to, and ends with the code it is told. */
const MAIN = `if (process.argv.includes('--wait')) {
  const alive = setInterval(() => {}, 1_000);
  process.on('SIGTERM', () => { console.log('stopped'); clearInterval(alive); });
} else process.exitCode = 7;
console.log('main', JSON.stringify(process.argv.slice(2)));
`;

async function write(dir: TempDir, name: string, text: string): Promise<void> {
  await writeFile(dir.file(name), text);
  await touch(dir, name);
}

async function touch(dir: TempDir, name: string): Promise<void> {
  timeSeconds += 10;
  await utimes(dir.file(name), timeSeconds, timeSeconds);
}

function run(dir: TempDir, script: string, args: readonly string[] = []): Program {
  const env = { PATH: `${dir.file('bin')}:${process.env['PATH'] ?? ''}`, npm_execpath: '' };
  return new Program(args, { script: dir.file(`scripts/${script}`), env });
}

async function prepare(dir: TempDir): Promise<{ ending: number | string; said: string[]; ran: string[] }> {
  await using program = run(dir, 'prepare.mjs');
  const ending = await program.ended;
  const lines = program.err.split('\n').filter((line) => line !== '');
  return {
    ending,
    said: lines.filter((line) => line.startsWith('prepare: ')).map((line) => line.slice('prepare: '.length)),
    ran: lines.filter((line) => line === 'build ran' || line.startsWith('npm ')),
  };
}

const CI = 'npm ci --no-audit --no-fund';

describe('prepare', () => {
  it('does and says nothing when all is there', async () => {
    await using dir = await project();
    expect(await prepare(dir)).toEqual({ ending: 0, said: [], ran: [] });
  });

  it('installs and builds in a fresh clone, and not again the second time', async () => {
    await using dir = await project();
    await rm(dir.file('node_modules/.package-lock.json'));
    await rm(dir.file('dist'), { recursive: true });
    expect(await prepare(dir)).toEqual({
      ending: 0,
      said: [
        'installing the dependencies with npm ci, because node_modules is missing',
        'building dist/main.js, because it is missing',
      ],
      ran: [CI, 'build ran'],
    });
    expect(await prepare(dir)).toEqual({ ending: 0, said: [], ran: [] });
  });

  it('installs when the lock file is newer and says something else than what is installed', async () => {
    await using dir = await project();
    await write(dir, 'package-lock.json', LOCK.replaceAll('1.0.0', '1.1.0'));
    await touch(dir, 'dist/main.js');
    expect(await prepare(dir)).toEqual({
      ending: 0,
      said: ['installing the dependencies with npm ci, because package-lock.json is newer than node_modules'],
      ran: [CI],
    });
  });

  it('installs when a package is no longer in the lock file', async () => {
    await using dir = await project();
    await write(dir, 'package-lock.json', JSON.stringify({ packages: { '': {} } }));
    await touch(dir, 'dist/main.js');
    expect((await prepare(dir)).ran).toEqual([CI]);
  });

  it('does not install when the lock file was only written anew', async () => {
    await using dir = await project();
    await touch(dir, 'package-lock.json');
    await touch(dir, 'dist/main.js');
    expect(await prepare(dir)).toEqual({ ending: 0, said: [], ran: [] });
  });

  it.each(['src/deep/a.ts', 'proto', 'package.json', 'scripts/build.mjs'])(
    'builds when %s is newer than the program',
    async (name) => {
      await using dir = await project();
      await touch(dir, name);
      expect(await prepare(dir)).toEqual({
        ending: 0,
        said: [`building dist/main.js, because ${name} is newer`],
        ran: ['build ran'],
      });
    },
  );

  it('stops with exit code 1 when the build fails', async () => {
    await using dir = await project();
    await write(dir, 'scripts/build.mjs', 'process.exit(3);');
    expect(await prepare(dir)).toMatchObject({
      ending: 1,
      said: [expect.stringContaining('building'), 'the build failed'],
    });
  });

  it('stops with exit code 1 when npm fails, and does not build', async () => {
    await using dir = await project();
    await rm(dir.file('node_modules/.package-lock.json'));
    await rm(dir.file('dist/main.js'));
    await writeFile(dir.file('bin/npm'), '#!/bin/sh\nexit 1\n');
    expect(await prepare(dir)).toMatchObject({
      ending: 1,
      ran: [],
      said: [expect.any(String), 'npm ci failed'],
    });
  });

  it('refuses a Node that is too old, and says which is wanted', async () => {
    await using dir = await project();
    await write(dir, 'package.json', JSON.stringify({ type: 'module', engines: { node: '>=999.1' } }));
    const { ending, said } = await prepare(dir);
    expect(ending).toBe(1);
    expect(said).toEqual([`Switchyard needs Node 999.1 or newer, and this is Node ${process.versions.node}`]);
  });
});

describe('start', () => {
  it('runs serve --discover with the arguments it was given, and ends with its exit code', async () => {
    await using dir = await project();
    await using program = run(dir, 'start.mjs', ['--config', 'a file', '--once']);
    expect(await program.ended).toBe(7);
    expect(program.out).toBe('main ["serve","--discover","--config","a file","--once"]\n');
  });

  it('prepares first, with nothing of that on standard output', async () => {
    await using dir = await project();
    await rm(dir.file('dist/main.js'));
    await using program = run(dir, 'start.mjs');
    expect(await program.ended).toBe(7);
    expect(program.out).toBe('main ["serve","--discover"]\n');
    expect(await readFile(dir.file('dist/main.js'), 'utf8')).toBe(MAIN);
  });

  it('lets a signal reach the program', async () => {
    await using dir = await project();
    await using program = run(dir, 'start.mjs', ['--wait']);
    await program.prints('main ');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.out).toContain('stopped');
  });

  it('starts anew with --watch when a source changes, and ends with a signal', async () => {
    await using dir = await project();
    await using program = run(dir, 'start.mjs', ['--watch', '--wait']);
    await program.prints('main ');
    program.out = '';
    await writeFile(dir.file('src/deep/b.ts'), '');
    await program.prints('stopped');
    await program.prints('main ["serve","--discover","--wait"]');
    expect(program.err).toContain('building dist/main.js, because src/deep/b.ts is newer');
    program.out = '';
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.out).toContain('stopped');
  });
});
