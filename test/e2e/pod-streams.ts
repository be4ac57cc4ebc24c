// The streams of Exec, Attach and PortForward of a real containerd: over WebSocket, and over SPDY as kubectl speaks it.
// Run directly and through Switchyard, which passes the URL or relays the stream.
import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import type { Bench } from '../contract/conformance/bench.ts';
import { CriStream } from '../support/cri-stream.ts';
import { SpdyStream } from '../support/spdy-stream.ts';
import { until } from '../support/until.ts';

/** Defines the tests in the current `describe`. */
export function definePodStreams(bench: Bench): void {
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

  it('streams Exec over SPDY, megabytes both ways, and ends when stdin ends', async () => {
    const { cri } = bench;
    const containerId = await bench.running(await bench.pod());
    const cmd = ['sh', '-c', 'cat; echo over >&2'];
    const { url } = await cri.call('Exec', { containerId, cmd, stdin: true, stdout: true, stderr: true });
    using stream = await SpdyStream.open(url, ['error', 'stdin', 'stdout', 'stderr']);
    const sent = randomBytes(5 << 20);
    for (let at = 0; at < sent.length; at += 30_000) {
      await stream.send('stdin', sent.subarray(at, at + 30_000));
    }
    await stream.send('stdin', Buffer.alloc(0), true);
    await stream.end();
    expect(stream.bytes('stdout').equals(sent)).toBe(true);
    expect(stream.bytes('stderr').toString()).toBe('over\n');
    expect(JSON.parse(stream.bytes('error').toString())).toMatchObject({ status: 'Success' });
  });

  it('gives the exit code of Exec over SPDY', async () => {
    const containerId = await bench.running(await bench.pod());
    const cmd = ['sh', '-c', 'exit 7'];
    const { url } = await bench.cri.call('Exec', { containerId, cmd, stdout: true });
    using stream = await SpdyStream.open(url, ['error', 'stdout']);
    await stream.end();
    expect(JSON.parse(stream.bytes('error').toString())).toMatchObject({
      status: 'Failure',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  });

  it('opens a stream once: its URL is not found again', async () => {
    const containerId = await bench.running(await bench.pod());
    const { url } = await bench.cri.call('Exec', { containerId, cmd: ['true'], stdout: true });
    using stream = await SpdyStream.open(url, ['error', 'stdout']);
    await stream.end();
    await expect(SpdyStream.open(url, ['error', 'stdout'])).rejects.toThrow('404');
  });
}
