// How the built program is loaded: with the code that was kept at build time where it is sound, and without it
// everywhere else. Each test has a copy of the program of its own.
import { cp, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { Program } from './program.ts';

const DIST = fileURLToPath(new URL('../../../dist', import.meta.url));

/** Tells what V8 did with the chunks: preloaded, it prints a line on standard error at the end. */
const WATCHER = `const vm = require('node:vm');
let taken = 0, refused = 0, compiled = 0;
vm.Script = class extends vm.Script {
  constructor(code, options) {
    super(code, options);
    if (options.cachedData === undefined) compiled++;
    else if (this.cachedDataRejected) refused++;
    else taken++;
  }
};
process.on('exit', () => console.error(JSON.stringify({ taken, refused, compiled })));`;

/** Says where from a server is made: a stack trace of the program. */
const TRACER = `const net = require('node:net');
const { createServer } = net;
net.createServer = (...args) => {
  console.log(new Error('made').stack);
  return createServer(...args);
};`;

interface Copy {
  /** The folder of the code for the Node that runs the test. */
  readonly codeDir: string;
  /** Starts it with a config that holds, and a preloaded script; resolves when it serves. */
  serve(preloaded: string, options?: string): Promise<Program>;
  /** Starts it, after a line of script, lets it end, and returns what the watcher saw. */
  loadedCode(before?: string): Promise<{ taken: number; refused: number; compiled: number }>;
}

async function copyProgram(dir: TempDir): Promise<Copy> {
  await cp(DIST, dir.file('program'), { recursive: true });
  const code = dir.file('program/code-cache');
  const builds = await readdir(code);
  const build = builds.find((name) => name.startsWith(`${process.version}-${process.platform}-`));
  if (build === undefined) throw new Error('the program has no code for this Node: run npm run build');
  const config = dir.file('config.yaml');
  await writeFile(
    config,
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen: { socket: ${dir.file('cri.sock')} }
admin: { address: "unix://${dir.file('admin.sock')}" }
stateDir: ${dir.file('state')}
backends:
  - { name: only, endpoint: "unix://${dir.file('runtime.sock')}" }
`,
  );
  const copy: Copy = {
    codeDir: path.join(code, build),
    async serve(preloaded, options = '') {
      await writeFile(dir.file('preloaded.cjs'), preloaded);
      const program = new Program(['serve', '--config', config], {
        script: dir.file('program/main.js'),
        env: { NODE_OPTIONS: `--require ${dir.file('preloaded.cjs')} ${options}` },
      });
      await program.prints('serving metrics and health');
      return program;
    },
    async loadedCode(before = '') {
      await using program = await copy.serve(`${before}\n${WATCHER}`);
      program.signal('SIGTERM');
      expect(await program.ended).toBe(0);
      return JSON.parse(program.err.trim().split('\n').at(-1) ?? '');
    },
  };
  return copy;
}

describe('the built program', () => {
  it('runs the code that was kept for this Node, and compiles nothing of a start', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    const { taken, refused, compiled } = await copy.loadedCode();
    expect({ refused, compiled }).toEqual({ refused: 0, compiled: 0 });
    expect(taken).toBeGreaterThan(5);
  });

  it('starts without kept code, for a Node that has none', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    await rename(copy.codeDir, path.join(path.dirname(copy.codeDir), 'v99.0.0-linux-x64-1'));
    expect(await copy.loadedCode()).toEqual({ taken: 0, refused: 0, compiled: 0 });
  });

  it.each<[string, (code: Buffer) => Buffer]>([
    ['is damaged', (code) => code.fill(0, code.length - 500)],
    [
      'has one wrong bit',
      (code) => code.fill((code[code.length >> 1] ?? 0) ^ 1, code.length >> 1, (code.length >> 1) + 1),
    ],
    ['is cut short', (code) => code.subarray(0, code.length >> 1)],
    ['is empty', (code) => code.subarray(0, 0)],
  ])('compiles a chunk whose kept code %s', async (_, spoil) => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    for (const name of await readdir(copy.codeDir)) {
      const file = path.join(copy.codeDir, name);
      await writeFile(file, spoil(await readFile(file)));
    }
    expect(await copy.loadedCode()).toMatchObject({ taken: 0, refused: 0 });
  });

  it('runs a chunk that was edited by hand as it now is', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    for (const name of await readdir(dir.file('program/chunks'))) {
      const file = dir.file(`program/chunks/${name}`);
      const text = await readFile(file, 'latin1');
      await writeFile(file, text.replace('serving CRI', 'SERVING CRI'), 'latin1');
    }
    await using program = await copy.serve(WATCHER);
    expect(program.out).toContain('SERVING CRI');
  });

  it('lets V8 refuse code that was compiled with other flags', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    const { taken, refused } = await copy.loadedCode(`require('node:v8').setFlagsFromString('--max-lazy');`);
    expect(taken).toBe(0);
    expect(refused).toBeGreaterThan(5);
  });

  it('starts from a folder inside a project of ES modules', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    await writeFile(dir.file('package.json'), '{ "type": "module" }');
    expect(await copy.loadedCode()).toMatchObject({ refused: 0, compiled: 0 });
  });

  it('names files and columns of the chunks in stack traces', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    await using program = await copy.serve(TRACER);
    const [, file = '', line, column] = /at (?:async )?openDoor \((.+):(\d+):(\d+)\)/.exec(program.out) ?? [];
    const text = (await readFile(file, 'latin1')).split('\n')[Number(line) - 1]?.slice(Number(column) - 1);
    expect(text).toMatch(/^createServer\(/);
  });

  it('names lines of the sources in stack traces with --enable-source-maps', async () => {
    await using dir = await tempDir();
    const copy = await copyProgram(dir);
    await using program = await copy.serve(TRACER, '--enable-source-maps');
    expect(program.out).toMatch(/at (async )?openDoor \(.*src\/proxy\/listener\.ts:\d+:\d+\)/);
  });
});
