// The differences between runtimes in what they do, fact by fact, as they were measured on real ones.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES } from '../../../src/simulator/profile.ts';
import { profileOf } from '../../../src/simulator/quirks.ts';
import { until } from '../../support/until.ts';
import { codeOf, stage } from './stage.ts';

describe.each(PROFILE_NAMES)('%s', (profile) => {
  it('tells version 0.1.0 and its own name', async () => {
    await using at = await stage(profile);
    const { runtimeName, runtimeVersion, apis } = profileOf(profile);
    const runtimeApiVersion = apis[0];
    expect(await at.client.call('Version', { version: '0.1.0' })).toEqual({
      version: '0.1.0',
      runtimeName,
      runtimeVersion,
      runtimeApiVersion,
    });
  });

  it('answers an RPC nobody knows with the words of a Go server', async () => {
    await using at = await stage(profile);
    const service = `runtime.${profileOf(profile).apis[0]}.RuntimeService`;
    const reply = await at.client.rawCall(`/${service}/Juggle`, Buffer.alloc(0));
    expect(reply.code).toBe(Code.UNIMPLEMENTED);
    expect(reply.details).toBe(`unknown method Juggle for service ${service}`);
    const stranger = await at.client.rawCall('/some.other.Service/Juggle', Buffer.alloc(0));
    expect(stranger.details).toBe('unknown service some.other.Service');
    expect(at.runtime.journal.map((entry) => entry.method)).toEqual(['Juggle', 'Juggle']);
  });

  it('gives streaming URLs in its form, each with a token of its own', async () => {
    await using at = await stage(profile, { streamPort: 4567 });
    const podSandboxId = await at.pod();
    const containerId = await at.running(podSandboxId);
    const start = profile === 'cri-dockerd' ? '//127.0.0.1:4567/cri' : 'http://127.0.0.1:4567';
    const exec = await at.client.call('Exec', { containerId, cmd: ['sh'], stdout: true });
    const attach = await at.client.call('Attach', { containerId, stdout: true });
    const forward = await at.client.call('PortForward', { podSandboxId, port: [80] });
    expect(exec.url).toMatch(new RegExp(`^${start}/exec/[\\w-]{8}$`));
    expect(attach.url).toMatch(new RegExp(`^${start}/attach/[\\w-]{8}$`));
    expect(forward.url).toMatch(new RegExp(`^${start}/portforward/[\\w-]{8}$`));
  });
});

describe('runtimes', () => {
  it.each([
    ['containerd-1.4', 'UNKNOWN', 'failed to reserve sandbox name'],
    ['containerd-1.6', 'UNKNOWN', 'failed to reserve sandbox name'],
    ['containerd-1.7', 'UNKNOWN', 'failed to reserve sandbox name'],
    ['containerd-2.1', 'FAILED_PRECONDITION', 'failed to reserve sandbox name'],
    ['cri-dockerd', 'UNKNOWN', 'Conflict'],
  ] as const)('%s refuses the same pod twice with %s "%s"', async (profile, code, text) => {
    await using at = await stage(profile);
    const first = await at.pod({ name: 'web', uid: 'u-1' });
    await expect(at.pod({ name: 'web', uid: 'u-1' })).rejects.toMatchObject({
      code: Code[code],
      details: expect.stringMatching(new RegExp(`${text}.*web.*${first}`)),
    });
  });

  it.each(['RunPodSandbox', 'UpdateContainerResources'] as const)(
    'cri-dockerd dies of a %s that lacks what it needs',
    async (rpc) => {
      await using at = await stage('cri-dockerd');
      const id = await at.pod();
      expect(await codeOf(at, rpc, {})).toBe('UNAVAILABLE');
      expect(await codeOf(at, 'Version', {})).toBe('UNAVAILABLE');
      await at.runtime.restart();
      await until(async () => (await codeOf(at, 'Version', {})) === 'OK', 'it is back');
      expect((await at.client.call('ListPodSandbox', {})).items).toMatchObject([{ id }]);
    },
  );

  it('know the handlers they are told, and no others', async () => {
    await using at = await stage('containerd-2.1', { handlers: ['kata'] });
    await at.pod({}, 'kata');
    await at.pod({}, '');
    await expect(at.pod({}, 'runc')).rejects.toMatchObject({ code: Code.UNKNOWN });
  });

  it('say so when a short id fits several', async () => {
    await using at = await stage('containerd-2.1', { seed: 1 });
    at.runtime.world.seed({ sandboxes: 40, containersPerSandbox: 0 });
    const ids = [...at.runtime.world.sandboxes.values()].map((sandbox) => sandbox.id);
    const first = ids.find((id) => ids.some((other) => other !== id && other[0] === id[0])) ?? '';
    await expect(
      at.client.call('PodSandboxStatus', { podSandboxId: first.slice(0, 1) }),
    ).rejects.toMatchObject({
      code: Code.UNKNOWN,
      details: expect.stringContaining('Multiple IDs found'),
    });
  });
});
