// `switchyard serve` as its users run it: the built program as a child process.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { CriClient } from '../../support/cri-client.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { Program } from './program.ts';

/** Writes a config with one backend and returns its path. */
async function writeConfig(dir: TempDir, name = 'config.yaml', more = ''): Promise<string> {
  await writeFile(
    dir.file(name),
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen: { socket: ${dir.file('cri.sock')} }
stateDir: ${dir.file('state')}
shutdownGrace: 60s
backends:
  - { name: only, endpoint: "unix://${dir.file('runtime.sock')}", default: true }
${more}`,
  );
  return dir.file(name);
}

/** A simulated runtime where the config of writeConfig looks for it. */
const startRuntime = (dir: TempDir) =>
  startSimulatedRuntime({ profile: 'containerd-2.1', socket: dir.file('runtime.sock') });

describe('serve --config', () => {
  it('serves until SIGTERM, then exits 0 and leaves no socket behind', async () => {
    await using dir = await tempDir();
    await using _runtime = await startRuntime(dir);
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    await program.prints('serving CRI');
    using client = new CriClient(dir.file('cri.sock'));
    expect(await client.call('Version', {})).toMatchObject({ runtimeName: 'containerd' });
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(existsSync(dir.file('cri.sock'))).toBe(false);
  });

  it('has V8 optimize nothing until clients have made ten calls', async () => {
    await using dir = await tempDir();
    await using _runtime = await startRuntime(dir);
    const teller = `const v8 = require('node:v8');
const { setFlagsFromString } = v8;
v8.setFlagsFromString = (flags) => { console.error('flags', flags); setFlagsFromString(flags); };`;
    await writeFile(dir.file('teller.cjs'), teller);
    await using program = new Program(['serve', '--config', await writeConfig(dir)], {
      env: { NODE_OPTIONS: `--require ${dir.file('teller.cjs')}` },
    });
    await program.prints('backend is ready');
    using client = new CriClient(dir.file('cri.sock'));
    for (let call = 1; call < 10; call++) await client.call('Version', {});
    expect(program.err).toContain('flags --no-opt\n');
    expect(program.err).not.toContain('flags --opt\n');
    await client.call('Version', {});
    await until(() => program.err.includes('flags --opt\n'), 'V8 may optimize');
  });

  it('ends at once at a second signal, with exit code 1', async () => {
    await using dir = await tempDir();
    await using runtime = await startRuntime(dir);
    const fault = runtime.faults.add('PullImage', { kind: 'hang' });
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    await program.prints('backend is ready');
    using client = new CriClient(dir.file('cri.sock'));
    const pulling = client.call('PullImage', { image: { image: 'demo' } }).catch(() => 'cut off');
    await until(() => fault.hits > 0, 'the call hangs in the runtime');
    // Signals that come at once are one wish, so it is asked again until it takes it for another one.
    await until(() => {
      program.signal('SIGTERM');
      return program.ending !== undefined;
    }, 'the program ends');
    expect(program.ending).toBe(1);
    expect(await pulling).toBe('cut off');
  });

  it('refuses a socket that another instance serves, and leaves that one alone', async () => {
    await using dir = await tempDir();
    await using _runtime = await startRuntime(dir);
    const config = await writeConfig(dir);
    await using first = new Program(['serve', '--config', config]);
    await first.prints('serving CRI');
    await using second = new Program(['serve', '--config', config]);
    expect(await second.ended).toBe(1);
    expect(second.err).toContain(`another process already serves ${dir.file('cri.sock')}`);
    using client = new CriClient(dir.file('cri.sock'));
    expect(await client.call('Version', {})).toMatchObject({ runtimeName: 'containerd' });
  });

  it('refuses a state directory that another instance uses, by whatever path, and takes it once that was killed', async () => {
    await using dir = await tempDir();
    await using _runtime = await startRuntime(dir);
    await using first = new Program(['serve', '--config', await writeConfig(dir)]);
    await first.prints('serving CRI');
    await symlink(dir.file('state'), dir.file('other-path'));
    const config = await writeConfig(dir, 'other.yaml');
    const text = await readFile(config, 'utf8');
    const other = text
      .replace(dir.file('cri.sock'), dir.file('other.sock'))
      .replace(dir.file('state'), dir.file('other-path'));
    await writeFile(config, other);
    await using second = new Program(['serve', '--config', config]);
    expect(await second.ended).toBe(1);
    expect(second.err).toContain(`another Switchyard already keeps its state in ${dir.file('other-path')}`);
    expect(await readdir(dir.path)).not.toContain('other.sock');
    first.signal('SIGKILL');
    await first.ended;
    await using third = new Program(['serve', '--config', config]);
    await third.prints('serving CRI');
  });

  it('starts once of several starts at the same moment with one state directory', async () => {
    await using dir = await tempDir();
    const text = await readFile(await writeConfig(dir), 'utf8');
    const start = async (name: string) => {
      await writeFile(dir.file(`${name}.yaml`), text.replace('cri.sock', `${name}.sock`));
      return new Program(['serve', '--config', dir.file(`${name}.yaml`)]);
    };
    await using first = await start('first');
    await using second = await start('second');
    await using third = await start('third');
    const programs = [first, second, third];
    await until(() => programs.filter(({ ending }) => ending !== undefined).length === 2, 'two have ended');
    const serving = programs.filter(({ ending }) => ending === undefined);
    expect(serving).toHaveLength(1);
    await serving[0]?.prints('serving CRI');
    for (const { err } of programs.filter((program) => !serving.includes(program)))
      expect(err).toContain(`another Switchyard already keeps its state in ${dir.file('state')}`);
  });

  it('closes a state directory of its own that others could write in, and says so in the log', async () => {
    await using dir = await tempDir();
    await mkdir(dir.file('state'));
    await chmod(dir.file('state'), 0o777);
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    await program.prints(`others could write in ${dir.file('state')} (mode 0777) until now`);
    await program.prints('serving CRI');
    expect((await stat(dir.file('state'))).mode & 0o7777).toBe(0o700);
  });

  it('does not start in a state directory that users share, and says what to do', async () => {
    await using dir = await tempDir();
    await mkdir(dir.file('state'));
    await chmod(dir.file('state'), 0o1777);
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    expect(await program.ended).toBe(1);
    expect(program.err).toContain(`the state directory ${dir.file('state')} is shared with other users`);
    expect(program.err).toContain(`such as ${dir.file('state')}/switchyard`);
  });

  it('serves with a new journal where the old one is a named pipe, and says so in the log', async () => {
    await using dir = await tempDir();
    await mkdir(dir.file('state'));
    execFileSync('mkfifo', [dir.file('state/journal')]);
    await using program = new Program(['serve', '--config', await writeConfig(dir)]);
    await program.prints(`${dir.file('state/journal')} is not used, for it is a named pipe`);
    await program.prints('serving CRI');
    expect((await stat(dir.file('state/journal'))).isFile()).toBe(true);
  });

  it('exits 3 on a config that is refused, and says where', async () => {
    await using dir = await tempDir();
    const config = await writeConfig(dir, 'broken.yaml', 'rulez: []\n');
    await using program = new Program(['serve', '--config', config]);
    expect(await program.ended).toBe(3);
    expect(program.err).toContain(`${config}:8:1: `);
    expect(program.out).toBe('');
  });

  it('shows the backends with --once and exits 0 when all of them answer', async () => {
    await using dir = await tempDir();
    await using _runtime = await startRuntime(dir);
    await using program = new Program(['serve', '--once', '--config', await writeConfig(dir)]);
    expect({ code: await program.ended, err: program.err }).toEqual({ code: 0, err: '' });
    expect(program.out).toMatch(/^only \(default\) +\S+runtime\.sock +- +0 +0 +containerd v2\.1\.9$/m);
  });

  it('exits 1 with --once when a backend is absent, and names it', async () => {
    await using dir = await tempDir();
    await using program = new Program(['serve', '--once', '--config', await writeConfig(dir)]);
    expect(await program.ended).toBe(1);
    expect(program.err).toContain('Not all backends are there yet: switchyard: ');
    expect(program.out).toMatch(/^only \(default\) .*there is no /m);
  });
});

describe('serve --discover', () => {
  it('plays a session on simulated runtimes when there is nothing else, shows it and cleans up', async () => {
    await using dir = await tempDir();
    await using program = new Program(['serve', '--discover', '--once'], {
      env: { SWITCHYARD_RUNTIME_SOCKETS: dir.file('none.sock'), TMPDIR: dir.path },
    });
    expect({ code: await program.ended, err: program.err }).toEqual({ code: 0, err: '' });
    expect(program.out).toContain('SIMULATED');
    const table = program.out.split('\n').filter((line) => /^(POD|default\/|build-7\/|ci-main\/)/.test(line));
    expect(table).toMatchInlineSnapshot(`
      [
        "POD             ASKS FOR                       BACKEND     RULE          WHY",
        "default/web     nothing                        containerd  default       the pod asks for no runtime handler",
        "default/api     handler runc                   containerd  handler       backend containerd exposes "runc"",
        "default/batch   handler crun                   cri-o       handler       backend cri-o exposes "crun"",
        "default/legacy  handler docker                 docker      handler       backend docker exposes "docker"",
        "build-7/image   switchyard.dev/backend=docker  docker      annotation    switchyard.dev/backend is "docker"",
        "default/pushy   switchyard.dev/backend=docker  containerd  default       switchyard.dev/backend is ignored in namespace "default": pods may choose only in "build-*"; the pod asks for no runtime handler",
        "ci-main/test    nothing                        docker      ci on docker  it matches: namespaces "ci-*"",
        "default/typo    handler gvsior                 refused     handler       no backend exposes the runtime handler "gvsior"",
      ]
    `);
    expect(program.out).toContain('All as expected.');
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('stays up without --once, tells the addresses, and serves its metrics and its socket', async () => {
    await using dir = await tempDir();
    await using program = new Program(['serve', '--discover'], {
      env: { SWITCHYARD_RUNTIME_SOCKETS: '', TMPDIR: dir.path },
    });
    await program.prints('Ctrl-C stops it.');
    const socket = /--runtime-endpoint unix:\/\/(\S+) ps/.exec(program.out)?.[1] ?? '';
    using client = new CriClient(socket);
    expect(await client.call('ListPodSandbox', {})).toHaveProperty('items.length', 7);
    const metrics = /Metrics: +(\S+)/.exec(program.out)?.[1] ?? '';
    const page = await (await fetch(metrics)).text();
    expect(page).toContain('switchyard_');
    program.signal('SIGINT');
    expect(await program.ended).toBe(0);
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('serves the runtimes it finds, with a config it shows, and changes nothing on them', async () => {
    await using dir = await tempDir();
    await using runtime = await startSimulatedRuntime({ profile: 'cri-o', socket: dir.file('crio.sock') });
    await using program = new Program(['serve', '--discover', '--once'], {
      env: {
        SWITCHYARD_RUNTIME_SOCKETS: `${dir.file('containerd.sock')}:${runtime.socket}`,
        TMPDIR: dir.path,
      },
    });
    expect({ code: await program.ended, err: program.err }).toEqual({ code: 0, err: '' });
    expect(program.out).toContain(`1 container runtime found on this machine: ${runtime.socket}`);
    expect(program.out).toContain('  kind: SwitchyardConfiguration\n');
    expect(program.out).toMatch(/^cri-o \(default\) +\S+ +crun +0 +0 +cri-o /m);
    const changes = runtime.journal.filter(({ method }) =>
      /RunPod|Create|Start|Stop|Remove|Pull/.test(method),
    );
    expect(changes).toEqual([]);
  });
});

describe('simulate', () => {
  it('serves a simulated runtime until a signal', async () => {
    await using dir = await tempDir();
    const socket = dir.file('crio.sock');
    await using program = new Program([
      'simulate',
      '--profile',
      'cri-o',
      '--socket',
      socket,
      '--handlers',
      'a,b',
    ]);
    await program.prints(`A simulated cri-o serves CRI on ${socket}`);
    using client = new CriClient(socket);
    expect(await client.call('Version', {})).toMatchObject({ runtimeName: 'cri-o' });
    const { runtimeHandlers } = await client.call('Status', {});
    expect(runtimeHandlers.map(({ name }) => name).sort()).toEqual(['', 'a', 'b']);
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });
});
