// Command lines that are wrong, typed at the built program: what people are told, and that nothing hangs.
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { builtProgram } from '../../support/built-program.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { Program } from './program.ts';

const GOOD = fileURLToPath(new URL('../../../config/minimal.yaml', import.meta.url));

/** What is said of a socket that is not there. */
const UNLISTED =
  'Start its runtime or name the right socket: until each backend has been listed once, every list of pods fails';

interface Ending {
  readonly code: number | string;
  readonly err: string;
}

async function run(...args: readonly string[]): Promise<Ending> {
  await using program = new Program(args);
  return { code: await program.ended, err: program.err };
}

describe('wrong command lines', () => {
  it.each<[args: string[], err: string]>([
    [['chek', GOOD], 'there is no command chek, did you mean check? See: switchyard help\n'],
    [
      ['good.yaml'],
      '"good.yaml" is no command, and a command comes first, such as: switchyard check FILE. See: switchyard help\n',
    ],
    [
      ['--config', GOOD],
      '"--config" is no command, and a command comes first, such as: switchyard check FILE. See: switchyard help\n',
    ],
    [['check', '-x'], 'there is no flag -x. Add --help to see all flags\n'],
    [['check', '--config'], '--config needs a value. Add --help to see all flags\n'],
    [['check', '--config', ''], '--config: must not be empty\n'],
    [['check', GOOD, '--config', GOOD], 'one config at a time: give it as FILE or with --config, not both\n'],
    [
      ['check', '--config', 'a', '--config', 'b'],
      '--config is given twice, with "a" and "b". Keep one of the two\n',
    ],
    [['check', GOOD, '-o', 'yaml'], '--output must be one of text, json, not "yaml"\n'],
    [
      ['serve', 'c.yaml'],
      '"c.yaml" belongs to no flag. A config is given with --config. Add --help to see all flags\n',
    ],
    [
      ['check', GOOD, GOOD],
      `${JSON.stringify(GOOD)} is one FILE too many: check takes one. Add --help to see all flags\n`,
    ],
    [['version', 'x'], '"x" belongs to no flag. Add --help to see all flags\n'],
    [
      ['explain', 'pod.yaml'],
      '"pod.yaml" belongs to no flag. A config is given with --config, a Pod manifest with --pod. Add --help to see all flags\n',
    ],
    [['explain', '--label', 'x'], '--label: write it as key=value, not as "x"\n'],
    [['explain', '--host-net'], 'there is no flag --host-net. Add --help to see all flags\n'],
    [
      ['simulate'],
      '--profile needs a value. Add --help to see all flags\n--socket needs a value. Add --help to see all flags\n',
    ],
  ])('%j', async (args, err) => {
    expect(await run(...args)).toEqual({ code: 2, err });
  });
});

