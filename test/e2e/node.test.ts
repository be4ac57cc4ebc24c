// What a kubelet is told of the node as a whole, over three containerds of different ages: their answers, put together.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CriClient } from '../support/cri-client.ts';
import { codecOf, type Rpc } from '../support/cri-codec.ts';
import { type Pod, removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { IMAGES } from '../support/oci-image.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const HANDLERS = ['runc', 'runc17', 'runc2'];
const UNKNOWN = 2;
const UNIMPLEMENTED = 12;
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

async function aPod(handler: string, cgroupParent: string): Promise<string> {
  const pod = await runPod(world.cri, { handler, cgroupParent, name: `on-${handler}` });
  pods.push(pod);
  return runContainer(world.cri, pod, { image: IMAGES.app, args: ['-c', 'sleep 600'] });
}

const raw = (cri: CriClient, rpc: Rpc) => cri.rawCall(cri.pathOf(rpc), Buffer.alloc(0));
const direct = () => [world.old.cri, world.middle.cri, world.new.cri];

/** The ids in the answer to a list, however many messages it has. */
async function idsIn(cri: CriClient, rpc: Rpc): Promise<string[]> {
  const { code, details, messages } = await raw(cri, rpc);
  expect({ rpc, code, details }).toMatchObject({ code: 0 });
  const ids = messages.flatMap((message) => {
    const [records = []] = Object.values(codecOf(rpc).decode(message) as object).filter(Array.isArray);
    return records.map((record: { id?: string; attributes?: { id: string } }) =>
      record.attributes === undefined ? record.id : record.attributes.id,
    );
  });
  return ids.map(String).sort();
}

describe('the node, over containerd 1.6, 1.7 and 2', () => {
  it('R17: has the conditions of the default backend and one for each, and claims only what all places keep', async () => {
    const { status, runtimeHandlers, features } = await world.cri.call('Status', {});
    const [own, , newest] = await Promise.all(direct().map((cri) => cri.call('Status', {})));
    const conditions = status?.conditions.map(({ type, status: isTrue }) => ({ type, isTrue })) ?? [];
    const names = ['old', 'middle', 'new'].map((name) => ({ type: `Backend.${name}.Ready`, isTrue: true }));
    expect(conditions).toEqual(expect.arrayContaining(names));
    for (const { type, status: isTrue } of own?.status?.conditions ?? [])
      expect(conditions).toContainEqual({ type, isTrue });
    expect(features?.supplementalGroupsPolicy ?? false).toBe(false);
    const featuresOf = (name: string) => runtimeHandlers.find((handler) => handler.name === name)?.features;
    expect(featuresOf('runc2')).toEqual(
      newest?.runtimeHandlers.find((handler) => handler.name === 'runc')?.features,
    );
    // A pod without a handler may land on the default backend, which tells of no features.
    expect(featuresOf('')?.userNamespaces).toBe(false);
  });

  it('uses the cgroup driver of the backend that can say it, for the others cannot', async () => {
    expect((await raw(world.old.cri, 'RuntimeConfig')).code).toBe(UNIMPLEMENTED);
    expect((await raw(world.middle.cri, 'RuntimeConfig')).code).toBe(UNIMPLEMENTED);
    const own = await raw(world.new.cri, 'RuntimeConfig');
    expect((await raw(world.cri, 'RuntimeConfig')).messages).toEqual(own.messages);
  });

  it('shows the objects and statistics of all, in unary and in streamed lists, which none of them has', async () => {
    for (const handler of HANDLERS) await aPod(handler, world.run.cgroupParent);
    for (const [unary, streamed] of [
      ['ListPodSandbox', 'StreamPodSandboxes'],
      ['ListContainers', 'StreamContainers'],
      ['ListContainerStats', 'StreamContainerStats'],
      ['ListPodSandboxStats', 'StreamPodSandboxStats'],
    ] as const) {
      const own = (await Promise.all(direct().map((cri) => idsIn(cri, unary)))).flat().sort();
      expect(own.length).toBeGreaterThanOrEqual(HANDLERS.length);
      expect({ unary, ids: await idsIn(world.cri, unary) }).toEqual({ unary, ids: own });
      for (const cri of direct()) expect((await raw(cri, streamed)).code).toBe(UNIMPLEMENTED);
      expect({ streamed, ids: await idsIn(world.cri, streamed) }).toEqual({ streamed, ids: own });
    }
  });

  it('R11: shows the statistics of all pods while two backends refuse them for one of theirs', async () => {
    for (const handler of HANDLERS) await aPod(handler, world.run.cgroupParent);
    // containerd 1.7 refuses those of all its pods for one without a cgroup parent, 1.6 for one that is stopped.
    await aPod('runc17', '');
    await aPod('runc', world.run.cgroupParent);
    const running = pods.slice(0, -1).map(({ podSandboxId }) => podSandboxId);
    await world.cri.call('StopPodSandbox', { podSandboxId: pods.at(-1)?.podSandboxId ?? '' });
    for (const { cri } of [world.old, world.middle])
      expect((await raw(cri, 'ListPodSandboxStats')).code).toBe(UNKNOWN);
    for (const rpc of ['ListPodSandboxStats', 'StreamPodSandboxStats'] as const)
      expect(await idsIn(world.cri, rpc)).toEqual(running.toSorted());
    const { stats } = await world.cri.call('ListPodSandboxStats', {});
    for (const { linux } of stats) expect(linux?.memory?.workingSetBytes?.value).toBeGreaterThan(0);
  });

  it('R11: has no metrics of pods, as none of the backends has', async () => {
    for (const rpc of ['ListMetricDescriptors', 'ListPodSandboxMetrics'] as const) {
      for (const cri of direct()) expect((await raw(cri, rpc)).code).toBe(UNIMPLEMENTED);
      expect((await raw(world.cri, rpc)).code).toBe(UNIMPLEMENTED);
    }
    expect(await raw(world.cri, 'StreamPodSandboxMetrics')).toMatchObject({ code: 0, messages: [] });
  });
});
