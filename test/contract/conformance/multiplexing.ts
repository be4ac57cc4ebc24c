// What makes several runtimes one: joined lists, ids found wherever they are, pods and images that keep to their place.
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Request, Rpc } from '../../support/cri-codec.ts';
import { aContainerConfig } from '../../support/cri-configs.ts';
import { listenToEvents } from '../../support/event-listener.ts';
import { until } from '../../support/until.ts';
import { Bench } from './bench.ts';
import { LIFE, liveOut } from './events.ts';
import { listedIds, type SwitchyardPlan, sharedIds } from './switchyard-target.ts';
import type { Place } from './target.ts';

/** Defines the tests in the current `describe`; the plan has two places at least. */
export function defineMultiplexing({ places, target }: SwitchyardPlan): void {
  const benches = places.map((place) => new Bench(place, target));
  const [first] = benches;
  if (first === undefined || benches.length < 2) throw new Error('several places make a multiplexer');

  afterEach(async () => {
    for (const bench of benches) await bench.tidy();
  });
  afterAll(async () => {
    for (const bench of benches) await bench.clear();
  });

  /** Makes a call on a runtime's own socket. */
  async function directly<T>(place: Place, look: (bench: Bench) => Promise<T>): Promise<T> {
    const cri = target().direct(place);
    const own = new Bench({ ...place, handler: place.ownHandler }, () => ({ ...target(), cri }) as never);
    try {
      return await look(own);
    } finally {
      await own.tidy();
      cri.close();
    }
  }

  const podsOn = (place: Place) =>
    directly(place, async ({ cri }) => (await cri.call('ListPodSandbox', {})).items.map(({ id }) => id));
  const hasImage = (place: Place, image: string) =>
    directly(place, async ({ cri }) => (await cri.call('ImageStatus', { image: { image } })).image !== null);

  it('R1: lists all pods and containers of all runtimes under the ids that these have themselves', async () => {
    const expected = await sharedIds(benches);
    expect(await listedIds(first)).toEqual(expected);
    const own = await Promise.all(places.map(podsOn));
    expect(own.flat().sort()).toEqual(expected.pods);
  });

  it('R8: lists nothing twice', async () => {
    const { pods, containers } = await listedIds(first);
    expect(new Set(pods).size).toBe(pods.length);
    expect(new Set(containers).size).toBe(containers.length);
    const { stats } = await first.cri.call('ListContainerStats', {});
    expect(stats.map(({ attributes }) => attributes?.id).sort()).toEqual(containers);
  });

  it('runs a pod where its runtime handler says, and one without on the default runtime', async () => {
    const { podSandboxId } = await first.pod({ handler: '' });
    expect(await podsOn(first.place)).toContain(podSandboxId);
    for (const bench of benches) {
      const pod = await bench.pod();
      for (const place of places) {
        expect((await podsOn(place)).includes(pod.podSandboxId)).toBe(place === bench.place);
      }
    }
  });

  describe.each(places)('with $name', (place) => {
    const bench = benches.find((one) => one.place === place) ?? first;
    const other = benches.find((one) => one !== bench) ?? first;

    it('R3: reaches by its id what was made behind the back of Switchyard, and lists it', async () => {
      await directly(place, async (own) => {
        const pod = await own.pod();
        const containerId = await own.running(pod);
        const cmd = ['echo', 'found'];
        const { stdout } = await bench.cri.call('ExecSync', { containerId, cmd, timeout: 20 });
        expect(stdout.toString()).toBe('found\n');
        const { containers } = await bench.cri.call('ListContainers', {});
        expect(containers.map(({ id }) => id)).toContain(containerId);
        const { status } = await bench.cri.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
        expect(status?.id).toBe(pod.podSandboxId);
        await own.tidy();
        expect((await bench.cri.call('ListContainers', {})).containers.map(({ id }) => id)).not.toContain(
          containerId,
        );
      });
    });

    it('R13: keeps a pod on its runtime, though its next attempt would go elsewhere if it were the first', async () => {
      const pod = await bench.pod();
      await bench.cri.call('StopPodSandbox', { podSandboxId: pod.podSandboxId });
      const name = pod.config.metadata?.name ?? '';
      const next = await bench.pod({ uid: pod.uid, name, attempt: 1, handler: '' });
      expect(await podsOn(place)).toEqual(expect.arrayContaining([pod.podSandboxId, next.podSandboxId]));
    });

    it('R15: pulls an image on the runtime of the pod that it is for, and on no other', async () => {
      const { pullable } = bench.target;
      const { config } = await bench.shared();
      await bench.cri.call('PullImage', { image: { image: pullable }, sandboxConfig: config });
      for (const one of places) expect(await hasImage(one, pullable)).toBe(one === place);
      await bench.cri.call('RemoveImage', { image: { image: pullable } });
      for (const one of places) expect(await hasImage(one, pullable)).toBe(false);
    });

    it('R15: answers for the image of a pod from the runtime of the pod alone, and by its bare name from any', async () => {
      const { pullable } = bench.target;
      const annotations = { 'kubernetes.io/config.seen': `${Math.random()}` };
      await bench.pod({ annotations });
      await directly(other.place, ({ cri }) => cri.call('PullImage', { image: { image: pullable } }));
      const ofPod = await bench.cri.call('ImageStatus', { image: { image: pullable, annotations } });
      expect(ofPod.image).toBeNull();
      const bare = await bench.cri.call('ImageStatus', { image: { image: pullable } });
      expect(bare.image?.uid?.value).toBe(1000);
      await bench.cri.call('RemoveImage', { image: { image: pullable } });
      expect(await hasImage(other.place, pullable)).toBe(false);
    });

    it('R15: makes no container of an image that only another runtime has, and makes it when the image was pulled', async () => {
      const { pullable } = bench.target;
      const pod = await bench.pod();
      const imageOf = (at: Place) =>
        directly(at, async ({ cri }) => {
          await cri.call('PullImage', { image: { image: pullable } });
          return (await cri.call('ImageStatus', { image: { image: pullable } })).image?.id ?? '';
        });
      const image = { image: await imageOf(other.place), userSpecifiedImage: pullable };
      const config = { ...aContainerConfig(image), image };
      const { podSandboxId, config: sandboxConfig } = pod;
      const create = () => bench.cri.call('CreateContainer', { podSandboxId, config, sandboxConfig });
      await expect(create()).rejects.toMatchObject({ code: status.UNAVAILABLE });
      await bench.cri.call('PullImage', { image: { image: pullable }, sandboxConfig });
      const { containerId } = await create();
      const own = await directly(place, ({ cri }) => cri.call('ContainerStatus', { containerId }));
      expect(own.status?.id).toBe(containerId);
      await bench.cri.call('RemoveContainer', { containerId });
      for (const one of places)
        await directly(one, ({ cri }) => cri.call('RemoveImage', { image: { image: pullable } }));
    });

    it('R16: removes an image by its id where it is listed by that id, and leaves all others', async () => {
      const { pullable, image } = bench.target;
      await directly(place, ({ cri }) => cri.call('PullImage', { image: { image: pullable } }));
      const { image: found } = await bench.cri.call('ImageStatus', { image: { image: pullable } });
      await bench.cri.call('RemoveImage', { image: { image: found?.id ?? '' } });
      expect(await hasImage(place, pullable)).toBe(false);
      for (const one of places) expect(await hasImage(one, image)).toBe(true);
    });
  });

  it('R16: lists an image once for each form of its id, with the names of all, and removes it where it has that form', async () => {
    const { pullable } = first.target;
    for (const place of places) {
      await directly(place, ({ cri }) => cri.call('PullImage', { image: { image: pullable } }));
    }
    const { images } = await first.cri.call('ListImages', {});
    const ids = images.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    let left = places;
    const entries = images.filter(({ repoTags }) => repoTags.includes(pullable));
    for (const { id } of entries) {
      await first.cri.call('RemoveImage', { image: { image: id } });
      // containerd takes the bare digits that CRI-O has for ids: its own copy must stay all the same.
      left = left.filter(({ traits }) => !traits.imageId.test(id));
      for (const place of places) expect(await hasImage(place, pullable)).toBe(left.includes(place));
    }
    expect(left).toEqual([]);
  });

  it('tells every listener the lives of pods on all runtimes, each step once and in order', async () => {
    const clients = [target().connect(), target().connect()];
    const listeners = clients.map(listenToEvents);
    // An event of some other pod shows that the streams stand.
    await until(async () => {
      await first.pod();
      return listeners.every(({ events }) => events.length > 0);
    }, 'the streams stand');
    await first.tidy();

    const lives = await Promise.all(
      benches.map(async (bench) => {
        const pod = await bench.pod();
        return [pod.podSandboxId, await liveOut(bench, pod, listeners)];
      }),
    );
    for (const listener of listeners) {
      for (const id of lives.flat()) expect(listener.of(id)).toEqual(LIFE);
    }
    for (const client of clients) client.close();
  });

  it('R11: serves every list in parts, for one refusal would end them all', async () => {
    const lists: readonly Rpc[] = [
      'StreamPodSandboxes',
      'StreamContainers',
      'StreamContainerStats',
      'StreamPodSandboxStats',
      'StreamPodSandboxMetrics',
      'StreamImages',
    ];
    for (const rpc of lists) {
      expect(`${rpc} ${await first.code(rpc, {} as Request<Rpc>)}`).toBe(`${rpc} OK`);
    }
  });

  it('R11: streams statistics of the pods on all runtimes, also on those that have none of pods', async () => {
    const messages = await first.all('StreamPodSandboxStats', {});
    const ids = messages.flatMap(({ podSandboxStats }) => podSandboxStats.map((one) => one.attributes?.id));
    expect(ids.sort()).toEqual((await sharedIds(benches)).pods);
  });

  it('R19: tells the name of the default runtime, and its file systems first', async () => {
    const said = await first.cri.call('Version', {});
    const joined = await first.cri.call('ImageFsInfo', {});
    await directly(first.place, async ({ cri }) => {
      const own = await cri.call('Version', {});
      expect([said.runtimeName, said.runtimeVersion]).toEqual([own.runtimeName, own.runtimeVersion]);
      const { imageFilesystems } = await cri.call('ImageFsInfo', {});
      expect(joined.imageFilesystems[0]?.fsId).toEqual(imageFilesystems[0]?.fsId);
    });
    const mountpoints = joined.imageFilesystems.map(({ fsId }) => fsId?.mountpoint);
    expect(new Set(mountpoints).size).toBe(mountpoints.length);
  });

  it('R17: says of each runtime whether it is ready, and lists the runtime handlers of all', async () => {
    const { status, runtimeHandlers, info } = await first.cri.call('Status', { verbose: true });
    const conditions = new Map(status?.conditions.map(({ type, status: isTrue }) => [type, isTrue]));
    for (const { name } of places) expect(conditions.get(`Backend.${name}.Ready`)).toBe(true);
    for (const { handler, traits } of places) {
      if (traits.listsHandlers) expect(runtimeHandlers.map(({ name }) => name)).toContain(handler);
    }
    const keys = Object.keys(info);
    for (const { name } of places.slice(1)) {
      expect(keys.some((key) => key.startsWith(`${name}.`))).toBe(true);
    }
  });

  it('shows a pod that is made and removed again and again at every step, on each runtime', async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        benches.map(async (bench) => {
          const { podSandboxId } = await bench.pod();
          const isListed = async () =>
            (await bench.cri.call('ListPodSandbox', {})).items.some(({ id }) => id === podSandboxId);
          expect(await isListed()).toBe(true);
          await bench.cri.call('StopPodSandbox', { podSandboxId });
          await bench.cri.call('RemovePodSandbox', { podSandboxId });
          expect(await isListed()).toBe(false);
        }),
      );
    }
    await until(
      async () => (await listedIds(first)).pods.length === (await sharedIds(benches)).pods.length,
      'only the shared pods are left',
    );
  });
}
