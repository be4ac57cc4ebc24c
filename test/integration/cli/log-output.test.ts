// The log of the built program on disks that are full and for readers that are slow or gone: it loses lines, counts
// them, and never holds up a call or the end of the process.
import { closeSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { CriClient } from '../../support/cri-client.ts';
import { Fifo } from '../../support/fifo.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { Program, type ProgramOptions } from './program.ts';

/** A program that serves, with a client of it; what it logs goes where the options say. */
class Stage implements AsyncDisposable {
  readonly program: Program;
  readonly client: CriClient;
  private readonly dir: TempDir;

  private constructor(dir: TempDir, program: Program) {
    this.dir = dir;
    this.program = program;
    this.client = new CriClient(dir.file('cri.sock'));
  }

  static async start(dir: TempDir, format: 'json' | 'pretty', options: ProgramOptions): Promise<Stage> {
    const config = dir.file('config.yaml');
    await writeFile(
      config,
      `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen: { socket: ${dir.file('cri.sock')} }
admin: { address: "unix://${dir.file('admin.sock')}" }
stateDir: ${dir.file('state')}
log: { format: ${format} }
backends:
  - { name: only, endpoint: "unix://${dir.file('runtime.sock')}", default: true }
`,
    );
    const stage = new Stage(dir, new Program(['serve', '--config', config], options));
    const { program } = stage;
    await until(async () => program.ending !== undefined || (await stage.isLive()), 'the admin side answers');
    if (program.ending !== undefined) throw new Error(`it ended with ${program.ending}: ${program.err}`);
    return stage;
  }

  /** Makes it log `count` lines of some 0.8 KB, each through a call that it refuses; each must be answered. */
  async logLines(count: number): Promise<void> {
    const filler = 'x'.repeat(900);
    for (let i = 0; i < count; i++) {
      const metadata = { name: filler, namespace: filler, uid: `u-${i}` };
      const call = this.client.call('RunPodSandbox', { config: { metadata }, runtimeHandler: 'none' });
      await expect(call).rejects.toThrow('none');
    }
  }

  private isLive(): Promise<boolean> {
    return get(this.dir.file('admin.sock'), '/livez').then(
      () => true,
      () => false,
    );
  }

  async droppedLines(): Promise<number> {
    const page = await get(this.dir.file('admin.sock'), '/metrics');
    return Number(/^switchyard_log_lines_dropped_total (\d+)$/m.exec(page)?.[1]);
  }

  /** SIGTERM; returns the exit code and how long the end took. */
  async stop(): Promise<{ code: number | string; tookMs: number }> {
    const fromMs = performance.now();
    this.program.signal('SIGTERM');
    const code = await this.program.ended;
    return { code, tookMs: performance.now() - fromMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.program[Symbol.asyncDispose]();
  }
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path }, async (response) => {
      let text = '';
      for await (const part of response.setEncoding('utf8')) text += part;
      resolve(text);
    });
    request.once('error', reject);
  });
}

interface LogLine {
  readonly msg: string;
  readonly lines?: number;
  readonly since?: string;
  readonly reason?: string;
  readonly pod?: { readonly uid: string };
}

/** Every line of a log; throws when one is not whole. */
const parsed = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const lossOf = (text: string) => parsed(text).find((line) => line.msg === 'lines of the log were lost');

