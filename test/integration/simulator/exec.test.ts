// ExecSync in the simulated runtimes: small commands, exit codes, timeouts.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
import { leaveDuring, stage } from './stage.ts';

describe('ExecSync', () => {
  it('gives the command’s output and exit code', async () => {
    await using at = await stage('containerd-2.1');
    const containerId = await at.running(await at.pod({ name: 'web' }));
    const exec = async (...cmd: string[]) => {
      const reply = await at.client.call('ExecSync', { containerId, cmd });
      return [reply.stdout.toString(), reply.stderr.toString(), reply.exitCode];
    };
    expect(await exec('echo', 'hello', 'there')).toEqual(['hello there\n', '', 0]);
    expect(await exec('cat')).toEqual(['', '', 0]);
    expect(await exec('hostname')).toEqual(['web\n', '', 0]);
    expect(await exec('id', '-u')).toEqual(['0\n', '', 0]);
    expect(await exec('sh', '-c', 'echo out; echo err >&2; exit 42')).toEqual(['out\n', 'err\n', 42]);
  });

  it('sees the environment of the container', async () => {
    await using at = await stage('containerd-2.1');
    const podSandboxId = await at.pod();
    const { containerId } = await at.client.call('CreateContainer', {
      podSandboxId,
      config: {
        metadata: { name: 'main' },
        image: { image: 'localhost/busybox:1.36' },
        envs: [{ key: 'COLOUR', value: Buffer.from('blue') }],
      },
      sandboxConfig: { metadata: { name: 'x' } },
    });
    await at.client.call('StartContainer', { containerId });
    const { stdout } = await at.client.call('ExecSync', { containerId, cmd: ['env'] });
    expect(stdout.toString()).toBe('COLOUR=blue\n');
  });

  it('carries output of many megabytes', async () => {
    await using at = await stage('cri-o');
    const containerId = await at.running(await at.pod());
    const cmd = ['head', '-c', '20000000', '/dev/zero'];
    expect((await at.client.call('ExecSync', { containerId, cmd })).stdout.length).toBe(20_000_000);
  });

  it('is refused where output passes the runtime’s message limit', async () => {
    await using at = await stage('containerd-2.1');
    const containerId = await at.running(await at.pod());
    const exec = at.client.call('ExecSync', { containerId, cmd: ['head', '-c', '20000000', '/dev/zero'] });
    await expect(exec).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  });

  it.each([
    ['containerd-1.6', Code.DEADLINE_EXCEEDED],
    ['containerd-2.1', Code.DEADLINE_EXCEEDED],
    ['cri-dockerd', Code.DEADLINE_EXCEEDED],
  ] as const)('that takes too long fails in %s with code %i', async (profile, code) => {
    const clock = new FakeClock();
    await using at = await stage(profile, { clock });
    const containerId = await at.running(await at.pod());
    const exec = at.client.call('ExecSync', { containerId, cmd: ['sleep', '60'], timeout: 5 });
    const outcome = expect(exec).rejects.toMatchObject({ code });
    await until(() => at.runtime.journal.at(-1)?.method === 'ExecSync', 'the call arrives');
    clock.advance(5000);
    await outcome;
  });

  it('that takes too long is OK with exit code -1 in CRI-O', async () => {
    const clock = new FakeClock();
    await using at = await stage('cri-o', { clock });
    const containerId = await at.running(await at.pod());
    const exec = at.client.call('ExecSync', { containerId, cmd: ['sleep', '60'], timeout: 5 });
    await until(() => at.runtime.journal.at(-1)?.method === 'ExecSync', 'the call arrives');
    clock.advance(5000);
    expect(await exec).toMatchObject({ exitCode: -1 });
  });

  it('ends in the runtime when its client leaves', async () => {
    await using at = await stage('containerd-2.1');
    const containerId = await at.running(await at.pod());
    const cmd = ['sleep', 'infinity'];
    const code = await leaveDuring(at, 'ExecSync', (signal) =>
      at.client.call('ExecSync', { containerId, cmd }, { signal }),
    );
    expect(code).toBe(Code.CANCELLED);
  });

  it('needs a running container and a program that exists', async () => {
    await using at = await stage('containerd-2.1');
    const podSandboxId = await at.pod();
    const created = await at.container(podSandboxId, 'waiting');
    const running = await at.running(podSandboxId, 'running');
    await expect(at.client.call('ExecSync', { containerId: created, cmd: ['true'] })).rejects.toMatchObject({
      code: Code.UNKNOWN,
      details: expect.stringContaining('CONTAINER_CREATED'),
    });
    await expect(at.client.call('ExecSync', { containerId: running, cmd: ['juggle'] })).rejects.toMatchObject(
      {
        code: Code.UNKNOWN,
        details: expect.stringContaining('juggle'),
      },
    );
  });
});
