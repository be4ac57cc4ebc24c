import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';
import { runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

describe('images over two runtimes', () => {
  let world: ProxyWorld;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'containerd-1.7', handlers: { side: '' } },
    ]);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const pulls = (name: string) =>
    world.runtime(name).journal.filter(({ method }) => method === 'PullImage').length;

  it('R15: pulls on the backend of the pod the pull is for', async () => {
    const pod = await runPod(world.client, { handler: 'side' });
    await world.client.call('PullImage', {
      image: { image: 'registry.test/app:1', annotations: pod.config.annotations },
      sandboxConfig: pod.config,
    });
    expect(pulls('side')).toBe(1);
    expect(pulls('main')).toBe(0);
  });

  it('pulls on the default backend when nothing says which pod it is for', async () => {
    await world.client.call('PullImage', { image: { image: 'registry.test/app:2' } });
    expect(pulls('main')).toBe(1);
  });

  it('R15: answers a look-up with the annotations of a pod from its backend alone', async () => {
    const annotations = { 'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000001Z' };
    const pod = await runPod(world.client, { handler: 'side', annotations });
    const image = { image: 'registry.test/app:3', annotations };
    using main = world.direct('main');
    await main.call('PullImage', { image: { image: 'registry.test/app:3' } });
    expect((await world.client.call('ImageStatus', { image })).image).toBeNull();
    await world.client.call('PullImage', { image, sandboxConfig: pod.config });
    expect((await world.client.call('ImageStatus', { image })).image?.repoTags).toContain(
      'registry.test/app:3',
    );
  });

  it('R15: finds an image by its bare name wherever it is', async () => {
    using side = world.direct('side');
    await side.call('PullImage', { image: { image: 'registry.test/only-side:1' } });
    const { image } = await world.client.call('ImageStatus', {
      image: { image: 'registry.test/only-side:1' },
    });
    expect(image?.repoTags).toContain('registry.test/only-side:1');
  });

  it('R15: says UNAVAILABLE, not "no such image", while a backend that may have it is down', async () => {
    world.runtime('side').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    await expect(
      world.client.call('ImageStatus', { image: { image: 'registry.test/nowhere:1' } }),
    ).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('lists an image that both have once, with the tags of both', async () => {
    using main = world.direct('main');
    using side = world.direct('side');
    await main.call('PullImage', { image: { image: 'registry.test/both:1' } });
    await side.call('PullImage', { image: { image: 'registry.test/both:1' } });
    const { images } = await world.client.call('ListImages', {});
    const ids = images.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(images.filter(({ repoTags }) => repoTags.includes('registry.test/both:1'))).toHaveLength(1);
  });

  it('R16: removes an image by its id from every backend that lists it, and only there', async () => {
    using side = world.direct('side');
    const { imageRef } = await side.call('PullImage', { image: { image: 'registry.test/gone:1' } });
    await world.client.call('RemoveImage', { image: { image: imageRef } });
    expect((await side.call('ImageStatus', { image: { image: imageRef } })).image).toBeNull();
    expect(world.runtime('main').journal.filter(({ method }) => method === 'RemoveImage')).toEqual([]);
  });

  it('removes an image by its tag wherever it is, and says OK for one that is nowhere', async () => {
    using side = world.direct('side');
    await side.call('PullImage', { image: { image: 'registry.test/tagged:1' } });
    await world.client.call('RemoveImage', { image: { image: 'registry.test/tagged:1' } });
    expect((await side.call('ImageStatus', { image: { image: 'registry.test/tagged:1' } })).image).toBeNull();
    await world.client.call('RemoveImage', { image: { image: 'registry.test/never-was:1' } });
  });

  it('lists the images of a backend that is down, also one pulled just before', async () => {
    const pod = await runPod(world.client, { handler: 'side' });
    const image = { image: 'registry.test/late:1' };
    await world.client.call('PullImage', { image, sandboxConfig: pod.config });
    const before = await world.client.call('ListImages', {});
    world.runtime('side').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    const { images } = await world.client.call('ListImages', {});
    expect(images.some(({ repoTags }) => repoTags.includes('registry.test/late:1'))).toBe(true);
    expect(images.length).toBe(before.images.length);
  });

  it('puts the file systems of the default backend first', async () => {
    using main = world.direct('main');
    const own = await main.call('ImageFsInfo', {});
    const joined = await world.client.call('ImageFsInfo', {});
    expect(joined.imageFilesystems[0]?.fsId).toEqual(own.imageFilesystems[0]?.fsId);
  });

  it('pulls on the backend of a pod whose sandbox is being made right now', async () => {
    const config = aPodSandboxConfig();
    const hang = world.runtime('side').faults.add('RunPodSandbox', { kind: 'hang' });
    const running = world.client.call('RunPodSandbox', { config, runtimeHandler: 'side' });
    await until(
      () => world.runtime('side').journal.some(({ method }) => method === 'RunPodSandbox'),
      'the sandbox is being made',
    );
    await world.client.call('PullImage', {
      image: { image: 'registry.test/early:1' },
      sandboxConfig: config,
    });
    expect(pulls('side')).toBe(1);
    hang.clear();
    await running;
  });
});
