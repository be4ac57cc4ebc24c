// The URLs of Exec, Attach and PortForward as clients get them by default.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CriClient } from '../../support/cri-client.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';

const IMAGE = { image: SIMULATED_IMAGE };

describe('the URL of a stream', () => {
  let world: ProxyWorld;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'containerd', profile: 'containerd-2.1', streamPort: 40_001 },
      { name: 'crio', profile: 'cri-o', handlers: { crun: 'crun' }, streamPort: 40_002 },
      { name: 'docker', profile: 'cri-dockerd', handlers: { docker: 'docker' }, streamPort: 40_003 },
      { name: 'old', profile: 'containerd-1.4', handlers: { old: '' }, streamPort: 40_004 },
    ]);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  async function urlsOf(client: CriClient, handler: string): Promise<string[]> {
    const pod = await runPod(client, { handler });
    const containerId = await runContainer(client, pod, IMAGE);
    const exec = await client.call('Exec', { containerId, cmd: ['true'], stdout: true });
    const attach = await client.call('Attach', { containerId, stdout: true });
    const { podSandboxId } = pod;
    const portForward = await client.call('PortForward', { podSandboxId, port: [80] });
    return [exec.url, attach.url, portForward.url];
  }

  const urlsAt = (start: string) =>
    ['exec', 'attach', 'portforward'].map((kind) =>
      expect.stringMatching(new RegExp(`^http://127\\.0\\.0\\.1:${start}/${kind}/[\\w-]+$`)),
    );

  it('is the one of the runtime', async () => {
    expect(await urlsOf(world.client, '')).toEqual(urlsAt('40001'));
    expect(await urlsOf(world.client, 'crun')).toEqual(urlsAt('40002'));
  });

  it('is made whole for cri-dockerd, which leaves out the scheme', async () => {
    expect(await urlsOf(world.client, 'docker')).toEqual(urlsAt('40003/cri'));
    const direct = world.direct('docker');
    const [url] = await urlsOf(direct, 'docker');
    direct.close();
    expect(url).toMatch(/^\/\//);
  });

  it('is the same for clients and runtimes of v1alpha2', async () => {
    const older = world.connect({ version: 'v1alpha2' });
    expect(await urlsOf(older, '')).toEqual(urlsAt('40001'));
    expect(await urlsOf(older, 'docker')).toEqual(urlsAt('40003/cri'));
    expect(await urlsOf(older, 'old')).toEqual(urlsAt('40004'));
    expect(await urlsOf(world.client, 'old')).toEqual(urlsAt('40004'));
  });

  it('is not given when the call fails: the error of the runtime passes', async () => {
    const pod = await runPod(world.client);
    const containerId = await runContainer(world.client, pod, IMAGE);
    await world.client.call('StopContainer', { containerId, timeout: 0 });
    const failed = world.client.call('Exec', { containerId, cmd: ['true'], stdout: true });
    await expect(failed).rejects.toMatchObject({
      code: status.UNKNOWN,
      details: expect.not.stringContaining('switchyard'),
    });
  });
});
