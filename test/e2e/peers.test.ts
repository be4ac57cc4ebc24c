// HTTP/2 programs that share no code with Node: as clients of Switchyard's socket (curl, nghttp, h2load) and as proxies
// in front of it (HAProxy, nginx).
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CriClient } from '../support/cri-client.ts';
import { codecOf } from '../support/cri-codec.ts';
import { type Pod, runContainer, runPod } from '../support/cri-pod.ts';
import { programPath, skipWhen } from '../support/e2e-requirements.ts';
import { freePort } from '../support/free-port.ts';
import { IMAGES } from '../support/oci-image.ts';
import { type PeerProxy, startHaproxy, startNginx } from '../support/peer-proxies.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const VERSION_PATH = '/runtime.v1.RuntimeService/Version';
const STATUS_PATH = '/runtime.v1.RuntimeService/PodSandboxStatus';
const GRPC_HEADERS = ['content-type: application/grpc', 'te: trailers'];
const run = promisify(execFile);
let world: World;
let pod: Pod;
let containerId: string;
let haproxy: PeerProxy;
let nginx: PeerProxy;
/** A loopback port behind which HAProxy relays bytes: nghttp knows no unix sockets. */
let bytePort: number;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  pod = await runPod(world.cri, { cgroupParent: world.run.cgroupParent, handler: 'runc2' });
  containerId = await runContainer(world.cri, pod, { image: IMAGES.app, args: ['-c', 'sleep 600'] });
  bytePort = await freePort();
  haproxy = await startHaproxy(world.run.file('peers'), world.switchyard.socket, bytePort);
  nginx = await startNginx(world.run.file('peers'), world.switchyard.socket);
});

afterAll(async () => {
  await nginx?.[Symbol.asyncDispose]();
  await haproxy?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

/** Writes a message with its gRPC prefix to a file, and gives the file. */
function bodyFile(name: string, message: Uint8Array): string {
  const file = world.run.file(name);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  writeFileSync(file, Buffer.concat([prefix, message]));
  return file;
}

const podStatusBody = () =>
  bodyFile('pod-status', codecOf('PodSandboxStatus').encode({ podSandboxId: pod.podSandboxId }));

describe('curl', () => {
  async function call(path: string, body: string) {
    const headers = world.run.file('curl-headers');
    const reply = world.run.file('curl-reply');
    await run(programPath('curl'), [
      ...['--silent', '--show-error', '--http2-prior-knowledge', '--unix-socket', world.switchyard.socket],
      ...GRPC_HEADERS.flatMap((header) => ['--header', header]),
      ...[
        '--data-binary',
        `@${body}`,
        '--dump-header',
        headers,
        '--output',
        reply,
        `http://localhost${path}`,
      ],
    ]);
    return { headers: readFileSync(headers, 'utf8'), message: readFileSync(reply).subarray(5) };
  }

  it('gets a reply with its trailers', async () => {
    const { headers, message } = await call(VERSION_PATH, bodyFile('version', new Uint8Array()));
    expect(headers).toMatch(/^HTTP\/2 200 \r$/m);
    expect(headers).toMatch(/^content-type: application\/grpc\r$/m);
    expect(headers).toMatch(/^grpc-status: 0\r$/m);
    expect(codecOf('Version').decode(message).runtimeName).toBe('containerd');
  });

  it('gets the reply of a backend', async () => {
    const { headers, message } = await call(STATUS_PATH, podStatusBody());
    expect(headers).toMatch(/^grpc-status: 0\r$/m);
    expect(codecOf('PodSandboxStatus').decode(message).status?.id).toBe(pod.podSandboxId);
  });

  it('gets an error in the trailers', async () => {
    const nobody = codecOf('PodSandboxStatus').encode({ podSandboxId: 'e'.repeat(64) });
    const { headers } = await call(STATUS_PATH, bodyFile('nobody', nobody));
    expect(headers).toMatch(/^grpc-status: 5\r$/m);
    expect(headers).toMatch(/^grpc-message: .+\r$/m);
  });
});

describe('nghttp', () => {
  it('gets a reply with its trailers', async () => {
    const { stdout } = await run(programPath('nghttp'), [
      ...['--verbose', '--no-dep', '--data', podStatusBody()],
      ...GRPC_HEADERS.flatMap((header) => ['--header', header]),
      `http://127.0.0.1:${bytePort}${STATUS_PATH}`,
    ]);
    expect(stdout).toMatch(/:status: 200/);
    expect(stdout).toMatch(/grpc-status: 0/);
    expect(stdout).not.toMatch(/RST_STREAM|error_code=(?!NO_ERROR)/);
  });
});

describe('h2load', () => {
  async function load(path: string, body: string, calls: number) {
    const { stdout } = await run(programPath('h2load'), [
      ...['-n', String(calls), '-c', '4', '-m', '32', '-d', body, '-B', `unix:${world.switchyard.socket}`],
      ...GRPC_HEADERS.flatMap((header) => ['-H', header]),
      `http://localhost${path}`,
    ]);
    console.log(stdout.split('\n').find((line) => line.startsWith('finished in')));
    return stdout;
  }

  it.each([
    { what: 'Version', path: VERSION_PATH, calls: 20_000, body: () => bodyFile('version', new Uint8Array()) },
    { what: 'PodSandboxStatus', path: STATUS_PATH, calls: 4_000, body: podStatusBody },
  ])('makes $calls calls of $what on four connections, and none fails', async ({ path, calls, body }) => {
    const stdout = await load(path, body(), calls);
    expect(stdout).toContain(
      `${calls} total, ${calls} started, ${calls} done, ${calls} succeeded, 0 failed, 0 errored, 0 timeout`,
    );
    expect(stdout).toContain(`status codes: ${calls} 2xx, 0 3xx, 0 4xx, 0 5xx`);
  });
});

describe.each(['HAProxy', 'nginx'])('%s in front of Switchyard', (name) => {
  const open = () => new CriClient((name === 'nginx' ? nginx : haproxy).socket);

  it('carries calls of all sizes and their errors', async () => {
    using client = open();
    expect((await client.call('Version', {})).runtimeName).toBe('containerd');
    const { status: sandbox } = await client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(sandbox?.id).toBe(pod.podSandboxId);
    const missing = client.call('PodSandboxStatus', { podSandboxId: 'e'.repeat(64) });
    await expect(missing).rejects.toMatchObject({ code: status.NOT_FOUND });
    const cmd = ['sh', '-c', 'dd if=/dev/zero bs=1024 count=4096 2>/dev/null'];
    const large = await client.call('ExecSync', { containerId, cmd, timeout: 30 });
    expect(large.stdout).toHaveLength(4096 * 1024);
  });

  it('carries many calls at once', async () => {
    using client = open();
    const calls = Array.from({ length: 500 }, () =>
      client.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId }),
    );
    const ids = new Set((await Promise.all(calls)).map((reply) => reply.status?.id));
    expect([...ids]).toEqual([pod.podSandboxId]);
  });

  it('carries the life of a pod', async () => {
    using client = open();
    const own = await runPod(client, { cgroupParent: world.run.cgroupParent });
    const id = await runContainer(client, own, { image: IMAGES.app, args: ['-c', 'sleep 600'] });
    const said = await client.call('ExecSync', { containerId: id, cmd: ['echo', 'hello'], timeout: 10 });
    expect(said.stdout.toString()).toBe('hello\n');
    await client.call('StopPodSandbox', { podSandboxId: own.podSandboxId });
    await client.call('RemovePodSandbox', { podSandboxId: own.podSandboxId });
  });
});
