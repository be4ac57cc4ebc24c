// A backend that answers with ids which are another backend's: clients would go on to work with what is not theirs.
import { status as code } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const CALM_POD = 'c'.repeat(64);
const CALM_CONTAINER = 'd'.repeat(64);
const EVIL_POD = 'e'.repeat(64);
const podSandbox = {
  id: CALM_POD,
  metadata: { name: 'calm', namespace: 'default', uid: 'calm', attempt: 0 },
};
const container = { id: CALM_CONTAINER, podSandboxId: CALM_POD, metadata: { name: 'calm', attempt: 0 } };
const aPod = (name: string, runtimeHandler: string) => ({
  config: { metadata: { name, namespace: 'default', uid: name, attempt: 0 } },
  runtimeHandler,
});

describe('a backend that gives the ids of another', () => {
  let dir: TempDir;
  let backends: Record<'calm' | 'evil', ScriptedBackend>;
  let switchyard: Switchyard;
  let client: CriClient;

  beforeEach(async () => {
    dir = await tempDir();
    backends = {
      calm: await scriptedBackend(dir.file('calm.sock')),
      evil: await scriptedBackend(dir.file('evil.sock')),
    };
    const { calm, evil } = backends;
    for (const backend of [calm, evil]) {
      backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')] });
      backend.answer('RuntimeConfig', { messages: [Buffer.from([0x0a, 0])] });
      for (const rpc of ['ListPodSandbox', 'ListContainers', 'ListImages'])
        backend.answer(rpc, { messages: [Buffer.alloc(0)] });
    }
    calm.answer('ListPodSandbox', {
      messages: [codecOf('ListPodSandbox').encodeResponse({ items: [podSandbox] })],
    });
    calm.answer('ListContainers', {
      messages: [codecOf('ListContainers').encodeResponse({ containers: [container] })],
    });
    const lines: LogLine[] = [];
    const config = configOf(dir, [
      { name: 'calm', profile: 'reference' },
      { name: 'evil', profile: 'reference', handlers: { evil: '' } },
    ]);
    switchyard = await startSwitchyard({ config, log: recorder(lines) });
    client = new CriClient(switchyard.socket);
    await until(() => lines.filter(({ text }) => text === 'backend is ready').length === 2, 'both are ready');
    await until(
      async () => (await client.call('ListContainers', {})).containers.length === 1,
      'calm is known',
    );
  });

  afterEach(async () => {
    client.close();
    await switchyard.close();
    for (const backend of Object.values(backends)) await backend[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const runsAs = (podSandboxId: string) =>
    backends.evil.answer('RunPodSandbox', {
      messages: [codecOf('RunPodSandbox').encodeResponse({ podSandboxId })],
    });

  it('does not give a client the pod of another for its own', async () => {
    runsAs(CALM_POD);
    const error = await client.call('RunPodSandbox', aPod('evil', 'evil')).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: code.INTERNAL,
      details: expect.stringMatching(/backend evil gave the id c{64} to a new sandbox, .* on calm/),
    });
    const { items } = await client.call('ListPodSandbox', { filter: { id: CALM_POD } });
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(['calm']);
  });

  it('does not give a client the container of another for its own', async () => {
    runsAs(EVIL_POD);
    await client.call('RunPodSandbox', aPod('evil', 'evil'));
    backends.evil.answer('CreateContainer', {
      messages: [codecOf('CreateContainer').encodeResponse({ containerId: CALM_CONTAINER })],
    });
    const request = { podSandboxId: EVIL_POD, config: { metadata: { name: 'x', attempt: 0 } } };
    const error = await client.call('CreateContainer', request).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: code.INTERNAL,
      details: expect.stringMatching(/backend evil gave the id d{64} to a new container, .* on calm/),
    });
  });

  it('does not draw a pod to itself by listing one with its UID', async () => {
    const mine = { ...podSandbox, id: EVIL_POD };
    backends.evil.answer('ListPodSandbox', {
      messages: [codecOf('ListPodSandbox').encodeResponse({ items: [mine] })],
    });
    const list = () => client.call('ListPodSandbox', {});
    await until(async () => (await list()).items.length === 2, 'both sandboxes are known');
    backends.calm.answer('RunPodSandbox', {
      messages: [codecOf('RunPodSandbox').encodeResponse({ podSandboxId: 'f'.repeat(64) })],
    });
    const { podSandboxId } = await client.call('RunPodSandbox', aPod('calm', ''));
    expect(podSandboxId).toBe('f'.repeat(64));
  });

  it('does not take an id longer than any runtime gives', async () => {
    runsAs('x'.repeat(2_000));
    const error = await client.call('RunPodSandbox', aPod('evil', 'evil')).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: code.INTERNAL, details: expect.stringContaining('2000 characters') });
  });
});
