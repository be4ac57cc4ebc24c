// Switchyard ends and comes back while pods run: nothing of them is lost, and nothing of itself stays behind.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { builtProgram } from '../support/built-program.ts';
import { type Pod, removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { IMAGES } from '../support/oci-image.ts';
import { until } from '../support/until.ts';
import { sandboxIds, startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const args = ['-c', 'sleep 600'];
let world: World;
let pods: Pod[] = [];

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason === undefined) world = await startWorld();
});

afterEach(async () => {
  const made = pods;
  pods = [];
  if (made.length > 0) await removePods(world.cri, made);
});

afterAll(() => world?.[Symbol.asyncDispose]());

async function aPod(handler: string): Promise<{ pod: Pod; containerId: string }> {
  const pod = await runPod(world.cri, { cgroupParent: world.run.cgroupParent, handler });
  pods.push(pod);
  return { pod, containerId: await runContainer(world.cri, pod, { image: IMAGES.app, args }) };
}

describe('Switchyard that is killed and started again', () => {
  it('lists all pods and reaches each by its id, on a connection that the client had before', async () => {
    const made = [await aPod(''), await aPod('runc2'), await aPod(''), await aPod('runc2')];
    const before = await sandboxIds(world.cri);
    const pid = world.switchyard.pid;
    await world.switchyard.kill();
    await world.switchyard.startAgain();
    expect(world.switchyard.pid).not.toBe(pid);

    await world.cri.ready();
    for (const { pod, containerId } of made) {
      const said = await world.cri.call('ExecSync', {
        containerId,
        cmd: ['echo', 'still here'],
        timeout: 10,
      });
      expect(said.stdout.toString()).toBe('still here\n');
      const { status: sandbox } = await world.cri.call('PodSandboxStatus', {
        podSandboxId: pod.podSandboxId,
      });
      expect(sandbox?.id).toBe(pod.podSandboxId);
    }
    expect(await sandboxIds(world.cri)).toEqual(before);
  });

  it('reaches a container by its id alone, without a list before', async () => {
    const { pod, containerId } = await aPod('runc2');
    await world.switchyard.kill();
    await world.switchyard.startAgain();
    using client = world.switchyard.connect();
    await client.call('StopContainer', { containerId, timeout: 0 });
    await client.call('RemoveContainer', { containerId });
    const left = await world.new.cri.call('ListContainers', { filter: { podSandboxId: pod.podSandboxId } });
    expect(left.containers).toEqual([]);
  });

  it('keeps a pod on its backend also when the rules alone would send it elsewhere', async () => {
    const first = await runPod(world.cri, {
      cgroupParent: world.run.cgroupParent,
      uid: 'uid-kept',
      name: 'kept',
      handler: 'runc2',
    });
    pods.push(first);
    await world.switchyard.kill();
    await world.switchyard.startAgain();
    await world.cri.ready();
    await world.cri.call('StopPodSandbox', { podSandboxId: first.podSandboxId });
    const second = await runPod(world.cri, {
      cgroupParent: world.run.cgroupParent,
      uid: 'uid-kept',
      name: 'kept',
      attempt: 1,
    });
    pods.push(second);
    expect(await sandboxIds(world.new.cri)).toContain(second.podSandboxId);
  });
});

describe('Switchyard that is asked to stop', () => {
  it('lets a call in flight end, takes no more, removes its socket and exits with 0', async () => {
    const { containerId } = await aPod('runc2');
    const cmd = ['sh', '-c', 'echo begun > /tmp/begun; until [ -e /tmp/go ]; do sleep 0.05; done; echo done'];
    const inFlight = world.cri.call('ExecSync', { containerId, cmd, timeout: 30 });
    const direct = (command: string) =>
      world.new.cri.call('ExecSync', { containerId, cmd: ['sh', '-c', command], timeout: 10 });
    await until(async () => (await direct('cat /tmp/begun')).exitCode === 0, 'the command runs');

    const stopped = world.switchyard.stop();
    await until(() => !existsSync(world.switchyard.socket), 'the socket is gone');
    await direct('echo > /tmp/go');
    expect((await inFlight).stdout.toString()).toBe('done\n');
    expect(await stopped).toEqual({ code: 0, signal: null });

    await world.switchyard.startAgain();
    await world.cri.ready();
  });
});

describe('a second Switchyard on the same socket', () => {
  it('is refused, and the first goes on', async () => {
    const args = [builtProgram(), 'serve', '--config', world.switchyard.configFile];
    const second = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    expect(second.status).not.toBe(0);
    expect(`${second.stdout}${second.stderr}`).toContain(world.switchyard.socket);
    const reply = await world.cri.rawCall(world.cri.pathOf('Version'), Buffer.alloc(0));
    expect(reply.code).toBe(status.OK);
  });
});
