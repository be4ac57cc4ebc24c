// Exec, Attach and PortForward with `streaming: relay`, from the call to the last byte.
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import type { CriClient } from '../../support/cri-client.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import {
  configOf,
  type ProxyWorld,
  proxyWorld,
  recorder,
  SIMULATED_IMAGE,
} from '../../support/proxy-world.ts';
import { answerOf, openStream, restOf } from '../../support/stream-client.ts';
import { type StreamPeer, SWITCHING, streamPeer } from '../../support/stream-peer.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const RELAY = { host: '127.0.0.1', port: 0 };

describe('with streaming: relay', () => {
  let peer: StreamPeer;
  let world: ProxyWorld;

  beforeEach(async () => {
    peer = await streamPeer();
    world = await proxyWorld(
      [
        { name: 'containerd', profile: 'containerd-2.1', streamPort: peer.port },
        { name: 'docker', profile: 'cri-dockerd', handlers: { docker: 'docker' }, streamPort: peer.port },
        { name: 'old', profile: 'containerd-1.4', handlers: { old: '' }, streamPort: peer.port },
      ],
      (config) => ({ ...config, streamRelay: RELAY }),
    );
  });

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });

  async function urlsOf(client: CriClient, handler: string) {
    const { podSandboxId, ...pod } = await runPod(client, { handler });
    const containerId = await runContainer(client, { podSandboxId, ...pod }, { image: SIMULATED_IMAGE });
    const exec = await client.call('Exec', { containerId, cmd: ['true'], stdout: true });
    const attach = await client.call('Attach', { containerId, stdout: true });
    const portforward = await client.call('PortForward', { podSandboxId, port: [80] });
    return { exec: exec.url, attach: attach.url, portforward: portforward.url };
  }

  const addressOf = () =>
    world.lines.find(({ text }) => text === 'relaying streams')?.fields['address'] as string;

  it.each([
    { handler: '', version: 'v1', prefix: '' },
    { handler: 'docker', version: 'v1', prefix: '/cri' },
    { handler: 'docker', version: 'v1alpha2', prefix: '/cri' },
    { handler: 'old', version: 'v1', prefix: '' },
  ] as const)(
    'gives clients of $version one address for all streams of handler $handler, and carries them to where they belong',
    async ({ handler, version, prefix }) => {
      const client = world.connect({ version });
      const urls = await urlsOf(client, handler);
      for (const [kind, url] of Object.entries(urls)) {
        expect(url).toMatch(new RegExp(`^http://${addressOf()}/${kind}/[\\w-]{32}$`));
        const { socket, head, rest } = await openStream(url, { more: Buffer.from('a') });
        expect(head).toBe(SWITCHING);
        socket.end('bc');
        expect(`${rest}${await restOf(socket)}`).toBe('abc');
        expect(peer.requests.at(-1)?.head).toMatch(new RegExp(`^POST ${prefix}/${kind}/[\\w-]+ HTTP`));
        expect(peer.requests.at(-1)?.head).not.toContain(url.split('/').at(-1));
        expect((await answerOf(url)).status).toBe(404);
      }
    },
  );

  it('keeps the stream of one client open to it, however many another asks for', async () => {
    const client = world.connect();
    const { exec } = await urlsOf(client, '');
    const { containers } = await client.call('ListContainers', {});
    const request = { containerId: containers[0]?.id ?? '', cmd: ['true'], stdout: true };
    const other = world.connect();
    for (let i = 0; i < 11; i++)
      await Promise.all(Array.from({ length: 100 }, () => other.call('Exec', request)));
    const { socket, head } = await openStream(exec);
    socket.destroy();
    expect(head).toBe(SWITCHING);
  });

  it('writes no token to the log, neither its own nor that of the runtime', async () => {
    const { exec } = await urlsOf(world.client, '');
    await answerOf(`${exec}-`);
    const { socket } = await openStream(exec);
    socket.end();
    await restOf(socket);
    await until(() => world.lines.some(({ text }) => text === 'stream ended'), 'it has ended');
    const log = JSON.stringify(world.lines);
    expect(log).not.toContain(exec.split('/').at(-1));
    expect(log).not.toContain(peer.requests[0]?.head.split(/[/ ]/)[3]);
  });

  it('lets a stream end within the grace time of a stop, and takes no new one', async () => {
    const { exec, attach } = await urlsOf(world.client, '');
    const { socket } = await openStream(exec);
    const stopped = world.switchyard.close();
    await until(async () => !(await canConnect(attach)), 'the relay takes no new connections');
    socket.end('in time');
    expect(`${await restOf(socket)}`).toBe('in time');
    await stopped;
    expect(world.lines.at(-1)?.text).toBe('stream ended');
  });

  it('cuts a stream that outlives the grace time', async () => {
    const { exec } = await urlsOf(world.client, '');
    const { socket } = await openStream(exec);
    const cut = restOf(socket);
    const [stopped] = await Promise.allSettled([cut, world.switchyard.close()]);
    expect(stopped.status).toBe('rejected');
  });
});

function canConnect(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = net.connect({ host: hostname, port: Number(port) });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('a Switchyard whose relay has no address', () => {
  it('does not start, says why, and leaves the CRI socket to the next', async () => {
    await using dir = await tempDir();
    await using peer = await streamPeer();
    const config = configOf(dir, [{ name: 'one', profile: 'containerd-2.1' }]);
    const taken = { ...config, streamRelay: { host: '127.0.0.1', port: peer.port } };
    await expect(startSwitchyard({ config: taken, log: recorder([]) })).rejects.toMatchObject({
      code: 'SWITCHYARD_START',
      message: expect.stringContaining('the relay of streams cannot listen'),
    });
    const next = await startSwitchyard({ config, log: recorder([]) });
    await next.close();
  });
});
