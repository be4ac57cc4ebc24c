// A backend that dies while its pods run, and comes back: what Switchyard says meanwhile, and what is there after.
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CriError } from '../support/cri-client.ts';
import { type Pod, removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { IMAGES } from '../support/oci-image.ts';
import { until } from '../support/until.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const args = ['-c', 'sleep 600'];
let world: World;
let onOld: { pod: Pod; containerId: string };
let onNew: { pod: Pod; containerId: string };

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  onOld = await aPod('');
  onNew = await aPod('runc2');
});

afterAll(async () => {
  if (world !== undefined) await removePods(world.cri, [onOld.pod, onNew.pod]);
  await world?.[Symbol.asyncDispose]();
});

async function aPod(handler: string) {
  const pod = await runPod(world.cri, { cgroupParent: world.run.cgroupParent, handler });
  return { pod, containerId: await runContainer(world.cri, pod, { image: IMAGES.app, args }) };
}

const exec = (containerId: string) =>
  world.cri.call('ExecSync', { containerId, cmd: ['echo', 'here'], timeout: 10 });

/** The failure of a call that should fail. */
async function failureOf(call: Promise<unknown>): Promise<CriError> {
  return call.then(
    () => expect.unreachable('the call went well'),
    (error: CriError) => error,
  );
}

describe('Switchyard with a backend that died', () => {
  it('serves the other backend, and says UNAVAILABLE and names the dead one for all that needs it', async () => {
    const { podSandboxId } = onNew.pod;
    const { containerId } = onNew;
    const lastWord = [
      (await world.cri.call('PodSandboxStatus', { podSandboxId })).status,
      (await world.cri.call('ContainerStatus', { containerId })).status,
    ];
    await world.new.kill();

    expect((await exec(onOld.containerId)).stdout.toString()).toBe('here\n');
    const narrowed = await world.cri.call('ListContainers', { filter: { id: onOld.containerId } });
    expect(narrowed.containers.map(({ id }) => id)).toEqual([onOld.containerId]);
    const pod = await aPod('');
    await removePods(world.old.cri, [pod.pod]);

    // A list that lacked its pods would make a kubelet forget them: it shows what the dead one last said.
    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id).sort()).toEqual([onOld.pod.podSandboxId, onNew.pod.podSandboxId].sort());
    const running = await world.cri.call('ListContainers', { filter: { state: { state: 1 } } });
    expect(running.containers.map(({ id }) => id).sort()).toEqual(
      [onOld.containerId, onNew.containerId].sort(),
    );

    const failures = [
      await failureOf(exec(onNew.containerId)),
      await failureOf(world.cri.call('StopPodSandbox', { podSandboxId })),
      await failureOf(runPod(world.cri, { cgroupParent: world.run.cgroupParent, handler: 'runc2' })),
      // That nobody has this id cannot be known now.
      await failureOf(world.cri.call('ContainerStatus', { containerId: 'd'.repeat(64) })),
    ];
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: status.UNAVAILABLE });
      expect(failure.details).toMatch(/^switchyard: .*\bnew\b/);
    }

    // The image collector of a kubelet asks for the status of each container, and stops at the first error.
    const { containers } = await world.cri.call('ListContainers', {});
    for (const { id } of containers) await world.cri.call('ContainerStatus', { containerId: id });
    expect([
      (await world.cri.call('PodSandboxStatus', { podSandboxId })).status,
      (await world.cri.call('ContainerStatus', { containerId })).status,
    ]).toEqual(lastWord);
  });

  it('has all pods again, and reaches them, once the backend is back', async () => {
    await world.new.startAgain();
    await until(
      async () => (await exec(onNew.containerId).catch(() => undefined))?.exitCode === 0,
      'it answers',
    );
    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id).sort()).toEqual([onOld.pod.podSandboxId, onNew.pod.podSandboxId].sort());
  });
});
