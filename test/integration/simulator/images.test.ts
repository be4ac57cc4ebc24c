// Images of the simulated runtimes: names, ids, users, pulls, removals.
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES } from '../../../src/simulator/profile.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { BUSYBOX, type Stage, stage } from './stage.ts';

const APP = { references: ['localhost/app:1'], uid: 1000 };
const pull = (at: Stage, image: string) => at.client.call('PullImage', { image: { image } });
const lookAt = async (at: Stage, image: string) =>
  (await at.client.call('ImageStatus', { image: { image } })).image;

describe.each(PROFILE_NAMES)('images in %s', (profile) => {
  it('keep their user, which decides as whom containers run', async () => {
    await using at = await stage(profile, {
      registry: [APP, { references: ['localhost/named:1'], username: 'nobody' }],
    });
    await pull(at, 'localhost/app:1');
    await pull(at, 'localhost/named:1');
    expect((await lookAt(at, 'localhost/app:1'))?.uid?.value).toBe(1000);
    expect(await lookAt(at, 'localhost/named:1')).toMatchObject({ uid: null, username: 'nobody' });
    expect(await lookAt(at, BUSYBOX)).toMatchObject({ uid: null, username: '' });
  });

  it('are the same everywhere when their names are', async () => {
    await using one = await stage(profile);
    await using other = await stage(profile);
    expect(await pull(one, 'localhost/app')).toEqual(await pull(other, 'localhost/app:latest'));
  });
});

describe('image references', () => {
  it('that begin with sha256: are no ids for CRI-O, and are for the others', async () => {
    const knows = async (profile: 'cri-o' | 'containerd-2.1' | 'cri-dockerd') => {
      await using at = await stage(profile);
      const image = [...at.runtime.world.images.values()][0];
      return (await lookAt(at, `sha256:${image?.configDigest}`)) !== null;
    };
    expect(await knows('cri-o')).toBe(false);
    expect(await knows('containerd-2.1')).toBe(true);
    expect(await knows('cri-dockerd')).toBe(true);
  });

  it('as a container shows them may be another tag of the same image', async () => {
    await using at = await stage('containerd-2.1', {
      images: [{ references: ['localhost/app:1', 'localhost/app:stable'] }],
    });
    const podSandboxId = await at.pod();
    const config = aContainerConfig({ image: 'localhost/app:stable' });
    const sandboxConfig = aPodSandboxConfig();
    const { containerId } = await at.client.call('CreateContainer', { podSandboxId, config, sandboxConfig });
    const { status } = await at.client.call('ContainerStatus', { containerId });
    expect(status?.image?.image).toBe('localhost/app:1');
  });

  it('move to the image that got them last', async () => {
    await using at = await stage('containerd-2.1', { images: [{ references: ['localhost/app:1'], uid: 1 }] });
    at.runtime.world.images.add({ references: ['localhost/app:1'], uid: 2, configDigest: 'a'.repeat(64) });
    expect((await lookAt(at, 'localhost/app:1'))?.uid?.value).toBe(2);
  });
});

describe('ListImages', () => {
  it('of cri-dockerd lacks the user that ImageStatus has', async () => {
    await using at = await stage('cri-dockerd', { images: [APP] });
    const { images } = await at.client.call('ListImages', {
      filter: { image: { image: 'localhost/app:1' } },
    });
    expect(images).toMatchObject([{ uid: null }]);
    expect((await lookAt(at, 'localhost/app:1'))?.uid?.value).toBe(1000);
  });

  it('shows which images are pinned', async () => {
    await using at = await stage('cri-o', { images: [{ references: ['localhost/kept:1'], pinned: true }] });
    const { images } = await at.client.call('ListImages', {});
    const pinned = images.filter((image) => image.pinned).flatMap((image) => image.repoTags);
    expect(pinned.sort()).toEqual(['localhost/kept:1', 'localhost/pause:3.10']);
    const streamed: unknown[] = [];
    for await (const message of at.client.stream('StreamImages', {})) streamed.push(...message.images);
    expect(streamed).toEqual(images);
  });
});
