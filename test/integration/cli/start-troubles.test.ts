// What the built program says, in a few words, when it cannot have what its config names.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { expect, it } from 'vitest';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { Program } from './program.ts';

interface Places {
  readonly socket?: string;
  readonly stateDir?: string;
  readonly admin?: string;
  readonly endpoint?: string;
}

function serve(dir: TempDir, places: Places = {}, name = 'config.yaml'): Program {
  writeFileSync(
    dir.file(name),
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen: { socket: "${places.socket ?? dir.file('cri.sock')}" }
admin: { address: "${places.admin ?? '127.0.0.1:0'}" }
stateDir: ${places.stateDir ?? dir.file('state')}
backends:
  - { name: only, endpoint: "${places.endpoint ?? dir.file('runtime.sock')}", default: true }
`,
  );
  return new Program(['serve', '--config', dir.file(name)]);
}

const linesWith = (program: Program, text: string) =>
  program.out.split('\n').filter((line) => line.includes(text));

it('does not start on a socket that it would call itself, by a linked directory, before the socket is there', async () => {
  await using dir = await tempDir();
  mkdirSync(dir.file('run'));
  symlinkSync('run', dir.file('runlink'));
  const places = { socket: dir.file('run/cri.sock'), endpoint: dir.file('runlink/cri.sock') };
  await using program = serve(dir, places);
  expect(await program.ended).not.toBe(0);
  expect(program.err).toContain(`backend only is Switchyard's own socket ${places.socket}`);
});

it('ends when its socket can have no directory, instead of trying for ever', async () => {
  await using dir = await tempDir();
  await using program = serve(dir, { socket: '/proc/x/cri.sock' });
  expect(await program.ended).toBe(1);
  expect(program.err).toBe(
    'cannot listen on /proc/x/cri.sock: its directory cannot be made. Change listen.socket in the config\n',
  );
});

it('serves without a state directory where there can be none', async () => {
  await using dir = await tempDir();
  await using program = serve(dir, { stateDir: '/proc/x/state' });
  await program.prints('serving CRI');
  expect(program.out).toContain('the state directory cannot be written');
  program.signal('SIGTERM');
  expect(await program.ended).toBe(0);
});

it('says once that the state directory is a file', async () => {
  await using dir = await tempDir();
  writeFileSync(dir.file('file'), '');
  await using program = serve(dir, { stateDir: dir.file('file') });
  await program.prints('serving CRI');
  expect(program.out.split('is not a directory')).toHaveLength(2);
  expect(program.out).not.toContain('rename');
});

it('says on one line, without a stack, that the admin address is taken', async () => {
  await using dir = await tempDir();
  const other = net.createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as net.AddressInfo;
  await using program = serve(dir, { admin: `127.0.0.1:${port}` });
  await program.prints('no metrics and health yet');
  other.close();
  const [line = ''] = linesWith(program, 'no metrics and health yet');
  expect(JSON.parse(line)).toMatchObject({
    reason: `the admin side cannot listen on http://127.0.0.1:${port}: another program already listens there`,
  });
  expect(line).not.toContain('node:net');
});

it('notices that its state directory was removed, and keeps a second one out of the new one', async () => {
  await using dir = await tempDir();
  await using program = serve(dir);
  await program.prints('serving CRI');
  rmSync(dir.file('state'), { recursive: true });
  await program.prints('the state directory can be written again');
  expect(linesWith(program, 'it was removed or replaced')).toHaveLength(1);
  await using second = serve(dir, { socket: dir.file('second.sock') }, 'second.yaml');
  expect(await second.ended).toBe(1);
  expect(second.err).toContain('another Switchyard already keeps its state in');
});
