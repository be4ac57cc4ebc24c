// The life of pods on a real containerd, step by step as a kubelet does it. The same tests run directly on each
// containerd and through Switchyard: what holds directly must hold through it.
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import type { CriClient } from '../support/cri-client.ts';
import { codecOf, type Request, type Rpc } from '../support/cri-codec.ts';
import type { PodTraits } from '../support/cri-configs.ts';
import { type Pod, removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { CriStream } from '../support/cri-stream.ts';
import { IMAGES } from '../support/oci-image.ts';
import { until } from '../support/until.ts';

/** Where the tests run their pods. */
export interface PodWorld {
  readonly cri: CriClient;
  /** Goes into every RunPodSandbox. */
  readonly handler: string;
  /** The cgroup parent of the pods. */
  readonly cgroupParent: string;
  /** A folder for logs. */
  readonly logs: string;
  /** Whether StopContainer and StopPodSandbox of an unknown id are OK; containerd 1.6 says NOT_FOUND. */
  readonly stopsUnknownIds: boolean;
  /** The name by which an image can be pulled. */
  readonly pullable: string;
}

const attempt = <R extends Rpc>(cri: CriClient, rpc: R, request: Request<R>) =>
  cri.rawCall(cri.pathOf(rpc), codecOf(rpc).encode(request));

const CONTAINER_RUNNING = 1;
const CONTAINER_EXITED = 2;
const SANDBOX_READY = 0;
const SANDBOX_NOTREADY = 1;
const SLEEP = ['-c', 'sleep 600'];

/** Defines the tests in the current `describe`; `world` is asked when they run. */
export function definePodLife(world: () => PodWorld): void {
  let pods: Pod[] = [];

  async function aPod(traits: PodTraits = {}): Promise<Pod> {
    const { cri, handler, cgroupParent, logs } = world();
    const logDirectory = path.join(logs, `pod-${Math.random().toString(36).slice(2)}`);
    mkdirSync(logDirectory, { recursive: true });
    const pod = await runPod(cri, { cgroupParent, logDirectory, handler, ...traits });
    pods.push(pod);
    return pod;
  }

  afterEach(async () => {
    const made = pods;
    pods = [];
    if (made.length > 0) await removePods(world().cri, made);
  });

  it('creates, starts, stops and removes a container, and each step shows in its status', async () => {
    const { cri } = world();
    const pod = await aPod({ labels: { tier: 'front' } });
    const sandbox = await cri.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(sandbox.status).toMatchObject({ id: pod.podSandboxId, state: SANDBOX_READY });
    expect(sandbox.status?.labels['tier']).toBe('front');
    expect(sandbox.status?.network?.ip).toMatch(/^10\./);

    const containerId = await runContainer(cri, pod, { image: IMAGES.app, args: SLEEP });
    const stateNow = async () => (await cri.call('ContainerStatus', { containerId })).status?.state;
    expect(await stateNow()).toBe(CONTAINER_RUNNING);

    await cri.call('StopContainer', { containerId, timeout: 0 });
    expect(await stateNow()).toBe(CONTAINER_EXITED);
    await cri.call('RemoveContainer', { containerId });
    await expect(cri.call('ContainerStatus', { containerId })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });

    await cri.call('StopPodSandbox', { podSandboxId: pod.podSandboxId });
    const stopped = await cri.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
    expect(stopped.status?.state).toBe(SANDBOX_NOTREADY);
    await cri.call('RemovePodSandbox', { podSandboxId: pod.podSandboxId });
    const left = await cri.call('ListPodSandbox', { filter: { id: pod.podSandboxId } });
    expect(left.items).toEqual([]);
  });

  it('finds containers by id, pod sandbox, state and label, and by a prefix of the id', async () => {
    const { cri } = world();
    const pod = await aPod();
    const containerId = await runContainer(cri, pod, {
      image: IMAGES.app,
      args: SLEEP,
      labels: { role: 'db' },
    });
    const filters = [
      { id: containerId },
      { id: containerId.slice(0, 16) },
      { podSandboxId: pod.podSandboxId },
      { labelSelector: { role: 'db', 'io.kubernetes.container.name': 'main' } },
      { state: { state: CONTAINER_RUNNING }, podSandboxId: pod.podSandboxId },
    ];
    for (const filter of filters) {
      const { containers } = await cri.call('ListContainers', { filter });
      expect(containers.map(({ id }) => id)).toEqual([containerId]);
    }
    const short = await cri.call('ContainerStatus', { containerId: containerId.slice(0, 16) });
    expect(short.status?.id).toBe(containerId);
  });

  it('runs a command with ExecSync and gives its output and exit code', async () => {
    const { cri } = world();
    const containerId = await runContainer(cri, await aPod(), { image: IMAGES.app, args: SLEEP });
    const cmd = ['sh', '-c', 'echo out; echo err >&2; exit 7'];
    const result = await cri.call('ExecSync', { containerId, cmd, timeout: 20 });
    expect(result.stdout.toString()).toBe('out\n');
    expect(result.stderr.toString()).toBe('err\n');
    expect(result.exitCode).toBe(7);
  });

  it('gives a large output of ExecSync whole', async () => {
    const { cri } = world();
    const containerId = await runContainer(cri, await aPod(), { image: IMAGES.app, args: SLEEP });
    const cmd = ['sh', '-c', 'dd if=/dev/zero bs=1024 count=4096 2>/dev/null'];
    const result = await cri.call('ExecSync', { containerId, cmd, timeout: 20 });
    expect(result.stdout).toHaveLength(4096 * 1024);
  });

  it('ends ExecSync with DEADLINE_EXCEEDED when the command outlives its timeout', async () => {
    const { cri } = world();
    const containerId = await runContainer(cri, await aPod(), { image: IMAGES.app, args: SLEEP });
    const late = cri.call('ExecSync', { containerId, cmd: ['sleep', '600'], timeout: 1 });
    await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  it('streams Exec both ways over the URL it gives', async () => {
    const { cri } = world();
    const containerId = await runContainer(cri, await aPod(), { image: IMAGES.app, args: SLEEP });
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
    const { cri } = world();
    const pod = await aPod();
    const args = ['-c', 'while read line; do echo "got $line"; done'];
    const containerId = await runContainer(cri, pod, { image: IMAGES.app, args, stdin: true });
    const { url } = await cri.call('Attach', { containerId, stdin: true, stdout: true, stderr: true });
    using stream = await CriStream.open(url);
    stream.send('one\n');
    await until(() => stream.text('stdout') === 'got one\n', 'the container answers');
  });

  it('streams PortForward both ways over the URL it gives', async () => {
    const { cri } = world();
    const pod = await aPod();
    const args = ['-c', 'nc -l -p 8080 -e cat & sleep 600'];
    const containerId = await runContainer(cri, pod, { image: IMAGES.app, args });
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
    const { cri } = world();
    const pod = await aPod();
    // It says one more word whenever the file /tmp/go appears.
    const script = 'echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo second >&2; sleep 600';
    const containerId = await runContainer(cri, pod, {
      image: IMAGES.app,
      args: ['-c', script],
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

  it('keeps the exit code and the reason of a container that ended', async () => {
    const { cri } = world();
    const containerId = await runContainer(cri, await aPod(), { image: IMAGES.app, args: ['-c', 'exit 3'] });
    const isOver = async () =>
      (await cri.call('ContainerStatus', { containerId })).status?.state === CONTAINER_EXITED;
    await until(isOver, 'the container has ended');
    const { status: ended } = await cri.call('ContainerStatus', { containerId });
    expect(ended).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  it('changes the resources of a running container', async () => {
    const { cri } = world();
    const containerId = await runContainer(cri, await aPod(), { image: IMAGES.app, args: SLEEP });
    await cri.call('UpdateContainerResources', {
      containerId,
      linux: { cpuShares: 512, memoryLimitInBytes: 64 << 20 },
    });
  });

  it('gives stats of containers and pods', async () => {
    const { cri } = world();
    const pod = await aPod();
    const containerId = await runContainer(cri, pod, { image: IMAGES.app, args: SLEEP });
    const one = await cri.call('ContainerStats', { containerId });
    expect(one.stats?.attributes?.id).toBe(containerId);
    expect(one.stats?.memory?.workingSetBytes?.value).toBeGreaterThan(0);
    const list = await cri.call('ListContainerStats', { filter: { podSandboxId: pod.podSandboxId } });
    expect(list.stats.map(({ attributes }) => attributes?.id)).toEqual([containerId]);

    const podStats = await cri.call('PodSandboxStats', { podSandboxId: pod.podSandboxId });
    expect(podStats.stats?.attributes?.id).toBe(pod.podSandboxId);
    const podList = await cri.call('ListPodSandboxStats', { filter: { id: pod.podSandboxId } });
    expect(podList.stats.map(({ attributes }) => attributes?.id)).toEqual([pod.podSandboxId]);
  });

  it('says NOT_FOUND for ids that nobody has, and OK when they are to be stopped or removed', async () => {
    const { cri, stopsUnknownIds } = world();
    const nobody = 'f'.repeat(64);
    const notFound = { code: status.NOT_FOUND };
    await expect(cri.call('PodSandboxStatus', { podSandboxId: nobody })).rejects.toMatchObject(notFound);
    await expect(cri.call('ContainerStatus', { containerId: nobody })).rejects.toMatchObject(notFound);
    await expect(cri.call('StartContainer', { containerId: nobody })).rejects.toMatchObject(notFound);
    const replies = [
      await attempt(cri, 'RemoveContainer', { containerId: nobody }),
      await attempt(cri, 'RemovePodSandbox', { podSandboxId: nobody }),
      await attempt(cri, 'StopContainer', { containerId: nobody }),
      await attempt(cri, 'StopPodSandbox', { podSandboxId: nobody }),
    ];
    const stop = stopsUnknownIds ? status.OK : status.NOT_FOUND;
    expect(replies.map(({ code }) => code)).toEqual([status.OK, status.OK, stop, stop]);
  });
}
