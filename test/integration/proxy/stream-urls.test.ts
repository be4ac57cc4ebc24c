// The URLs of Exec, Attach and PortForward as clients get them by default.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { CriClient, type RawReply } from '../../support/cri-client.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import {
  configOf,
  type ProxyWorld,
  proxyWorld,
  recorder,
  SIMULATED_IMAGE,
} from '../../support/proxy-world.ts';
import { scriptedBackend } from '../../support/scripted-backend.ts';
import { tempDir } from '../../support/temp-dir.ts';

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

describe('the URL of a runtime that gives a path alone', () => {
  const CONTAINER_ID = 'c'.repeat(64);
  const text = (value: string) => encodeField(1, Buffer.from(value));

  async function execWith(streamingBase: string | undefined): Promise<RawReply> {
    await using dir = await tempDir();
    await using backend = await scriptedBackend(dir.file('one.sock'));
    backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')] });
    backend.answer('ListContainers', { messages: [encodeField(1, text(CONTAINER_ID))] });
    backend.answer('Exec', { messages: [text('/cri/exec/theirs')] });
    const config = configOf(dir, [{ name: 'one', profile: 'reference' }]);
    const backends = config.backends.map((one) => ({ ...one, streamingBase }));
    const switchyard = await startSwitchyard({ config: { ...config, backends }, log: recorder([]) });
    using client = new CriClient(switchyard.socket);
    const reply = await client.rawCall('/runtime.v1.RuntimeService/Exec', text(CONTAINER_ID));
    await switchyard.close();
    return reply;
  }

  it('gets the base that the config has for it', async () => {
    const { bytes } = await execWith('http://127.0.0.1:10010');
    expect(bytes).toEqual(text('http://127.0.0.1:10010/cri/exec/theirs'));
  });

  it('is refused without one, with the key to set', async () => {
    const { code, details, messages } = await execWith(undefined);
    expect({ code, messages }).toEqual({ code: status.FAILED_PRECONDITION, messages: [] });
    expect(details).toContain('streamingBase of backend one');
    expect(details).not.toContain('theirs');
  });
});
