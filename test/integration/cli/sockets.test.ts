// The sockets of the built program: who may connect when, whose files are removed, and an admin address that is taken.
import { existsSync, lstatSync, rmSync, statSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CriClient } from '../../support/cri-client.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { Program } from './program.ts';

interface Addresses {
  readonly socket: string;
  readonly admin: string;
}

async function writeConfig(dir: TempDir, { socket, admin }: Addresses): Promise<string> {
  await writeFile(
    dir.file('config.yaml'),
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen: { socket: "${socket}", mode: "0660" }
admin: { address: "${admin}" }
stateDir: ${dir.file('state')}
backends:
  - { name: only, endpoint: "unix://${dir.file('runtime.sock')}", default: true }
`,
  );
  return dir.file('config.yaml');
}

/** Serves until the end of its block. */
async function listenTo(address: { path: string } | { port: number; host: string }) {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(address, resolve));
  return {
    port: (server.address() as { port?: number }).port ?? 0,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe('the sockets', () => {
  it('are never open to more than their mode says, with any umask', async () => {
    await using dir = await tempDir();
    const socket = dir.file('run/switchyard/cri.sock');
    const admin = dir.file('run/switchyard/admin.sock');
    const config = await writeConfig(dir, { socket, admin: `unix://${admin}` });
    await using program = new Program(['serve', '--config', config], { before: 'umask 0' });
    // Looked at all the time, without a turn of the event loop between two looks.
    const seen = new Set<string>();
    const untilMs = performance.now() + 10_000;
    while (performance.now() < untilMs && !seen.has('admin.sock 600')) {
      for (const file of [socket, admin]) {
        const found = statSync(file, { throwIfNoEntry: false });
        if (found !== undefined) seen.add(`${path.basename(file)} ${(found.mode & 0o777).toString(8)}`);
      }
    }
    expect([...seen]).toEqual(['cri.sock 660', 'admin.sock 600']);
    for (const parent of ['run', 'run/switchyard'])
      expect(statSync(dir.file(parent)).mode & 0o777, parent).toBe(0o755);
    await program.prints('serving metrics and health');
    expect((await readdir(dir.file('run/switchyard'))).sort()).toEqual(['admin.sock', 'cri.sock']);
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(await readdir(dir.file('run/switchyard'))).toEqual([]);
  });

  it('may have paths as long as those of sockets can be', async () => {
    await using dir = await tempDir();
    const long = path.join(dir.path, 'd'.repeat(104 - dir.path.length));
    await mkdir(long);
    const socket = path.join(long, 's');
    const config = await writeConfig(dir, { socket, admin: `unix://${path.join(long, 'a')}` });
    expect(socket).toHaveLength(107);
    await using program = new Program(['serve', '--config', config]);
    await program.prints('serving metrics and health');
    using client = new CriClient(socket);
    await expect(client.call('Version', {})).rejects.toThrow('only');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(await readdir(long)).toEqual([]);
  });

  it('are removed at the end only if they are still its own', async () => {
    await using dir = await tempDir();
    const socket = dir.file('cri.sock');
    const admin = dir.file('admin.sock');
    const config = await writeConfig(dir, { socket, admin: `unix://${admin}` });
    await using program = new Program(['serve', '--config', config]);
    await program.prints('serving metrics and health');
    // Another Switchyard took its place, and somebody put a file where the other one was.
    rmSync(socket);
    await using _other = await listenTo({ path: socket });
    rmSync(admin);
    await writeFile(admin, 'precious');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(lstatSync(socket).isSocket()).toBe(true);
    expect(existsSync(admin)).toBe(true);
  });

  it('replace those of a process that was killed', async () => {
    await using dir = await tempDir();
    const socket = dir.file('cri.sock');
    const config = await writeConfig(dir, { socket, admin: `unix://${dir.file('admin.sock')}` });
    for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
      await using program = new Program(['serve', '--config', config]);
      await program.prints('serving metrics and health');
      program.signal(signal);
      await program.ended;
    }
    expect((await readdir(dir.path)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('say why there can be none', async () => {
    await using dir = await tempDir();
    const socket = dir.file('config.yaml/cri.sock');
    const config = await writeConfig(dir, { socket, admin: '127.0.0.1:0' });
    await using program = new Program(['serve', '--config', config]);
    expect(await program.ended).toBe(1);
    expect(program.err).toContain(`cannot listen on ${socket}: `);
  });
});

describe('an admin address that is taken', () => {
  it('is tried again until it can be had, with a line in the log for each turn', async () => {
    await using dir = await tempDir();
    const other = await listenTo({ port: 0, host: '127.0.0.1' });
    const socket = dir.file('cri.sock');
    const config = await writeConfig(dir, { socket, admin: `127.0.0.1:${other.port}` });
    await using program = new Program(['serve', '--config', config]);
    await program.prints('no metrics and health yet');
    using client = new CriClient(socket);
    await expect(client.call('Version', {})).rejects.toThrow('only');
    await other[Symbol.asyncDispose]();
    await program.prints('serving metrics and health');
    expect(await (await fetch(`http://127.0.0.1:${other.port}/livez`)).text()).toBe('ok\n');
    expect(program.out.split('no metrics and health yet')).toHaveLength(2);
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('does not hold up the end', async () => {
    await using dir = await tempDir();
    await using other = await listenTo({ port: 0, host: '127.0.0.1' });
    const socket = dir.file('cri.sock');
    const config = await writeConfig(dir, { socket, admin: `127.0.0.1:${other.port}` });
    await using program = new Program(['serve', '--config', config]);
    await program.prints('no metrics and health yet');
    program.signal('SIGTERM');
    await until(() => program.ending !== undefined, 'it has ended', 5_000);
    expect(program.ending).toBe(0);
  });
});
