// Images over three real containerds, asked for as a kubelet asks: the right store, the right user, the right removal.
import { mkdirSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aContainerConfig } from '../support/cri-configs.ts';
import { type Pod, removePods, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { stamped } from '../support/image-world.ts';
import { IMAGES, writeOciArchive } from '../support/oci-image.ts';
import { until } from '../support/until.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const USERS = { old: '1000', new: '2000', middle: '3000' } as const;
const NAME = 'e2e.test/who:1';
type BackendName = keyof typeof USERS;
const NAMES: readonly BackendName[] = ['old', 'new', 'middle'];
const HANDLERS = { old: '', new: 'runc2', middle: 'runc17' } as const;

let world: World;
let pods: Pod[] = [];

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  for (const name of NAMES) {
    const dir = world.run.file(`who-${name}`);
    mkdirSync(dir);
    const image = { tags: [NAME], entrypoint: ['/bin/sh'], user: USERS[name], label: `who ${name}` };
    world[name].importImages(writeOciArchive(dir, [image]));
  }
});

afterEach(async () => {
  const made = pods;
  pods = [];
  if (made.length > 0) await removePods(world.cri, made);
});

afterAll(() => world?.[Symbol.asyncDispose]());

async function aPod(backend: BackendName, annotations: Record<string, string>): Promise<Pod> {
  const { cgroupParent } = world.run;
  const pod = await runPod(world.cri, { cgroupParent, handler: HANDLERS[backend], annotations });
  pods.push(pod);
  return pod;
}

/** Starts a container by the kubelet's steps; gives the user that its first process runs as. */
async function startAsKubelet(pod: Pod, image: string, annotations: Record<string, string>): Promise<string> {
  const { cri } = world;
  const spec = { image, annotations };
  const sandboxConfig = { ...pod.config, annotations };
  let imageRef = (await cri.call('ImageStatus', { image: spec })).image?.id;
  imageRef ??= (await cri.call('PullImage', { image: spec, sandboxConfig })).imageRef;
  const { image: bare } = await cri.call('ImageStatus', { image: { image } });
  const config = aContainerConfig({ image: imageRef, args: ['-c', 'sleep 600'] });
  const securityContext = { runAsUser: { value: Number(bare?.uid?.value ?? 0) } };
  const { containerId } = await cri.call('CreateContainer', {
    podSandboxId: pod.podSandboxId,
    config: { ...config, linux: { ...config.linux, securityContext } },
    sandboxConfig,
  });
  await cri.call('StartContainer', { containerId });
  const { stdout } = await cri.call('ExecSync', { containerId, cmd: ['id', '-u'], timeout: 10 });
  return stdout.toString().trim();
}

describe('containers of an image whose name means another image on each runtime', () => {
  it("R15: run as the user of their own runtime's image", async () => {
    for (const [at, name] of NAMES.entries()) {
      const annotations = stamped(`1${at}`);
      const pod = await aPod(name, annotations);
      expect(await startAsKubelet(pod, NAME, annotations), name).toBe(USERS[name]);
    }
  });

  it('R15: run so also after restarts of Switchyard and of the kubelet, which stamps its pods anew', async () => {
    const made: Pod[] = [];
    for (const [at, name] of NAMES.entries()) made.push(await aPod(name, stamped(`2${at}`, { app: name })));
    await world.switchyard.kill();
    await world.switchyard.startAgain();
    await world.cri.ready();
    for (const [at, name] of NAMES.entries()) {
      const annotations = stamped(`3${at}`, { app: name });
      expect(await startAsKubelet(made[at] as Pod, NAME, annotations), name).toBe(USERS[name]);
    }
  });
});

describe('an image of several runtimes', () => {
  it('is pulled where it is needed, though another one has it, and removed wherever its id is listed', async () => {
    const { cri, pullable } = world;
    const tagged = async () =>
      (await cri.call('ListImages', {})).images.filter((one) => one.repoTags.includes(pullable));
    for (const [at, name] of (['old', 'new'] as const).entries()) {
      const annotations = stamped(`4${at}`);
      await startAsKubelet(await aPod(name, annotations), pullable, annotations);
    }
    const onEach = await Promise.all(
      NAMES.map(
        async (name) =>
          (await world[name].cri.call('ImageStatus', { image: { image: pullable } })).image !== null,
      ),
    );
    expect(onEach).toEqual([true, true, false]);
    const images = await tagged();
    expect(images).toHaveLength(1);
    await removePods(cri, pods.splice(0));
    await cri.call('RemoveImage', { image: { image: images[0]?.id ?? '' } });
    expect(await tagged()).toEqual([]);
  });

  it('is pinned when one of them pins it', async () => {
    const { images } = await world.cri.call('ListImages', {});
    expect(images.filter(({ repoTags }) => repoTags.includes(IMAGES.pause))).toMatchObject([
      { pinned: true },
    ]);
  });

  it('R16: is removed while a runtime is down that lacks it, and not while one is down that has it', async () => {
    const { cri, pullable, middle } = world;
    await cri.call('PullImage', { image: { image: pullable } });
    const { images } = await cri.call('ListImages', {});
    const idOf = (tag: string) => images.find(({ repoTags }) => repoTags.includes(tag))?.id ?? '';
    await middle.kill();
    try {
      await until(
        async () =>
          (await cri.rawCall(cri.pathOf('ImageStatus'), Buffer.from('\n\u0004\n\u0002no'))).code !== 0,
        'the runtime is known to be away',
      );
      await cri.call('RemoveImage', { image: { image: idOf(pullable) } });
      expect((await world.old.cri.call('ImageStatus', { image: { image: pullable } })).image).toBeNull();
      await expect(cri.call('RemoveImage', { image: { image: idOf(IMAGES.app) } })).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringContaining('middle'),
      });
    } finally {
      await middle.startAgain();
    }
  });
});
