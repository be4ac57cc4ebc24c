// Commands in containers, and the URLs for streams of Exec, Attach and PortForward.
import { status as Code } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import type { Bench } from './bench.ts';

export function defineExec(bench: Bench): void {
  const { traits } = bench.place;

  it('runs a command with ExecSync and gives its output and exit code', async () => {
    const { containerId } = await bench.shared();
    const cmd = ['sh', '-c', 'echo out; echo err >&2; exit 7'];
    const reply = await bench.cri.call('ExecSync', { containerId, cmd, timeout: 20 });
    expect([reply.stdout.toString(), reply.stderr.toString(), reply.exitCode]).toEqual(['out\n', 'err\n', 7]);
  });

  it('runs a command in the environment of its container', async () => {
    const containerId = await bench.running(await bench.pod(), { env: { COLOUR: 'blue' } });
    const { stdout } = await bench.cri.call('ExecSync', { containerId, cmd: ['env'], timeout: 20 });
    expect(stdout.toString()).toContain('COLOUR=blue\n');
  });

  it('gives an output of four megabytes whole', async () => {
    const { containerId } = await bench.shared();
    const cmd = ['head', '-c', '4194304', '/dev/zero'];
    const { stdout } = await bench.cri.call('ExecSync', { containerId, cmd, timeout: 20 });
    expect(stdout).toHaveLength(4_194_304);
  });

  it(`R10: ends a command that outlives its timeout with ${traits.lateExec}`, async () => {
    const { containerId } = await bench.shared();
    const late = bench.attempt('ExecSync', { containerId, cmd: ['sleep', '86400'], timeout: 1 });
    const reply = await bench.inTime(late);
    if (traits.lateExec === 'DEADLINE_EXCEEDED') expect(Code[reply.code]).toBe('DEADLINE_EXCEEDED');
    else expect(reply.code).toBe(Code.OK);
    // What Switchyard itself says begins with its name: this is the runtime's own word.
    expect(reply.details).not.toContain('switchyard');
    if (traits.lateExec === 'exit code -1') {
      const again = bench.cri.call('ExecSync', { containerId, cmd: ['sleep', '86400'], timeout: 1 });
      expect((await bench.inTime(again)).exitCode).toBe(-1);
    }
  });

  it('R20: lets the client leave in the middle of a command', async () => {
    const { containerId } = await bench.shared();
    const leaving = new AbortController();
    const cmd = ['sleep', '86400'];
    const reply = bench.attempt('ExecSync', { containerId, cmd }, { signal: leaving.signal });
    await bench.cri.call('ExecSync', { containerId, cmd: ['true'], timeout: 20 });
    leaving.abort();
    expect(Code[(await reply).code]).toBe('CANCELLED');
    const after = await bench.cri.call('ExecSync', { containerId, cmd: ['true'], timeout: 20 });
    expect(after.exitCode).toBe(0);
  });

  it('runs commands only in containers that run', async () => {
    const containerId = await bench.container(await bench.pod());
    expect(await bench.code('ExecSync', { containerId, cmd: ['true'], timeout: 20 })).not.toBe('OK');
  });

  it('says which program a container does not have', async () => {
    const { containerId } = await bench.shared();
    const reply = await bench.attempt('ExecSync', { containerId, cmd: ['no-such-program'], timeout: 20 });
    expect(reply.details).toContain('no-such-program');
  });

  it('gives a URL of its own for each stream of Exec, Attach and PortForward', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    const exec = { containerId, cmd: ['true'], stdout: true };
    const { url } = await bench.cri.call('Exec', exec);
    const { url: again } = await bench.cri.call('Exec', exec);
    expect(again).not.toBe(url);
    const attach = await bench.cri.call('Attach', { containerId, stdout: true });
    const forward = await bench.cri.call('PortForward', { podSandboxId, port: [80] });
    for (const one of [url, again, attach.url, forward.url]) expect(one).toMatch(traits.url);
    expect(url).toMatch(/\/exec\/[\w-]+$/);
    expect(attach.url).toMatch(/\/attach\/[\w-]+$/);
    expect(forward.url).toMatch(/\/portforward\/[\w-]+$/);
  });
}
