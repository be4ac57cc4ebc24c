// The life of images on a real containerd: pulled, found, run, removed. Run directly and through Switchyard, as pod-life.ts.
import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { IMAGES } from '../support/oci-image.ts';
import type { PodWorld } from './pod-life.ts';

/** Defines the tests in the current `describe`; `world` is asked when they run. */
export function defineImageLife(world: () => PodWorld): void {
  it('pulls an image from a registry, runs it and removes it', async () => {
    const { cri, pullable, cgroupParent, handler } = world();
    const pod = await runPod(cri, { cgroupParent, handler });
    const { imageRef } = await cri.call('PullImage', {
      image: { image: pullable },
      sandboxConfig: pod.config,
    });
    expect(imageRef).toMatch(/^sha256:[0-9a-f]{64}$/);
    const { image } = await cri.call('ImageStatus', { image: { image: pullable } });
    expect(image).toMatchObject({ id: imageRef });
    expect(image?.repoTags).toContain(pullable);

    const containerId = await runContainer(cri, pod, { image: imageRef, args: ['-c', 'sleep 600'] });
    const { status: running } = await cri.call('ContainerStatus', { containerId });
    expect(running?.imageRef).toContain('sha256:');

    await removePods(cri, [pod]);

    await cri.call('RemoveImage', { image: { image: pullable } });
    const gone = await cri.call('ImageStatus', { image: { image: pullable } });
    expect(gone.image).toBeNull();
  });

  it('says NOT_FOUND for an image that the registry lacks', async () => {
    const { cri, pullable } = world();
    const missing = pullable.replace(/:[^:/]+$/, ':no-such-tag');
    const pull = cri.call('PullImage', { image: { image: missing } });
    await expect(pull).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect((await cri.call('ImageStatus', { image: { image: missing } })).image).toBeNull();
  });

  it('lists images with all their tags', async () => {
    const { images } = await world().cri.call('ListImages', {});
    const tags = images.flatMap(({ repoTags }) => repoTags);
    expect(tags).toEqual(expect.arrayContaining([IMAGES.pause, IMAGES.app, IMAGES.appOtherTag]));
    const { imageFilesystems } = await world().cri.call('ImageFsInfo', {});
    expect(imageFilesystems.length).toBeGreaterThan(0);
  });
}
