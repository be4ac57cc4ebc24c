// Where pods land, seen on the backends' own sockets, and what a client sees of both backends at once.
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { codecOf, type Request, type Rpc } from '../support/cri-codec.ts';
import { aPodSandboxConfig, type PodTraits } from '../support/cri-configs.ts';
import { type Pod, removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { IMAGES } from '../support/oci-image.ts';
import { until } from '../support/until.ts';
import {
  BACKEND_ANNOTATION,
  RULE_ANNOTATION,
  sandboxIds,
  startWorld,
  type World,
  whyNoWorld,
} from './world.ts';

const skipReason = whyNoWorld();
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

async function aPod(traits: PodTraits & { handler?: string } = {}): Promise<Pod> {
  const pod = await runPod(world.cri, { cgroupParent: world.run.cgroupParent, ...traits });
  pods.push(pod);
  return pod;
}

/** The backend on whose own socket the pod shows. */
async function whereIs({ podSandboxId }: Pod): Promise<string> {
  const isOn = async (backend: 'old' | 'new') =>
    (await sandboxIds(world[backend].cri)).includes(podSandboxId);
  return [(await isOn('old')) ? 'old' : '', (await isOn('new')) ? 'new' : ''].join('');
}

describe('a pod through Switchyard', () => {
  it.each([
    { says: 'nothing', traits: {}, backend: 'old' },
    { says: 'a handler of the default backend', traits: { handler: 'runc' }, backend: 'old' },
    { says: 'a handler of the other backend', traits: { handler: 'runc2' }, backend: 'new' },
    {
      says: 'the name of a backend by annotation, in a namespace where it may',
      traits: { namespace: 'build-1', annotations: { [BACKEND_ANNOTATION]: 'new' } },
      backend: 'new',
    },
    {
      says: 'the name of a backend by annotation, in a namespace where it may not',
      traits: { namespace: 'default', annotations: { [BACKEND_ANNOTATION]: 'new' } },
      backend: 'old',
    },
    {
      says: 'an annotation that a rule matches',
      traits: { namespace: 'ci-7', annotations: { [RULE_ANNOTATION]: 'new' } },
      backend: 'new',
    },
    {
      says: 'an annotation of the rule, in a namespace that it does not match',
      traits: { namespace: 'shop', annotations: { [RULE_ANNOTATION]: 'new' } },
      backend: 'old',
    },
  ])('that says $says lands on $backend', async ({ traits, backend }) => {
    expect(await whereIs(await aPod(traits))).toBe(backend);
  });

  it('is refused when it asks for a handler that nobody has, and is nowhere', async () => {
    const before = [await sandboxIds(world.old.cri), await sandboxIds(world.new.cri)];
    const config = aPodSandboxConfig({ cgroupParent: world.run.cgroupParent });
    const refused = world.cri.call('RunPodSandbox', { config, runtimeHandler: 'kata-qemu' });
    await expect(refused).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('kata-qemu'),
    });
    expect([await sandboxIds(world.old.cri), await sandboxIds(world.new.cri)]).toEqual(before);
  });

  it('lands where it should also when many are made at once', async () => {
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, i) => aPod(i % 2 === 0 ? {} : { handler: 'runc2' })),
    );
    expect(await Promise.all(many.map(whereIs))).toEqual(many.map((_, i) => (i % 2 === 0 ? 'old' : 'new')));
  });

  it('stays on its backend when its sandbox is made anew', async () => {
    const first = await aPod({ name: 'again', uid: 'uid-again', handler: 'runc2' });
    await world.cri.call('StopPodSandbox', { podSandboxId: first.podSandboxId });
    const second = await aPod({ name: 'again', uid: 'uid-again', handler: 'runc2', attempt: 1 });
    expect([await whereIs(first), await whereIs(second)]).toEqual(['new', 'new']);
  });
});

