// Images of the simulated runtimes: names, ids, users, pulls, removals.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES } from '../../../src/simulator/profile.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { BUSYBOX, type Stage, stage } from './stage.ts';

const APP = { references: ['localhost/app:1'], uid: 1000 };
const pull = (at: Stage, image: string) => at.client.call('PullImage', { image: { image } });
const lookAt = async (at: Stage, image: string) =>
  (await at.client.call('ImageStatus', { image: { image } })).image;

describe.each(PROFILE_NAMES)('images in %s', (profile) => {
  it('are pulled, found, listed, used and removed', async () => {
    await using at = await stage(profile);
    expect(await lookAt(at, 'localhost/app:1')).toBeNull();
    const { imageRef } = await pull(at, 'localhost/app:1');
    const found = await lookAt(at, 'localhost/app:1');
    expect(found?.repoTags).toEqual(['localhost/app:1']);
    expect((await lookAt(at, imageRef))?.id).toBe(found?.id);
    const { images } = await at.client.call('ListImages', {});
    expect(images.map((image) => image.id)).toContain(found?.id);
    const podSandboxId = await at.pod();
    const config = aContainerConfig({ image: imageRef });
    const sandboxConfig = aPodSandboxConfig();
    const { containerId } = await at.client.call('CreateContainer', { podSandboxId, config, sandboxConfig });
    const { status } = await at.client.call('ContainerStatus', { containerId });
    expect(status?.image?.image).toBe('localhost/app:1');
    await at.client.call('RemoveImage', { image: { image: found?.id ?? '' } });
    expect(await lookAt(at, 'localhost/app:1')).toBeNull();
    await at.client.call('RemoveImage', { image: { image: found?.id ?? '' } });
  });

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

  it('that a registry lacks cannot be pulled', async () => {
    await using at = await stage(profile, { registry: [APP] });
    const code = profile.startsWith('containerd') || profile === 'reference' ? Code.NOT_FOUND : Code.UNKNOWN;
    await expect(pull(at, 'localhost/other:1')).rejects.toMatchObject({
      code,
      details: expect.stringContaining('localhost/other:1'),
    });
  });

  it('are the same everywhere when their names are', async () => {
    await using one = await stage(profile);
    await using other = await stage(profile);
    expect(await pull(one, 'localhost/app')).toEqual(await pull(other, 'localhost/app:latest'));
  });
});

describe('image references', () => {
  it.each([
    [
      'containerd-1.4',
      /^sha256:[0-9a-f]{64}$/,
      /^sha256:[0-9a-f]{64}$/,
      /^localhost\/busybox@sha256:[0-9a-f]{64}$/,
    ],
    [
      'containerd-2.1',
      /^sha256:[0-9a-f]{64}$/,
      /^sha256:[0-9a-f]{64}$/,
      /^localhost\/busybox@sha256:[0-9a-f]{64}$/,
    ],
    ['cri-o', /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/],
    [
      'cri-dockerd',
      /^sha256:[0-9a-f]{64}$/,
      /^localhost\/busybox@sha256:[0-9a-f]{64}$/,
      /^docker-pullable:\/\/localhost\/busybox@sha256:[0-9a-f]{64}$/,
    ],
  ] as const)(
    'of %s have its form as id, after a pull and in a container',
    async (profile, id, pulled, used) => {
      await using at = await stage(profile);
      expect((await pull(at, BUSYBOX)).imageRef).toMatch(pulled);
      expect((await lookAt(at, BUSYBOX))?.id).toMatch(id);
      const containerId = await at.running(await at.pod());
      expect((await at.client.call('ContainerStatus', { containerId })).status?.imageRef).toMatch(used);
    },
  );

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
  it.each([
    ['containerd-2.1', 2],
    ['cri-o', 1],
    ['cri-dockerd', 1],
  ] as const)('of %s with a filter gives %i of two images', async (profile, count) => {
    await using at = await stage(profile);
    const { images } = await at.client.call('ListImages', { filter: { image: { image: BUSYBOX } } });
    expect(images).toHaveLength(count);
  });

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

describe('ImageFsInfo', () => {
  it.each([
    ['containerd-2.1', 0],
    ['cri-o', 1],
    ['cri-dockerd', 1],
  ] as const)('of %s has an image filesystem and %i container filesystems', async (profile, count) => {
    await using at = await stage(profile);
    const reply = await at.client.call('ImageFsInfo', {});
    expect(reply.imageFilesystems[0]?.fsId?.mountpoint).toMatch(/^\/var\/lib\//);
    expect(reply.containerFilesystems).toHaveLength(count);
  });
});
