import { symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { processContext } from '../../../src/cli/context.ts';
import { findRuntimes } from '../../../src/cli/discovery.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Listens on a unix socket until the end of the block. */
async function listener(path: string): Promise<Disposable> {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { [Symbol.dispose]: () => void server.close() };
}

describe('the search for runtimes', () => {
  it.each([
    ['k3s and RKE2', '/run/k3s/containerd/containerd.sock'],
    ['k0s', '/run/k0s/containerd.sock'],
    ['MicroK8s', '/var/snap/microk8s/common/run/containerd.sock'],
  ])('looks where %s has its socket', (_, socket) => {
    const env = { ...process.env, SWITCHYARD_RUNTIME_SOCKETS: undefined };
    const { runtimeSockets } = processContext(Object.assign(Object.create(process), { env }));
    expect(runtimeSockets).toContain(socket);
  });

  it('finds those that answer, in the order asked', async () => {
    await using dir = await tempDir();
    using _b = await listener(dir.file('b.sock'));
    using _a = await listener(dir.file('a.sock'));
    expect(await findRuntimes([dir.file('b.sock'), dir.file('none.sock'), dir.file('a.sock')])).toEqual([
      { kind: 'answers', path: dir.file('b.sock') },
      { kind: 'answers', path: dir.file('a.sock') },
    ]);
  });

  it('counts two paths to one socket once', async () => {
    await using dir = await tempDir();
    using _a = await listener(dir.file('a.sock'));
    await symlink(dir.file('a.sock'), dir.file('link.sock'));
    expect(await findRuntimes([dir.file('link.sock'), dir.file('a.sock')])).toEqual([
      { kind: 'answers', path: dir.file('a.sock') },
    ]);
  });

  it('names a file that nobody listens on, with the reason', async () => {
    await using dir = await tempDir();
    await writeFile(dir.file('dead.sock'), '');
    expect(await findRuntimes([dir.file('dead.sock')])).toEqual([
      { kind: 'silent', path: dir.file('dead.sock'), reason: 'ECONNREFUSED' },
    ]);
  });
});
