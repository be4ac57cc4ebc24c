import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOLD_MS } from '../../../src/ledger/turn-holds.ts';
import { aContainerConfig } from '../../support/cri-configs.ts';
import { type Pod, runContainer, runPod } from '../../support/cri-pod.ts';
import { addImage, calls, crash, lookUp, stamped } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const APP = 'registry.test/app:1';
const DATA = 'registry.test/data:1';
const OF_MAIN = 'a1'.repeat(32);
const OF_SIDE = 'b2'.repeat(32);

interface Asked {
  readonly image: string;
  readonly name?: string;
  readonly runAsUser?: number;
  readonly container?: string;
  readonly volume?: { readonly image: string; readonly userSpecifiedImage: string };
}

describe('CreateContainer with what a look-up of another backend has answered', () => {
  let world: ProxyWorld;
  let onMain: Pod;
  let onSide: Pod;

  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o', handlers: { side: '' } },
    ]);
    onMain = await runPod(world.client, { annotations: stamped('1') });
    onSide = await runPod(world.client, { handler: 'side', annotations: stamped('2') });
    addImage(world, 'main', { references: [APP], configDigest: OF_MAIN });
    addImage(world, 'side', { references: [APP], uid: 7, configDigest: OF_SIDE });
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const create = async (pod: Pod, { image, name = APP, runAsUser, container = 'main', volume }: Asked) => {
    const config = {
      ...aContainerConfig({ image, name: container }),
      image: { image, userSpecifiedImage: name },
      ...(runAsUser !== undefined && { linux: { securityContext: { runAsUser: { value: runAsUser } } } }),
      ...(volume !== undefined && { mounts: [{ containerPath: '/data', image: volume }] }),
    };
    const { podSandboxId, config: sandboxConfig } = pod;
    return (await world.client.call('CreateContainer', { podSandboxId, config, sandboxConfig })).containerId;
  };
  const made = (containerId: string) => {
    const container = world.runtime('side').world.containers.get(containerId);
    return { digest: container?.image.configDigest, mounts: container?.config.mounts };
  };
  const lookUpFor = (pod: Pod, image = APP) => lookUp(world.client, image, pod.config.annotations ?? {});
  /** The user that a kubelet takes from its last look-up. */
  const bareUser = async () => (await lookUp(world.client, APP))?.uid?.value ?? 0;
  const isStray = (details: RegExp) => ({
    code: status.UNAVAILABLE,
    details: expect.stringMatching(details),
  });

  it("R15: takes the backend's own image of the name where the id is that of another's", async () => {
    const other = await lookUpFor(onMain);
    expect(made(await create(onSide, { image: other?.id ?? '' })).digest).toBe(OF_SIDE);
    const [line] = world.lines.filter(({ text }) => text.includes('gives way'));
    expect(line).toMatchObject({ fields: { backend: 'side', images: [`sha256:${OF_MAIN} -> ${OF_SIDE}`] } });
  });

  it('R15: does so for a volume that is an image', async () => {
    addImage(world, 'main', { references: [DATA], configDigest: 'c3'.repeat(32) });
    addImage(world, 'side', { references: [DATA], configDigest: 'd4'.repeat(32) });
    const volume = { image: `sha256:${'c3'.repeat(32)}`, userSpecifiedImage: DATA };
    const { mounts } = made(await create(onSide, { image: OF_SIDE, volume }));
    expect(mounts).toMatchObject([
      { containerPath: '/data', image: { image: 'd4'.repeat(32), userSpecifiedImage: DATA } },
    ]);
  });

  it('R15: replaces the id of the volume alone where another name had the same one elsewhere', async () => {
    const one = { configDigest: OF_MAIN };
    addImage(world, 'main', { references: [DATA], ...one });
    addImage(world, 'side', { references: [APP], uid: 7, ...one });
    addImage(world, 'side', { references: [DATA], configDigest: 'd4'.repeat(32) });
    const volume = { image: (await lookUpFor(onMain, DATA))?.id ?? '', userSpecifiedImage: DATA };
    const image = (await lookUpFor(onMain))?.id ?? '';
    expect(image).toBe(volume.image);
    const { digest, mounts } = made(await create(onSide, { image, volume, runAsUser: 7 }));
    expect([digest, mounts?.[0]?.image?.image]).toEqual([OF_MAIN, 'd4'.repeat(32)]);
  });

  it('R15: passes the bytes on as they came where the image is the one that its backend has given', async () => {
    await lookUpFor(onSide);
    const asked = calls(world, 'side', 'ImageStatus');
    expect(made(await create(onSide, { image: OF_SIDE })).digest).toBe(OF_SIDE);
    expect(calls(world, 'side', 'ImageStatus')).toBe(asked);
  });

  it('R15: leaves an id alone that the backend has under another name, and what has no name', async () => {
    addImage(world, 'side', { references: ['registry.test/old:1'], configDigest: 'e5'.repeat(32) });
    expect(made(await create(onSide, { image: 'e5'.repeat(32) })).digest).toBe('e5'.repeat(32));
    await expect(create(onSide, { image: `sha256:${OF_MAIN}`, name: '' })).rejects.not.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  it('R15: is UNAVAILABLE where the backend has no image of that name, so that the kubelet pulls it', async () => {
    addImage(world, 'main', { references: [DATA], configDigest: 'c3'.repeat(32) });
    const image = (await lookUpFor(onMain, DATA))?.id ?? '';
    const said =
      /container main of pod default\/pod-.* is not made: backend side, .* has no image registry.test\/data:1/;
    await expect(create(onSide, { image, name: DATA })).rejects.toMatchObject(isStray(said));
    expect(calls(world, 'side', 'CreateContainer')).toBe(0);
  });

  const isRefused = isStray(
    /would run as user "0", as backend main has that image, but image registry.test\/app:1 of backend side, .* has user "7"; .*The kubelet tries again; set runAsUser/,
  );

  /** As a kubelet on `pod` does whose look-up cannot wait for its turn, while that is the other pod's. */
  const lookUpInHaste = async (pod: Pod) => {
    const image = { image: APP, annotations: pod.config.annotations ?? {} };
    await world.client.call('ImageStatus', { image }, { deadlineMs: 800 });
  };

  it("R15: makes no container that would run as the user of another backend's image, and makes it the next time", async () => {
    await lookUpFor(onMain);
    await lookUpInHaste(onSide);
    const runAsUser = await bareUser();
    expect(runAsUser).toBe(0);
    await expect(create(onSide, { image: OF_SIDE, runAsUser })).rejects.toMatchObject(isRefused);
    expect(calls(world, 'side', 'CreateContainer')).toBe(0);
    await create(onMain, { image: `sha256:${OF_MAIN}`, runAsUser: 0 });
    await lookUpFor(onSide);
    const right = await bareUser();
    expect(right).toBe(7);
    expect(made(await create(onSide, { image: OF_SIDE, runAsUser: right })).digest).toBe(OF_SIDE);
  });

  it('R15: leads nobody astray by pulls of no pod, nor by look-ups that could not wait, while a pod has its turn', async () => {
    await lookUpFor(onSide);
    await world.client.call('PullImage', { image: { image: APP } });
    await lookUpInHaste(onMain);
    expect(await bareUser()).toBe(7);
  });

  it('R15: makes it the next time also for a client whose look-ups never name a pod', async () => {
    const runAsUser = await bareUser();
    expect(runAsUser).toBe(0);
    await expect(create(onSide, { image: OF_SIDE, runAsUser })).rejects.toMatchObject(isRefused);
    const right = await bareUser();
    expect(right).toBe(7);
    await create(onSide, { image: OF_SIDE, runAsUser: right });
  });

  it("R15: makes a container in its second try at the latest that asks for another image's user itself", async () => {
    await lookUpFor(onMain);
    await lookUpInHaste(onSide);
    await bareUser();
    await expect(create(onSide, { image: OF_SIDE, runAsUser: 0 })).rejects.toMatchObject(isRefused);
    await create(onMain, { image: `sha256:${OF_MAIN}`, runAsUser: 0 });
    await lookUpFor(onSide);
    await world.client.call('PullImage', { image: { image: APP } });
    await lookUpInHaste(onMain);
    await bareUser();
    await create(onSide, { image: OF_SIDE, runAsUser: 0 });
    expect(calls(world, 'side', 'CreateContainer')).toBe(1);
  });

  it("R15: answers a pod's look-up when the containers before it are created whose image has another user", async () => {
    await lookUpFor(onSide);
    const waiting = lookUpFor(onMain);
    await until(() => calls(world, 'main', 'ImageStatus') === 1, 'main has answered');
    expect(await bareUser()).toBe(7);
    await create(onSide, { image: OF_SIDE, runAsUser: 7 });
    expect((await waiting)?.id).toBe(`sha256:${OF_MAIN}`);
    expect(await bareUser()).toBe(0);
  });

  it('R15: passes over a look-up whose client has left', async () => {
    await lookUpFor(onSide);
    const leaving = new AbortController();
    const image = { image: APP, annotations: onMain.config.annotations ?? {} };
    const left = world.client.call('ImageStatus', { image }, { signal: leaving.signal });
    await until(() => calls(world, 'main', 'ImageStatus') === 1, 'main has answered');
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: status.CANCELLED });
    await create(onSide, { image: OF_SIDE, runAsUser: 7 });
    const sinceMs = performance.now();
    await lookUpFor(onSide);
    expect(performance.now() - sinceMs).toBeLessThan(HOLD_MS);
  });

  describe('after a restart of Switchyard, which has forgotten what was answered', () => {
    it("R15: makes no container as another backend's user that was answered since, whoever was answered last", async () => {
      await lookUpFor(onSide);
      await world.restart();
      await lookUpFor(onMain);
      const runAsUser = await bareUser();
      expect(runAsUser).toBe(0);
      await create(onMain, { image: `sha256:${OF_MAIN}`, runAsUser: 0 });
      await lookUp(world.client, APP, stamped('2', { another: 'pod' }));
      expect(await bareUser()).toBe(7);
      await expect(create(onSide, { image: OF_SIDE, runAsUser })).rejects.toMatchObject(isRefused);
    });

    it('R15: makes none as the user of another backend’s image, and makes it when its look-up is known', async () => {
      await world.restart();
      await expect(create(onSide, { image: OF_SIDE, runAsUser: 0 })).rejects.toMatchObject(isRefused);
      await lookUpFor(onSide);
      await create(onSide, { image: OF_SIDE, runAsUser: 0 });
    });

    it('R15: does so for a kubelet before 1.28, which sends no name of the image', async () => {
      await world.restart();
      const asked = { image: OF_SIDE, name: '', runAsUser: 0 };
      await expect(create(onSide, asked)).rejects.toMatchObject(isRefused);
      await lookUpFor(onSide);
      await create(onSide, asked);
      await world.restart();
      await create(onSide, { ...asked, runAsUser: 5, container: 'another' });
    });

    it('R15: makes it at once as a user that no image of that name has elsewhere', async () => {
      await world.restart();
      await create(onSide, { image: OF_SIDE, runAsUser: 5 });
      expect(calls(world, 'side', 'CreateContainer')).toBe(1);
    });

    it('R15: makes it at once for a client whose pods have no annotations, which would not try again', async () => {
      const plain = await runPod(world.client, { handler: 'side' });
      await world.restart();
      await create(plain, { image: OF_SIDE, runAsUser: 0 });
      expect(calls(world, 'side', 'CreateContainer')).toBe(1);
    });

    it('R15: makes it in the second try where another backend is away, whose user may be any', async () => {
      await crash(world, 'main');
      await world.restart('main');
      await expect(create(onSide, { image: OF_SIDE, runAsUser: 5 })).rejects.toMatchObject(
        isStray(/would run as user "5", as backend main, which does not answer, may have that image/),
      );
      await create(onSide, { image: OF_SIDE, runAsUser: 5 });
    });
  });

  it('R15: makes a container at once that asks for its own user while no other was looked up', async () => {
    await lookUpFor(onSide);
    expect(await bareUser()).toBe(7);
    await create(onSide, { image: OF_SIDE, runAsUser: 0 });
  });
});