describe('a client of Switchyard with pods on both backends', () => {
  async function twoPods() {
    const image = IMAGES.app;
    const args = ['-c', 'sleep 600'];
    const one = await aPod({ labels: { set: 'two-pods' } });
    const two = await aPod({ labels: { set: 'two-pods' }, handler: 'runc2' });
    const containers = [
      await runContainer(world.cri, one, { image, args, labels: { set: 'two-pods' } }),
      await runContainer(world.cri, two, { image, args, labels: { set: 'two-pods' } }),
    ] as const;
    return { one, two, containers };
  }

  it('sees the containers, pods and stats of both in one list', async () => {
    const { one, two, containers } = await twoPods();
    const labelSelector = { set: 'two-pods' };
    const bothPods = [one.podSandboxId, two.podSandboxId].sort();
    const bothContainers = [...containers].sort();

    const all = await world.cri.call('ListContainers', {});
    expect(all.containers.map(({ id }) => id).sort()).toEqual(bothContainers);
    const labelled = await world.cri.call('ListContainers', { filter: { labelSelector } });
    expect(labelled.containers.map(({ id }) => id).sort()).toEqual(bothContainers);
    expect(await sandboxIds(world.cri)).toEqual(bothPods);
    const stats = await world.cri.call('ListContainerStats', { filter: { labelSelector } });
    expect(stats.stats.map(({ attributes }) => attributes?.id).sort()).toEqual(bothContainers);
    const podStats = await world.cri.call('ListPodSandboxStats', { filter: { labelSelector } });
    expect(podStats.stats.map(({ attributes }) => attributes?.id).sort()).toEqual(bothPods);
  });

  it('gets the same lists from the Stream* calls, which no containerd here has', async () => {
    const { containers } = await twoPods();
    const streamed: string[] = [];
    for await (const part of world.cri.stream('StreamContainers', {})) {
      streamed.push(...part.containers.map(({ id }) => id));
    }
    expect(streamed.sort()).toEqual([...containers].sort());
  });

  it('gets replies that are byte for byte those of the owner', async () => {
    const { one, two, containers } = await twoPods();
    const same = async <R extends Rpc>(backend: 'old' | 'new', rpc: R, request: Request<R>) => {
      const bytes = codecOf(rpc).encode(request);
      const path = world.cri.pathOf(rpc);
      const through = await world.cri.rawCall(path, bytes);
      // containerd writes the entries of a map in any order: the owner is asked until it has the same order.
      await until(async () => {
        const direct = await world[backend].cri.rawCall(path, bytes);
        expect([rpc, through.code, through.details]).toEqual([rpc, direct.code, direct.details]);
        expect(through.trailers.getMap()).toEqual(direct.trailers.getMap());
        return Buffer.concat(through.messages).equals(Buffer.concat(direct.messages));
      }, `${backend} replies to ${rpc} with the same bytes`);
    };
    await same('old', 'PodSandboxStatus', { podSandboxId: one.podSandboxId });
    await same('new', 'PodSandboxStatus', { podSandboxId: two.podSandboxId });
    await same('old', 'ContainerStatus', { containerId: containers[0] });
    await same('new', 'ContainerStatus', { containerId: containers[1] });
    await same('old', 'ListContainers', { filter: { podSandboxId: one.podSandboxId } });
    await same('new', 'ListContainers', { filter: { podSandboxId: two.podSandboxId } });
    // An error of a backend comes as the backend said it.
    await same('old', 'StartContainer', { containerId: containers[0] });
    await same('new', 'StartContainer', { containerId: containers[1] });
  });

  it('may send the authority that old and new kubelets send', async () => {
    await twoPods();
    for (const authority of [
      'localhost',
      encodeURIComponent(world.switchyard.socket),
      world.switchyard.socket,
    ]) {
      using client = world.switchyard.connect('v1', authority);
      expect((await client.call('ListContainers', {})).containers).toHaveLength(2);
    }
  });

  it('sees what went where in the metrics', async () => {
    await twoPods();
    const metrics = await world.switchyard.metrics();
    for (const backend of ['old', 'new']) {
      expect(metrics).toMatch(new RegExp(`^switchyard_backend_up\\{backend="${backend}"\\} 1$`, 'm'));
    }
    expect(metrics).toMatch(/RunPodSandbox/);
  });
});
