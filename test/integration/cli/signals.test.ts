// What the built program does at signals, from the moment that its process exists.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { CriClient } from '../../support/cri-client.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { Program } from './program.ts';

async function writeConfig(dir: TempDir, more = ''): Promise<string> {
  await writeFile(
    dir.file('config.yaml'),
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen: { socket: ${dir.file('cri.sock')} }
stateDir: ${dir.file('state')}
shutdownGrace: 60s
backends:
  - { name: only, endpoint: "unix://${dir.file('runtime.sock')}", default: true }
  - { name: away, endpoint: "unix://${dir.file('away.sock')}", handlers: [away] }
${more}`,
  );
  return dir.file('config.yaml');
}

const startRuntime = (dir: TempDir) =>
  startSimulatedRuntime({ profile: 'containerd-2.1', socket: dir.file('runtime.sock') });

/** TCP addresses that the process listens on, as /proc writes them. */
function listeningTcp(pid: number): string[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // closed meanwhile
    }
  });
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n'),
  );
  // Columns: number, local address, remote address, state (0A is LISTEN), ..., inode.
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.includes(`${inode}`))
    .map(([, local]) => `${local}`);
}

/** Whether a handler for the signal with this number is installed in the process. */
function catches(pid: number, signal: number): boolean {
  const [, mask = '0'] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}
const SIGUSR1 = 10;
const SIGHUP = 1;
const SIGUSR2 = 12;

interface LogLine {
  readonly msg: string;
  readonly signal?: string;
  readonly backend?: string;
}

const linesOf = (program: Program): LogLine[] =>
  program.out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

describe('signals', () => {
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
    it(`${signal} is logged and changes nothing`, async () => {
      await using dir = await tempDir();
      await using _runtime = await startRuntime(dir);
      await using program = new Program(['serve', '--config', await writeConfig(dir)]);
      await program.prints('serving CRI');
      program.signal(signal);
      await program.prints('a signal that has no meaning here: ignored');
      expect(linesOf(program).find((line) => line.signal !== undefined)?.signal).toBe(signal);
      using client = new CriClient(dir.file('cri.sock'));
      expect(await client.call('Version', {})).toMatchObject({ runtimeName: 'containerd' });
    });
  }

  for (const signal of ['SIGQUIT', 'SIGTERM', 'SIGINT'] as const) {
    it(`${signal} lets the call in flight end, removes the socket, and exits 0`, async () => {
      await using dir = await tempDir();
      await using runtime = await startRuntime(dir);
      const fault = runtime.faults.add('PullImage', { kind: 'hang' });
      await using program = new Program(['serve', '--config', await writeConfig(dir)]);
      await program.prints('backend is ready');
      using client = new CriClient(dir.file('cri.sock'));
      const pulling = client.call('PullImage', { image: { image: 'demo' } });
      await until(() => fault.hits > 0, 'the call hangs in the runtime');
      program.signal(signal);
      await until(() => !existsSync(dir.file('cri.sock')), 'the socket is gone');
      fault.clear();
      expect(await pulling).toHaveProperty('imageRef');
      expect(await program.ended).toBe(0);
      expect(linesOf(program).map((line) => [line.msg, line.signal])).toContainEqual([
        'asked to stop',
        signal,
      ]);
    });
  }

  it('SIGUSR1 writes the state of all backends and of the calls in flight, at any level of the log', async () => {
    await using dir = await tempDir();
    await using runtime = await startRuntime(dir);
    const hang = { kind: 'hang' } as const;
    const faults = [runtime.faults.add('PullImage', hang), runtime.faults.add('StopPodSandbox', hang)];
    await using program = new Program([
      'serve',
      '--config',
      await writeConfig(dir, 'log: { level: warn }\n'),
    ]);
    await program.prints('backend is absent');
    using client = new CriClient(dir.file('cri.sock'));
    const { podSandboxId } = await client.call('RunPodSandbox', {
      config: { metadata: { name: 'web', namespace: 'default', uid: 'u-1' } },
    });
    const auth = { username: 'robot', password: 'hunter2' };
    const calls = [
      client.call('PullImage', { image: { image: 'demo' }, auth }).catch(() => {}),
      client.call('StopPodSandbox', { podSandboxId }).catch(() => {}),
    ];
    await until(() => faults.every((fault) => fault.hits > 0), 'both calls hang in the runtime');
    program.signal('SIGUSR1');
    await program.prints('state as asked for by SIGUSR1');
    const lines = linesOf(program);
    const since = expect.stringMatching(/^20/);
    expect(lines.filter((line) => line.msg === 'state of a backend')).toMatchObject([
      {
        backend: 'only',
        state: 'ready',
        since,
        isListed: true,
        callsInFlight: expect.any(Number),
        callsWaiting: 0,
      },
      {
        ...{ backend: 'away', state: 'unreachable', since, isListed: false },
        reason: expect.stringContaining('there is no '),
      },
    ]);
    const ageMs = expect.any(Number);
    const shown = lines.filter((line) => line.msg === 'call in flight');
    expect(shown).toHaveLength(2);
    expect(shown).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ method: 'PullImage', backend: 'only', ageMs, image: 'demo' }),
        expect.objectContaining({ method: 'StopPodSandbox', backend: 'only', ageMs, id: podSandboxId }),
      ]),
    );
    expect(lines.at(-1)).toMatchObject({
      isReady: false,
      reason: expect.stringContaining('backend away was never listed'),
      ...{ callsInFlight: 2, shown: 2 },
    });
    expect(program.out).not.toContain('hunter2');
    expect(listeningTcp(program.pid)).toEqual([]);
    for (const fault of faults) fault.clear();
    await Promise.all(calls);
  });

  it('SIGUSR1 shows the oldest fifty of many calls', async () => {
    await using dir = await tempDir();
    await using runtime = await startRuntime(dir);
    const fault = runtime.faults.add('PullImage', { kind: 'hang' });
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    await program.prints('backend is ready');
    using client = new CriClient(dir.file('cri.sock'));
    const call = () => client.call('PullImage', { image: { image: 'demo' } }).catch(() => {});
    const calls = Array.from({ length: 70 }, call);
    await until(() => fault.hits === 70, 'all calls hang in the runtime');
    program.signal('SIGUSR1');
    await program.prints('state as asked for by SIGUSR1');
    expect(linesOf(program).filter((line) => line.msg === 'call in flight')).toHaveLength(50);
    expect(linesOf(program).at(-1)).toMatchObject({ callsInFlight: 70, shown: 50 });
    fault.clear();
    await Promise.all(calls);
  });

  it('SIGUSR1 leaves no debugger open, however early it comes', async () => {
    await using dir = await tempDir();
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    // From when Node has set its own handler for it, which opens the port, until ours has long been there.
    await until(() => {
      if (catches(program.pid, SIGUSR1)) program.signal('SIGUSR1');
      return program.out.includes('state as asked for by SIGUSR1') || program.ending !== undefined;
    }, 'it serves');
    expect(program.ending).toBeUndefined();
    await until(() => listeningTcp(program.pid).length === 0, 'no port is open');
    program.signal('SIGUSR1');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('SIGUSR1 opens nothing in a simulated runtime either', async () => {
    await using dir = await tempDir();
    await using program = new Program(['simulate', '--profile', 'cri-o', '--socket', dir.file('crio.sock')]);
    await program.prints('A simulated cri-o serves CRI');
    program.signal('SIGUSR1');
    using client = new CriClient(dir.file('crio.sock'));
    expect(await client.call('Version', {})).toMatchObject({ runtimeName: 'cri-o' });
    expect(listeningTcp(program.pid).length).toBe(0);
    expect(program.err).not.toContain('Debugger');
  });

  it('SIGTERM ends it in peace at any moment of its start, and leaves no socket', async () => {
    await using dir = await tempDir();
    const config = await writeConfig(dir);
    // What has happened when the signal comes: later from run to run. Node itself catches SIGTERM before it runs us.
    const moments: ((program: Program) => boolean)[] = [
      (program) => catches(program.pid, SIGHUP),
      () => existsSync(dir.file('cri.sock')),
      (program) => program.out.includes('serving CRI'),
    ];
    for (const hasCome of moments) {
      await using program = new Program(['serve', '--config', config]);
      await until(() => hasCome(program) || program.ending !== undefined, 'the moment has come');
      program.signal('SIGTERM');
      expect(await program.ended).toBe(0);
      expect(program.out + program.err).toContain('SIGTERM');
      expect((await readdir(dir.path)).filter((name) => name.endsWith('.sock'))).toEqual([]);
    }
  });

  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
    it(`${signal} during the start is logged when it serves`, async () => {
      await using dir = await tempDir();
      await using program = new Program(['serve', '--config', await writeConfig(dir)]);
      await until(
        () => catches(program.pid, signal === 'SIGHUP' ? SIGHUP : SIGUSR2),
        'it catches the signal',
      );
      program.signal(signal);
      await program.prints('a signal that has no meaning here: ignored');
      program.signal('SIGTERM');
      expect(await program.ended).toBe(0);
    });
  }

  it('SIGHUP ends serve --discover, which belongs to a terminal, and what it made is removed', async () => {
    await using dir = await tempDir();
    await using program = new Program(['serve', '--discover'], {
      env: { SWITCHYARD_RUNTIME_SOCKETS: '', TMPDIR: dir.path },
    });
    await program.prints('Ctrl-C stops it.');
    program.signal('SIGHUP');
    expect(await program.ended).toBe(0);
    expect(await readdir(dir.path)).toEqual([]);
  });
});
