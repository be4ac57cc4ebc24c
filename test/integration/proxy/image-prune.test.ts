// `crictl rmi --prune` over runtimes on which one name is two images. It keeps what it finds by the names that containers
// were created with, and one look-up finds the image of one runtime only.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removePods, runContainer, runPod } from '../../support/cri-pod.ts';
import { pruneAsCrictl } from '../../support/crictl-prune.ts';
import { addImage, crash, has, listImages, lookUp } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';

const APP = 'registry.test/app:1';
const IMAGES = { main: 'a1'.repeat(32), twin: 'b2'.repeat(32), crio: 'c3'.repeat(32) };
const UNUSED = 'd4'.repeat(32);
const timeouts = { listMs: 1_000, statusMs: 1_000 };

describe('crictl rmi --prune over runtimes whose images of one name differ', () => {
  let world: ProxyWorld;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1', timeouts },
      { name: 'twin', profile: 'containerd-1.7', handlers: { twin: '' }, timeouts },
      { name: 'crio', profile: 'cri-o', handlers: { crio: '' }, timeouts },
    ]);
    for (const [name, configDigest] of Object.entries(IMAGES))
      addImage(world, name, { references: [APP], configDigest });
    addImage(world, 'twin', { references: ['registry.test/old:1'], configDigest: UNUSED });
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const run = async (handler: string, image = APP) => {
    const pod = await runPod(world.client, { handler });
    await runContainer(world.client, pod, { image });
    return pod;
  };
  const remove = (image: string) => world.client.call('RemoveImage', { image: { image } });

  it('removes no image that a container uses, on any runtime, and all others', async () => {
    for (const handler of ['', 'twin', 'crio']) await run(handler);
    const removed = await pruneAsCrictl(world.client);
    expect(Object.keys(IMAGES).filter((name) => has(world, name, APP))).toEqual(['main', 'twin', 'crio']);
    expect(removed).toContain(`sha256:${UNUSED}`);
    expect(has(world, 'twin', 'registry.test/old:1')).toBe(false);
  });

  it('removes an image once its container is gone', async () => {
    const pod = await run('twin');
    await pruneAsCrictl(world.client);
    expect(has(world, 'twin', APP)).toBe(true);
    await removePods(world.client, [pod]);
    expect(await pruneAsCrictl(world.client)).toContain(`sha256:${IMAGES.twin}`);
    expect(has(world, 'twin', APP)).toBe(false);
  });

  it('keeps an image whose look-up fails because the runtime that had it last is away', async () => {
    addImage(world, 'crio', { references: ['registry.test/tool:1'], configDigest: UNUSED });
    addImage(world, 'twin', { references: ['registry.test/tool:1'], configDigest: 'e5'.repeat(32) });
    await run('twin', 'registry.test/tool:1');
    const away = await runPod(world.client, { handler: 'crio', annotations: { a: 'crio' } });
    expect(await lookUp(world.client, 'registry.test/tool:1', { a: 'crio' })).not.toBeNull();
    await listImages(world);
    await crash(world, 'crio');
    await expect(lookUp(world.client, 'registry.test/tool:1')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    await pruneAsCrictl(world.client);
    expect(has(world, 'twin', 'registry.test/tool:1')).toBe(true);
    expect(away.podSandboxId).not.toBe('');
  });

  it('is refused such an image with the container that uses it; by its name the image can be removed', async () => {
    await run('twin');
    const [container] = (await world.client.call('ListContainers', {})).containers;
    await expect(remove(`sha256:${IMAGES.twin}`)).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining(`in use by container ${container?.id} on backend twin`),
    });
    // The way to remove that one alone.
    await expect(remove(`sha256:${IMAGES.twin}`)).rejects.toMatchObject({
      details: expect.stringContaining(`at ${world.socketOf('twin')}; by a tag`),
    });
    // The beginning of an id is as blind as the whole.
    await expect(remove(IMAGES.twin.slice(0, 12))).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    await remove(APP);
    expect(Object.keys(IMAGES).filter((name) => has(world, name, APP))).toEqual([]);
  });

  it('leaves the removal by id to a runtime whose image no other can be mistaken for', async () => {
    await run('twin', 'registry.test/old:1');
    await remove(`sha256:${UNUSED}`);
    expect(has(world, 'twin', 'registry.test/old:1')).toBe(false);
  });

  it('does not keep a kubelet from collecting an image of that name that no container uses', async () => {
    await run('');
    await run('crio', IMAGES.crio);
    await remove(`sha256:${IMAGES.twin}`);
    expect(has(world, 'twin', APP)).toBe(false);
    expect([has(world, 'main', APP), has(world, 'crio', APP)]).toEqual([true, true]);
  });
});
