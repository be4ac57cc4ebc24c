// A backend whose image service has a socket of its own, as those of snapshotters that learn the credentials of pulls.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProfileName } from '../../../src/simulator/profile.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const PULLED = 'registry.example/pulled:1';

describe.each(['containerd-2.1', 'containerd-1.4'] as const)(
  'an imageEndpoint over %s',
  (profile: ProfileName) => {
    let sockets: TempDir;
    let world: ProxyWorld;

    beforeEach(async () => {
      sockets = await tempDir();
      const timeouts = { listMs: 200, statusMs: 200 };
      world = await proxyWorld([
        { name: 'one', profile, timeouts, runtime: { imageSocket: sockets.file('images.sock') } },
        { name: 'two', profile: 'cri-o', timeouts, handlers: { two: '' } },
      ]);
      await until(() => saysImages('ready'), 'the image service is met');
    });

    afterEach(async () => {
      await world[Symbol.asyncDispose]();
      await sockets[Symbol.asyncDispose]();
    });

    const saysImages = (state: string) =>
      world.lines.filter(({ text }) => text.startsWith('image service')).at(-1)?.fields['state'] === state;
    const journal = (name: string, method: string) =>
      world.runtime(name).journal.filter((entry) => entry.method === method).length;
    const imageNames = async () => {
      const { images } = await world.client.call('ListImages', {});
      return images.flatMap(({ repoTags }) => repoTags);
    };

    it('serves pulls, look-ups, lists, removals and file systems; the other socket all else', async () => {
      const { client } = world;
      const pod = await runPod(client);
      const { imageRef } = await client.call('PullImage', { image: { image: PULLED } });
      expect(journal('one', 'PullImage')).toBe(1);
      const found = await client.call('ImageStatus', { image: { image: PULLED } });
      expect(found.image?.id).toBe(imageRef);
      await until(async () => (await imageNames()).includes(PULLED), 'it is listed');
      expect((await client.call('ImageFsInfo', {})).imageFilesystems.length).toBeGreaterThan(0);
      await runContainer(client, pod, { image: PULLED });
      await client.call('RemoveImage', { image: { image: PULLED } });
      expect((await client.call('ImageStatus', { image: { image: PULLED } })).image).toBeNull();
    });

    it('is asked in the CRI version it speaks, without a Version call', async () => {
      await imageNames();
      const lists = world.runtime('one').journal.filter(({ method }) => method === 'ListImages');
      const version = profile === 'containerd-1.4' ? 'v1alpha2' : 'v1';
      const paths = new Set(lists.map(({ path }) => path));
      expect(paths).toEqual(new Set([`/runtime.${version}.ImageService/ListImages`]));
    });

    it('is absent by itself: pods go on, lists show its images, image calls fail and say why', async () => {
      const { client } = world;
      const before = await imageNames();
      const pod = await runPod(client);
      world.runtime('one').crashImages();
      await until(() => saysImages('unreachable'), 'it is missed');
      await runContainer(client, pod, { image: SIMULATED_IMAGE });
      expect((await client.call('ListContainers', {})).containers).toHaveLength(1);
      expect((await imageNames()).sort()).toEqual(before.sort());
      await expect(client.call('PullImage', { image: { image: PULLED } })).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringContaining('the image service of backend one is unreachable'),
      });
      expect(world.lines.some(({ text }) => text === 'backend is absent')).toBe(false);
      await world.runtime('one').restart();
      await until(() => saysImages('ready'), 'it is met again');
      await client.call('PullImage', { image: { image: PULLED } });
    });
  },
);