describe('check FILE', () => {
  it('checks the file, as with --config', async () => {
    await using given = new Program(['check', GOOD]);
    await using named = new Program(['check', '--config', GOOD]);
    expect([await given.ended, await named.ended]).toEqual([0, 0]);
    expect(given.out).toBe(named.out);
    expect(given.out).toContain(`${GOOD} is good.`);
  });

  it('takes a FILE behind --', async () => {
    await using given = new Program(['check', '--', GOOD]);
    expect(await given.ended).toBe(0);
    expect(given.out).toContain(`${GOOD} is good.`);
  });

  it('names a directory or a file where the socket of a backend should be, and takes a socket', async () => {
    await using dir = await tempDir();
    await mkdir(dir.file('directory'));
    await writeFile(dir.file('regular'), '');
    const server = net.createServer().listen(dir.file('a.sock'));
    await using _server = { [Symbol.asyncDispose]: async () => void server.close() };
    const names = ['directory', 'regular', 'a.sock', 'nothing'];
    const backends = names.map((name, i) => ({
      name: `b${i}`,
      endpoint: `unix://${dir.file(name)}`,
      default: i === 0,
    }));
    const config = { apiVersion: 'switchyard.dev/v1alpha1', kind: 'SwitchyardConfiguration', backends };
    await writeFile(dir.file('c.yaml'), JSON.stringify(config, null, 1));
    const { code, err } = await run('check', dir.file('c.yaml'));
    expect(code).toBe(0);
    expect(err.split('\n').map((line) => line.replace(/^.*?: /, ''))).toEqual([
      `warning: endpoint of backend b0 is a directory, not a socket. Name the socket in it`,
      `warning: endpoint of backend b1 is a regular file, not a socket. Name the socket of the container runtime`,
      `warning: the endpoint of backend b3: this machine has no ${dir.file('nothing')}. ${UNLISTED}`,
      '',
    ]);
  });

  it('warns of an image endpoint and a group that are not there, and of what is in the place of its sockets', async () => {
    await using dir = await tempDir();
    await writeFile(dir.file('regular'), '');
    const server = net.createServer().listen(dir.file('a.sock'));
    await using _server = { [Symbol.asyncDispose]: async () => void server.close() };
    const config = {
      apiVersion: 'switchyard.dev/v1alpha1',
      kind: 'SwitchyardConfiguration',
      listen: { socket: dir.file('regular/cri.sock'), group: 'nobody-has-this' },
      admin: { address: `unix://${dir.file('regular')}` },
      stateDir: dir.file('state'),
      backends: [
        {
          name: 'b',
          endpoint: `unix://${dir.file('a.sock')}`,
          imageEndpoint: `unix://${dir.file('i.sock')}`,
        },
      ],
    };
    await writeFile(dir.file('c.yaml'), JSON.stringify(config, null, 1));
    const { code, err } = await run('check', dir.file('c.yaml'));
    const file = dir.file('regular');
    expect(err.split('\n').map((line) => line.replace(/^.*?: /, ''))).toEqual([
      `listen.socket lies below admin.address, and a socket is no directory. Choose another path for one of the two`,
      `warning: listen.socket lies below ${file}, which is a regular file, so nothing can be served there. Move it away, or choose another path`,
      `warning: listen.group: this machine has no group "nobody-has-this", and without it Switchyard does not start. Create it: groupadd --system nobody-has-this`,
      `warning: admin.address is a regular file, not a socket, so nothing can be served there. Move it away, or choose another path`,
      `warning: the imageEndpoint of backend b: this machine has no ${dir.file('i.sock')}. Start its image service or name the right socket: until it answers, calls for images of this backend fail`,
      '',
    ]);
    expect(code).toBe(3);
  });

  it.each([
    ['a.sock', 'is a socket, not a directory'],
    ['a.sock/state', 'lies below /.*/a.sock, which is a socket'],
    ['regular/state', 'lies below /.*/regular, which is a regular file'],
    ['link', 'is the path of the endpoint of backend b'],
  ])('refuses the stateDir %s', async (name, why) => {
    await using dir = await tempDir();
    await writeFile(dir.file('regular'), '');
    const [socket, endpoint] = [dir.file('a.sock'), dir.file('b.sock')];
    const servers = [socket, endpoint].map((each) => net.createServer().listen(each));
    await using _servers = { [Symbol.asyncDispose]: async () => void servers.map((each) => each.close()) };
    await symlink(endpoint, dir.file('link'));
    const config = {
      apiVersion: 'switchyard.dev/v1alpha1',
      kind: 'SwitchyardConfiguration',
      stateDir: dir.file(name),
      backends: [{ name: 'b', endpoint: `unix://${endpoint}` }],
    };
    await writeFile(dir.file('c.yaml'), JSON.stringify(config, null, 1));
    const { code, err } = await run('check', dir.file('c.yaml'));
    expect(err).toMatch(new RegExp(`stateDir ${why}.*\\. Write /var/lib/switchyard\n`));
    expect(code).toBe(3);
  });

  it('refuses a file that is not UTF-8, and says where', async () => {
    await using dir = await tempDir();
    const file = dir.file('latin1.yaml');
    await writeFile(file, Buffer.from('# \ufffd ü is well\nruntimeName: "caf\xe9"\n', 'utf8'));
    expect((await run('check', file)).err).not.toContain('UTF-8');
    const text = Buffer.concat([
      Buffer.from('# \ufffd ü is well\nruntimeName: "caf'),
      Buffer.from([0xe9, 0x22, 0x0a]),
    ]);
    await writeFile(file, text);
    expect(await run('check', file)).toEqual({
      code: 1,
      err: `cannot read ${file}: line 2, column 18 is not UTF-8 (byte 0xe9). Save the file as UTF-8\n`,
    });
  });

  it('reads what is piped in as /dev/stdin', async () => {
    const command = `cat "$0" | "${process.execPath}" "${builtProgram()}" check /dev/stdin`;
    const out = execFileSync('sh', ['-c', command, GOOD], { encoding: 'utf8' });
    expect(out).toContain('/dev/stdin is good.');
  });
});

it('prints the version for -V, -v and --version', async () => {
  await using short = new Program(['-V']);
  await using long = new Program(['--version']);
  expect([await short.ended, await long.ended]).toEqual([0, 0]);
  expect(short.out).toBe(long.out);
  expect(short.out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('a path that is no file', () => {
  it('is named, whoever reads it, and nothing waits for it', async () => {
    await using dir = await tempDir();
    await mkdir(dir.file('directory'));
    execFileSync('mkfifo', [dir.file('fifo')]);
    await writeFile(dir.file('huge'), '');
    await truncate(dir.file('huge'), 3 * 2 ** 30);
    await writeFile(dir.file('utf16'), Buffer.from('\ufeffapiVersion: v1\nkind: Pod\n', 'utf16le'));
    const server = net.createServer().listen(dir.file('socket'));
    await using _server = { [Symbol.asyncDispose]: async () => void server.close() };
    const wrong: [file: string, reason: string][] = [
      [dir.file('fifo'), 'it is a FIFO, not a file. Name a file, or /dev/stdin to read what is piped in'],
      [dir.file('directory'), 'it is a directory. Name a file in it'],
      [dir.file('huge'), 'it is longer than 4 MiB. Is it the right file?'],
      [dir.file('socket'), 'it is a socket or a device, not a file'],
      [dir.file('utf16/x'), 'a part of its path is a file, where a directory should be'],
      [dir.file('nothing'), 'there is no such file'],
      [`file://${dir.file('c.yaml')}`, `there is no such file. Give its path: ${dir.file('c.yaml')}`],
      ['/dev/zero', 'it is a device, not a file. Name a file, or /dev/stdin to read what is piped in'],
    ];
    const ending = (file: string) => ({
      code: 1,
      err: `cannot read ${file}: ${wrong.find(([name]) => name === file)?.[1]}\n`,
    });
    for (const [file] of wrong) expect(await run('check', file)).toEqual(ending(file));
    const fifo = dir.file('fifo');
    expect(await run('serve', '--config', fifo)).toEqual(ending(fifo));
    expect(await run('explain', '--config', GOOD, '--pod', fifo)).toEqual(ending(fifo));
    const utf16 = dir.file('utf16');
    expect(await run('check', utf16)).toEqual({
      code: 3,
      err: `${utf16}:1:1: the file is in UTF-16, and must be in UTF-8. Save it as UTF-8, or run: iconv -f UTF-16 -t UTF-8 ${utf16}\n`,
    });
    const pod = await run('explain', '--config', GOOD, '--pod', utf16);
    expect(pod.code).toBe(2);
    expect(pod.err).toContain(`${utf16}:1:1: the file is in UTF-16`);
  });
});
