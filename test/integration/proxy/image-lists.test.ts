import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { runPod } from '../../support/cri-pod.ts';
import { addImage, calls, crash, has, listImages, lookUp } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld, type WorldBackend } from '../../support/proxy-world.ts';

const APP = 'registry.test/app:1';
const DIGITS = 'a1'.repeat(32);
const timeouts = { listMs: 1_000, statusMs: 1_000 };

/** `reference` has StreamImages, containerd has not. */
const BACKENDS: readonly WorldBackend[] = [
  { name: 'main', profile: 'containerd-2.1', timeouts },
  { name: 'side', profile: 'reference', handlers: { side: '', kata: 'kata-qemu' }, timeouts },
];

describe('lists of images over two runtimes', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const listed = () => listImages(world);
  const streamed = async () => {
    const images: Awaited<ReturnType<typeof listed>>[number][] = [];
    for await (const message of world.client.stream('StreamImages', {})) {
      expect(message.images.length).toBeGreaterThan(0);
      images.push(...message.images);
    }
    return images;
  };
  const byId = <T extends { readonly id: string }>(images: readonly T[]) =>
    [...images].sort((a, b) => (a.id < b.id ? -1 : 1));

  it('have an image of both once, with the tags of both, pinned if one pins it, by ListImages and StreamImages', async () => {
    world = await proxyWorld(BACKENDS);
    addImage(world, 'main', { references: [APP], configDigest: DIGITS, sizeBytes: 5, username: 'app' });
    addImage(world, 'side', {
      references: [APP, 'registry.test/other:2'],
      configDigest: DIGITS,
      manifestDigest: 'b2'.repeat(32),
      sizeBytes: 7,
      pinned: true,
    });
    const images = await listed();
    expect(new Set(images.map(({ id }) => id)).size).toBe(images.length);
    const merged = images.find(({ id }) => id === `sha256:${DIGITS}`);
    expect(merged).toMatchObject({
      repoTags: [APP, 'registry.test/other:2'],
      size: 7,
      pinned: true,
      username: 'app',
    });
    expect(merged?.repoDigests).toHaveLength(3);
    expect(byId(await streamed())).toEqual(byId(images));
  });

  it('R5: stand on the last list of a backend that is down, also as a stream', async () => {
    world = await proxyWorld(BACKENDS);
    addImage(world, 'side', { references: [APP], configDigest: DIGITS });
    await listImages(world);
    const before = byId(await listed());
    await crash(world, 'side');
    expect(byId(await listed())).toEqual(before);
    expect(byId(await streamed())).toEqual(before);
  });

  it('R6: fail while a backend was never listed and no journal knows its images', async () => {
    world = await proxyWorld([
      BACKENDS[0] as WorldBackend,
      { ...(BACKENDS[1] as WorldBackend), isDown: true },
    ]);
    const error = { code: status.UNAVAILABLE, details: expect.stringContaining('backend side') };
    await expect(listed()).rejects.toMatchObject(error);
    await expect(streamed()).rejects.toMatchObject(error);
  });

  it('R6: are whole right after a restart of Switchyard while a backend is down', async () => {
    world = await proxyWorld(BACKENDS);
    addImage(world, 'side', { references: [APP], configDigest: DIGITS });
    await listImages(world);
    const before = byId(await listed());
    world.runtime('side').crash();
    await world.restart('side');
    expect(byId(await listed())).toEqual(before);
  });

  it('R5: fail when a pull changed the images of a backend that went down before it was listed again', async () => {
    world = await proxyWorld(BACKENDS);
    await listed();
    const hang = world.runtime('side').faults.add('ListImages', { kind: 'hang' });
    await world.client.call('PullImage', { image: { image: APP, runtimeHandler: 'side' } });
    await crash(world, 'side');
    await expect(listed()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await world.restart('side');
    await expect(listed()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    hang.clear();
  });

  it('show a pull and a removal at once, as does a look-up', async () => {
    world = await proxyWorld(BACKENDS);
    for (const runtimeHandler of ['', 'side']) {
      await world.client.call('PullImage', { image: { image: APP, runtimeHandler } });
      const shown = (await listed()).find(({ repoTags }) => repoTags.includes(APP));
      expect(shown).toBeDefined();
      expect(await lookUp(world.client, APP)).not.toBeNull();
      await world.client.call('RemoveImage', { image: { image: shown?.id ?? '' } });
      expect((await listed()).some(({ repoTags }) => repoTags.includes(APP))).toBe(false);
      expect(await lookUp(world.client, APP)).toBeNull();
    }
  });

  it('ask each backend for its own name of a runtime handler', async () => {
    world = await proxyWorld(BACKENDS);
    const image = { image: APP, runtimeHandler: 'kata' };
    await world.client.call('PullImage', { image });
    await world.client.call('ImageStatus', { image });
    await world.client.call('ListImages', { filter: { image } });
    await world.client.call('RemoveImage', { image });
    for (const rpc of ['PullImage', 'ImageStatus', 'RemoveImage']) {
      const [arrived] = world.runtime('side').journal.filter(({ method }) => method === rpc);
      expect(Buffer.from(arrived?.requestBytes ?? []).toString('latin1'), rpc).toContain('kata-qemu');
    }
    const filtered = world
      .runtime('side')
      .journal.filter(({ method, requestBytes }) => method === 'ListImages' && requestBytes.length > 0);
    expect(Buffer.from(filtered[0]?.requestBytes ?? []).toString('latin1')).toContain('kata-qemu');
    expect(calls(world, 'main', 'PullImage')).toBe(0);
  });

  it('an image that is on one backend and needed on another is pulled there, and no credential is kept', async () => {
    world = await proxyWorld(BACKENDS);
    addImage(world, 'main', { references: [APP], configDigest: DIGITS });
    const pod = await runPod(world.client, { handler: 'side', annotations: { a: 'b' } });
    expect(await lookUp(world.client, APP, { a: 'b' })).toBeNull();
    const secrets = {
      password: 'pass-for-nobody',
      auth: 'auth-for-nobody',
      identityToken: 'identity-for-nobody',
      registryToken: 'registry-for-nobody',
    };
    await world.client.call('PullImage', {
      image: { image: APP, annotations: { a: 'b' } },
      auth: { username: 'someone', ...secrets },
      sandboxConfig: pod.config,
    });
    expect([has(world, 'main', APP), has(world, 'side', APP)]).toEqual([true, true]);
    const arrived = world.runtime('side').journal.find(({ method }) => method === 'PullImage');
    const sent = Buffer.from(arrived?.requestBytes ?? []).toString('latin1');
    world.runtime('side').faults.add('PullImage', { kind: 'cut' }, { calls: 1 });
    const again = { image: { image: APP }, auth: secrets, sandboxConfig: pod.config };
    await expect(world.client.call('PullImage', again)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await listImages(world);
    await world.switchyard.close();
    const journal = await readFile(world.dir.file('state/journal'), 'latin1');
    expect(journal).toContain(APP);
    const log = JSON.stringify(world.lines);
    for (const secret of Object.values(secrets)) {
      expect(sent).toContain(secret);
      expect(journal).not.toContain(secret);
      expect(log).not.toContain(secret);
    }
  });
});
