// Long values from a client: they come back in our errors, headers and log lines, and must make none of them long.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathFor } from '../../../src/cri/versions.ts';
import { HeaderClient } from '../../support/header-client.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';

const LONG = 'x'.repeat(100_000);
const NOTE = '... (100000 characters)';
const MOST_MESSAGE_BYTES = 4096;
const pod = { name: LONG, uid: 'u', namespace: 'default', attempt: 0 };

describe('a long value in a call', () => {
  let world: ProxyWorld;
  let client: HeaderClient;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'one', profile: 'containerd-2.1' },
      { name: 'two', profile: 'cri-o', handlers: { other: '' } },
    ]);
    client = new HeaderClient(world.switchyard.socket);
  });

  afterEach(async () => {
    client[Symbol.dispose]();
    await world[Symbol.asyncDispose]();
  });

  it('is cut in the error: the id of a pod sandbox', async () => {
    const { message } = await client.call('PodSandboxStatus', { podSandboxId: LONG });
    expect(message).toBe(`switchyard: sandbox ${'x'.repeat(200)}${NOTE} is on none of the backends`);
  });

  it('is cut in the error: a runtime handler, and the name of the pod that asks for it', async () => {
    const { message } = await client.call('RunPodSandbox', {
      runtimeHandler: LONG,
      config: { metadata: pod },
    });
    expect(message).toContain(`"${'x'.repeat(200)}"${NOTE}`);
    expect(message.length).toBeLessThan(MOST_MESSAGE_BYTES);
  });

  it('is cut in the error: the path of a call', async () => {
    const { message } = await client.callPath(`/${'x'.repeat(60_000)}`);
    expect(message).toBe(`switchyard: unknown path /${'x'.repeat(199)}... (60001 characters)`);
  });

  it('is no RPC: a name of 60,000 characters', async () => {
    const { code } = await client.callPath(pathFor('RuntimeService', 'x'.repeat(60_000), 'v1'));
    expect(code).toBe(12);
  });

  it('is cut in the error: grpc-timeout', async () => {
    const { message } = await client.callPath('/runtime.v1.RuntimeService/Version', [
      ['grpc-timeout', LONG.slice(0, 60_000)],
    ]);
    expect(message).toBe(
      `switchyard: grpc-timeout "${'x'.repeat(200)}"... (60000 characters) is not a timeout`,
    );
  });

  it('is escaped where it would act on a terminal', async () => {
    const { message } = await client.call('PodSandboxStatus', { podSandboxId: 'a\x1b[2J\u202e\x9bb' });
    expect(message).toContain('sandbox a\\u001b[2J\\u202e\\u009bb is');
  });
});