describe('the first look-up after a restart of the kubelet, for pods that are alike', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  it('R15: is answered by the backend on which such a pod has just lost a container of that image', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o', handlers: { side: '' } },
    ]);
    addImage(world, 'main', { references: [APP], configDigest: OF_MAIN });
    addImage(world, 'side', { references: [APP], uid: 7, configDigest: OF_SIDE });
    const lives = await runPod(world.client, { annotations: stamped('1') });
    const loses = await runPod(world.client, { handler: 'side', annotations: stamped('2') });
    await runContainer(world.client, lives, { image: `sha256:${OF_MAIN}` });
    const containerId = await runContainer(world.client, loses, { image: OF_SIDE });
    await world.client.call('ListImages', {});
    await world.client.call('StopContainer', { containerId });
    expect((await lookUp(world.client, APP, stamped('91')))?.uid?.value).toBe(7);
    expect(calls(world, 'main', 'ImageStatus')).toBe(0);
    const config = { ...loses.config, annotations: stamped('91') };
    await runContainer(world.client, { ...loses, config }, { image: OF_SIDE, attempt: 1 });
    // None has lost anything now, so both may be meant, and it goes to where the image was found last.
    await lookUp(world.client, APP, stamped('1'));
    expect((await lookUp(world.client, APP, stamped('92')))?.uid?.value ?? 0).not.toBe(7);
  });
});
