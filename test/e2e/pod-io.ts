// What pods say and hear on a real containerd: streams over the URLs that CRI gives, and logs on disk. Beside the
// conformance suite, which ends where the URL is given.
import { readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Bench } from '../contract/conformance/bench.ts';
import { CriStream } from '../support/cri-stream.ts';
import { until } from '../support/until.ts';

/** Defines the tests in the current `describe`. */
export function definePodIo(bench: Bench): void {
  afterEach(() => bench.tidy());

  it('streams Exec both ways over the URL it gives', async () => {
    const { cri } = bench;
    const containerId = await bench.running(await bench.pod());
    const cmd = ['sh', '-c', 'read line; echo "heard $line"; echo aside >&2'];
    const { url } = await cri.call('Exec', { containerId, cmd, stdin: true, stdout: true, stderr: true });
    using stream = await CriStream.open(url);
    stream.send('knock knock\n');
    await stream.end();
    expect(stream.text('stdout')).toBe('heard knock knock\n');
    expect(stream.text('stderr')).toBe('aside\n');
    expect(JSON.parse(stream.text('error'))).toMatchObject({ status: 'Success' });
  });

  it('streams Attach both ways over the URL it gives', async () => {
    const { cri } = bench;
    const pod = await bench.pod();
    const command = ['sh', '-c', 'while read line; do echo "got $line"; done'];
    const containerId = await bench.running(pod, { command, stdin: true });
    const { url } = await cri.call('Attach', { containerId, stdin: true, stdout: true, stderr: true });
    using stream = await CriStream.open(url);
    stream.send('one\n');
    await until(() => stream.text('stdout') === 'got one\n', 'the container answers');
  });

  it('streams PortForward both ways over the URL it gives', async () => {
    const { cri } = bench;
    const pod = await bench.pod();
    const command = ['sh', '-c', 'nc -l -p 8080 -e cat & sleep 600'];
    const containerId = await bench.running(pod, { command });
    // 8080 is 1F90 in the kernel's list of listening sockets (state 0A).
    const cmd = ['sh', '-c', 'grep -c ":1F90 .* 0A " /proc/net/tcp /proc/net/tcp6'];
    const isListening = async () =>
      (await cri.call('ExecSync', { containerId, cmd, timeout: 10 })).exitCode === 0;
    await until(isListening, 'the container listens');
    const { url } = await cri.call('PortForward', { podSandboxId: pod.podSandboxId, port: [8080] });
    using stream = await CriStream.open(url);
    stream.send('ping\n');
    await until(() => stream.text('portData').endsWith('ping\n'), 'the container answers');
  });

  it('writes the logs of a container to disk, also after they were rotated', async () => {
    const { cri } = bench;
    const pod = await bench.pod();
    // It says one more word whenever the file /tmp/go appears.
    const script = 'echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo second >&2; sleep 600';
    const containerId = await bench.running(pod, {
      command: ['sh', '-c', script],
      logPath: 'app.log',
    });
    const log = path.join(pod.config.logDirectory ?? '', 'app.log');
    const read = () => readFileSync(log, 'utf8');
    await until(() => read() !== '', 'the first line is in the log');
    expect(read()).toMatch(/^\S+ stdout F first\n$/);

    renameSync(log, `${log}.1`);
    await cri.call('ReopenContainerLog', { containerId });
    await cri.call('ExecSync', { containerId, cmd: ['sh', '-c', 'echo > /tmp/go'], timeout: 10 });
    await until(() => read() !== '', 'the second line is in the new log');
    expect(read()).toMatch(/^\S+ stderr F second\n$/);
  });
}