describe('the log', () => {
  for (const format of ['json', 'pretty'] as const) {
    it(`loses its lines and nothing else when its disk is full: ${format}`, async () => {
      await using dir = await tempDir();
      const full = openSync('/dev/full', 'w');
      await using stage = await Stage.start(dir, format, { stdout: full });
      closeSync(full);
      await stage.logLines(150);
      expect(await stage.droppedLines()).toBeGreaterThan(10);
      expect(stage.program.err).toBe('');
      const { code, tookMs } = await stage.stop();
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(5_000);
    });

    it(`outlives a reader that goes away: ${format}`, async () => {
      await using dir = await tempDir();
      using pipe = new Fifo(dir.file('log'));
      await using stage = await Stage.start(dir, format, { stdout: pipe.writeEnd });
      await until(() => pipe.read().includes('serving metrics'), 'the log is read');
      pipe.closeReader();
      await stage.logLines(150);
      expect(await stage.droppedLines()).toBeGreaterThan(10);
      expect(await stage.stop()).toMatchObject({ code: 0 });
    });

    it(`is not waited for when its reader does not read: ${format}`, async () => {
      await using dir = await tempDir();
      using pipe = new Fifo(dir.file('log'));
      await using stage = await Stage.start(dir, format, { stdout: pipe.writeEnd });
      while ((await stage.droppedLines()) === 0) await stage.logLines(250);
      let text = '';
      await until(() => {
        text += pipe.read();
        return text.includes('lines of the log were lost');
      }, 'the log says what it lost');
      const dropped = await stage.droppedLines(); // not before: lines that no call makes may have been lost as well
      // Counted in full, and nothing is dropped once it is read again.
      if (format === 'json') expect(lossOf(text)).toMatchObject({ lines: dropped, reason: /too slow/ });
      await stage.logLines(1);
      expect(await stage.droppedLines()).toBe(dropped);
      expect(await stage.stop()).toMatchObject({ code: 0 });
    });
  }

  it('does not hold up SIGTERM while its reader does not read', async () => {
    await using dir = await tempDir();
    using pipe = new Fifo(dir.file('log'));
    await using stage = await Stage.start(dir, 'json', { stdout: pipe.writeEnd });
    await stage.logLines(200);
    const { code, tookMs } = await stage.stop();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(5_000);
    const lines = pipe.read();
    expect(lines.length).toBeGreaterThan(32 * 1024);
  });

  it('goes on by itself when its disk has room again, with whole lines, and says what it lost', async (context) => {
    const disk = await smallDisk(1024 * 1024);
    if (typeof disk === 'string') return context.skip(disk);
    await using _disk = disk;
    await using dir = await tempDir();
    const file = openSync(disk.file('log'), 'a');
    await using stage = await Stage.start(dir, 'json', { stdout: file });
    closeSync(file);
    // A page is left in the file: a line is written in part.
    disk.fill();
    await stage.logLines(200);
    const dropped = await stage.droppedLines();
    expect(dropped).toBeGreaterThan(10);
    await disk.free();
    const text = () => readFileSync(disk.file('log'), 'utf8');
    await until(() => text().includes('lines of the log were lost'), 'the log works again');
    await stage.logLines(1);
    expect(await stage.stop()).toMatchObject({ code: 0 });
    const lines = parsed(text());
    const loss = lossOf(text());
    expect(loss).toMatchObject({ lines: dropped, reason: 'ENOSPC: no space left on device, write' });
    expect(Date.parse(loss?.since ?? '')).toBeGreaterThan(Date.now() - 60_000);
    // Each line is there once, or was counted.
    const uids = lines.flatMap(({ pod }) => (pod === undefined ? [] : [pod.uid]));
    expect(uids).toHaveLength(200 - dropped + 1);
    expect(lines.at(-1)?.msg).toBe('stopping');
  });

  it('goes on by itself when its file was emptied to make room', async (context) => {
    const disk = await smallDisk(256 * 1024);
    if (typeof disk === 'string') return context.skip(disk);
    await using _disk = disk;
    await using dir = await tempDir();
    const file = openSync(disk.file('log'), 'a');
    await using stage = await Stage.start(dir, 'json', { stdout: file });
    closeSync(file);
    while ((await stage.droppedLines()) === 0) await stage.logLines(50);
    truncateSync(disk.file('log'));
    await until(() => readFileSync(disk.file('log'), 'utf8').includes('were lost'), 'the log works again');
    expect(await stage.stop()).toMatchObject({ code: 0 });
    // What had begun in the old file ends in the new one; all after that is whole.
    const [, ...lines] = readFileSync(disk.file('log'), 'utf8').split('\n');
    expect(parsed(lines.join('\n')).at(-1)?.msg).toBe('stopping');
  });

  it('may be closed', async () => {
    await using dir = await tempDir();
    await using stage = await Stage.start(dir, 'json', { redirection: '>&- 2>&-' });
    await stage.logLines(3);
    expect(await stage.stop()).toMatchObject({ code: 0 });
  });

  it('is written to its end before the process ends', async () => {
    await using dir = await tempDir();
    const file = openSync(dir.file('log'), 'a');
    await using stage = await Stage.start(dir, 'json', { stdout: file });
    closeSync(file);
    await stage.logLines(20);
    expect(await stage.stop()).toMatchObject({ code: 0 });
    const lines = parsed(readFileSync(dir.file('log'), 'utf8'));
    expect(lines.filter(({ pod }) => pod !== undefined)).toHaveLength(20);
    expect(lines.at(-1)?.msg).toBe('stopping');
  });

  it('keeps within the largest file that is allowed', async () => {
    await using dir = await tempDir();
    const redirection = `>> '${dir.file('log')}'`;
    await using stage = await Stage.start(dir, 'json', {
      before: 'ulimit -f 64',
      redirection,
    });
    while ((await stage.droppedLines()) === 0) await stage.logLines(50);
    expect(statSync(dir.file('log')).size).toBeLessThanOrEqual(64 * 1024);
    expect(await stage.stop()).toMatchObject({ code: 0 });
  });
});

describe('serve --discover', () => {
  it('outlives the readers of both its outputs', async () => {
    await using dir = await tempDir();
    using out = new Fifo(dir.file('out'));
    using err = new Fifo(dir.file('err'));
    await using program = new Program(['serve', '--discover'], {
      env: { SWITCHYARD_RUNTIME_SOCKETS: '', TMPDIR: dir.path },
      stdout: out.writeEnd,
      stderr: err.writeEnd,
    });
    let text = '';
    await until(() => {
      text += out.read();
      return text.includes('Ctrl-C stops it.');
    }, 'it serves');
    out.closeReader();
    err.closeReader();
    const socket = /--runtime-endpoint unix:\/\/(\S+) ps/.exec(text)?.[1] ?? '';
    using client = new CriClient(socket);
    const noPod = client.call('RunPodSandbox', {
      config: { metadata: { name: 'p' } },
      runtimeHandler: 'none',
    });
    await expect(noPod).rejects.toThrow('none');
    expect(await client.call('ListPodSandbox', {})).toHaveProperty('items.length', 7);
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('says once that its output cannot be written', async () => {
    await using dir = await tempDir();
    const full = openSync('/dev/full', 'w');
    await using program = new Program(['serve', '--discover', '--once'], {
      env: { SWITCHYARD_RUNTIME_SOCKETS: '', TMPDIR: dir.path },
      stdout: full,
    });
    closeSync(full);
    await program.ended;
    expect(program.err).toBe('standard output cannot be written: ENOSPC: no space left on device, write\n');
  });
});

describe('a command', () => {
  it('fails with one line when its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    await using program = new Program(['version'], { stdout: full });
    closeSync(full);
    expect(await program.ended).toBe(1);
    expect(program.err).toBe('standard output cannot be written: ENOSPC: no space left on device, write\n');
  });

  it('ends as ever when neither its output nor its complaint can be written', async () => {
    await using program = new Program(['version'], { redirection: '>/dev/full 2>/dev/full' });
    expect(await program.ended).toBe(1);
  });
});
