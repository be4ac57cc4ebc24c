import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { toPattern } from '../../../src/config/pattern.ts';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { addImage, calls, crash, lookUp, stamped } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld, type WorldBackend } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const APP = 'registry.test/app:1';
const BACKENDS: readonly WorldBackend[] = [
  { name: 'main', profile: 'containerd-2.1', timeouts: { listMs: 1_000, statusMs: 1_000 } },
  {
    name: 'side',
    profile: 'containerd-1.7',
    handlers: { side: '' },
    timeouts: { listMs: 1_000, statusMs: 1_000 },
  },
];

describe('a look-up with the annotations of a pod', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const everywhere = () => {
    addImage(world, 'main', { references: [APP], uid: 1, configDigest: 'a1'.repeat(32) });
    addImage(world, 'side', { references: [APP], uid: 2, configDigest: 'b2'.repeat(32) });
  };
  const uid = async (annotations: Record<string, string> = {}, image = APP) =>
    (await lookUp(world.client, image, annotations))?.uid?.value;

  it('R15: is answered by its backend alone, also when only another one has the image', async () => {
    world = await proxyWorld(BACKENDS);
    await runPod(world.client, { handler: 'side', annotations: stamped('1') });
    addImage(world, 'main', { references: [APP] });
    expect(await lookUp(world.client, APP, stamped('1'))).toBeNull();
    expect(calls(world, 'main', 'ImageStatus')).toBe(0);
  });

  it('R15: finds its backend after a restart of Switchyard', async () => {
    world = await proxyWorld(BACKENDS);
    await runPod(world.client, { handler: 'side', annotations: stamped('1') });
    await runPod(world.client, { annotations: stamped('2') });
    everywhere();
    await world.restart();
    expect(await uid(stamped('1'))).toBe(2);
    expect(await uid(stamped('2'))).toBe(1);
  });

  it('R15: finds its backend after a restart of the kubelet, which stamps its pods anew, and of Switchyard', async () => {
    world = await proxyWorld(BACKENDS);
    await runPod(world.client, { handler: 'side', annotations: stamped('1', { app: 'web' }) });
    await runPod(world.client, { annotations: stamped('2', { app: 'db' }) });
    everywhere();
    expect(await uid(stamped('91', { app: 'web' }))).toBe(2);
    await world.restart();
    expect(await uid(stamped('81', { app: 'web' }))).toBe(2);
    expect(await uid(stamped('82', { app: 'db' }))).toBe(1);
  });

  it('R15: finds its backend when the annotations of a running pod were edited', async () => {
    const choose = (backend: string) => ({ 'test/backend': backend });
    world = await proxyWorld(BACKENDS, (config) => ({
      ...config,
      annotation: { key: 'test/backend', namespaces: [toPattern('*')] },
    }));
    const pod = await runPod(world.client, { annotations: stamped('1', choose('side')) });
    everywhere();
    const edited = stamped('1', choose('main'));
    expect(await uid(edited)).toBe(2);
    await world.restart();
    expect(await uid(edited)).toBe(2);
    await world.client.call('PullImage', {
      image: { image: 'registry.test/app:2', annotations: edited },
      sandboxConfig: { ...pod.config, annotations: edited },
    });
    expect(calls(world, 'side', 'PullImage')).toBe(1);
    await runContainer(
      world.client,
      { ...pod, config: { ...pod.config, annotations: edited } },
      { image: APP },
    );
    expect(calls(world, 'side', 'CreateContainer')).toBe(1);
  });

  it('R15: a pull or a new container teaches where a pod is whose annotations are new and fit several', async () => {
    world = await proxyWorld(BACKENDS);
    const pod = await runPod(world.client, { handler: 'side', annotations: stamped('1') });
    await runPod(world.client, { annotations: stamped('2') });
    everywhere();
    const config = { ...pod.config, annotations: stamped('91') };
    await runContainer(world.client, { ...pod, config }, { image: APP });
    expect(await uid(stamped('91'))).toBe(2);
    const other = 'registry.test/other:1';
    addImage(world, 'main', { references: [other], uid: 3, configDigest: 'c3'.repeat(32) });
    await world.client.call('PullImage', {
      image: { image: 'registry.test/pulled:1', annotations: stamped('81') },
      sandboxConfig: { ...pod.config, annotations: stamped('81') },
    });
    expect(await uid(stamped('81'), other)).toBeUndefined();
    expect(calls(world, 'main', 'ImageStatus')).toBe(0);
  });

  it('R15: looks for a pod with those annotations among the running ones first', async () => {
    world = await proxyWorld(BACKENDS);
    const ended = await runPod(world.client, { annotations: stamped('1') });
    await runPod(world.client, { handler: 'side', annotations: stamped('2') });
    everywhere();
    await world.client.call('StopPodSandbox', { podSandboxId: ended.podSandboxId });
    expect(await uid(stamped('91'))).toBe(2);
    expect(calls(world, 'main', 'ImageStatus')).toBe(0);
  });

  const rules = (match: object) => (config: Config) => ({
    ...config,
    rules: [
      {
        name: 'by the test',
        match: {
          handler: undefined,
          namespaces: undefined,
          names: undefined,
          labels: new Map(),
          annotations: new Map(),
          privileged: undefined,
          hostNetwork: undefined,
          hostPID: undefined,
          hostIPC: undefined,
          ...match,
        },
        target: { kind: 'backend' as const, backend: 'side' },
        fallback: undefined,
        handler: undefined,
      },
    ],
  });

  it('R15: goes by a rule on annotations when the pod is not known', async () => {
    const match = { annotations: new Map([['needs', toPattern('side')]]) };
    world = await proxyWorld(BACKENDS, rules(match));
    everywhere();
    expect(await uid({ needs: 'side' })).toBe(2);
    expect(calls(world, 'main', 'ImageStatus')).toBe(0);
  });

  it('R15: does not go by a rule on labels, which it cannot see, but asks where the image is', async () => {
    const match = { labels: new Map([['app', toPattern('web')]]) };
    world = await proxyWorld(BACKENDS, rules(match));
    addImage(world, 'side', { references: [APP] });
    expect(await lookUp(world.client, APP, { some: 'annotation' })).not.toBeNull();
  });

  it('R15: a pull for a pod that has no sandbox yet goes where the rules would place the pod', async () => {
    const match = { labels: new Map([['app', toPattern('web')]]) };
    world = await proxyWorld(BACKENDS, rules(match));
    await runPod(world.client, { annotations: stamped('1') });
    const sandboxConfig = aPodSandboxConfig({ labels: { app: 'web' }, annotations: stamped('2') });
    const image = { image: APP, annotations: stamped('2') };
    await world.client.call('PullImage', { image, sandboxConfig });
    expect([calls(world, 'main', 'PullImage'), calls(world, 'side', 'PullImage')]).toEqual([0, 1]);
  });

  it('R15: goes to the backend of its runtime handler when the kubelet sends that', async () => {
    world = await proxyWorld(BACKENDS);
    everywhere();
    const { image } = await world.client.call('ImageStatus', {
      image: { image: APP, runtimeHandler: 'side' },
    });
    expect(image?.uid?.value).toBe(2);
    expect(calls(world, 'main', 'ImageStatus')).toBe(0);
  });

  it('R15: is UNAVAILABLE and names the backend while that is absent, also for a pull', async () => {
    world = await proxyWorld(BACKENDS);
    const pod = await runPod(world.client, { handler: 'side', annotations: stamped('1') });
    everywhere();
    await crash(world, 'side');
    const error = {
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend side is unreachable'),
    };
    await expect(lookUp(world.client, APP, stamped('1'))).rejects.toMatchObject(error);
    const pull = { image: { image: APP, annotations: stamped('1') }, sandboxConfig: pod.config };
    await expect(world.client.call('PullImage', pull)).rejects.toMatchObject(error);
    expect(calls(world, 'main', 'PullImage')).toBe(0);
  });

  it('leaves it to the default backend what to make of a runtime handler that nothing exposes', async () => {
    world = await proxyWorld(BACKENDS);
    const image = { image: APP, runtimeHandler: 'typo' };
    await world.client.call('PullImage', { image });
    expect(calls(world, 'main', 'PullImage')).toBe(1);
    expect((await world.client.call('ImageStatus', { image })).image).not.toBeNull();
  });
});

describe("a look-up by the image's name alone, which decides the user a container runs as", () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const uid = async (image = APP) => (await lookUp(world.client, image))?.uid?.value;

  /** A pod on each backend, and one name with another user on each. */
  async function differing(): Promise<void> {
    world = await proxyWorld(BACKENDS);
    await runPod(world.client, { handler: 'side', annotations: stamped('1') });
    await runPod(world.client, { annotations: stamped('2') });
    addImage(world, 'main', { references: [APP], uid: 1, configDigest: 'a1'.repeat(32) });
    addImage(world, 'side', { references: [APP], uid: 2, configDigest: 'b2'.repeat(32) });
  }

  it('R15: is answered by the backend that the last look-up with annotations went to, and asks no other', async () => {
    await differing();
    await lookUp(world.client, APP, stamped('1'));
    const asked = calls(world, 'main', 'ImageStatus');
    expect(await uid()).toBe(2);
    expect(calls(world, 'main', 'ImageStatus')).toBe(asked);
    await lookUp(world.client, APP, stamped('2'));
    expect(await uid()).toBe(1);
  });

  it('R15: knows a name without a tag for the one with latest', async () => {
    await differing();
    addImage(world, 'main', { references: ['localhost:5000/x'], uid: 3, configDigest: 'c3'.repeat(32) });
    addImage(world, 'side', { references: ['localhost:5000/x'], uid: 4, configDigest: 'd4'.repeat(32) });
    await lookUp(world.client, 'localhost:5000/x:latest', stamped('1'));
    expect(await uid('localhost:5000/x')).toBe(4);
  });

  it('R15: follows a pull', async () => {
    await differing();
    const pod = await runPod(world.client, { handler: 'side' });
    const name = 'registry.test/pulled:1';
    addImage(world, 'main', { references: [name], uid: 1, configDigest: 'e5'.repeat(32) });
    await world.client.call('PullImage', { image: { image: name }, sandboxConfig: pod.config });
    expect((await lookUp(world.client, name))?.uid ?? null).toBeNull();
  });

  it('R15: asks the others when that backend lacks the image now', async () => {
    await differing();
    await lookUp(world.client, APP, stamped('1'));
    world.runtime('side').world.images.remove(APP);
    expect(await uid()).toBe(1);
  });

  it("R15: is UNAVAILABLE, not another backend's user, when the backend went away right after", async () => {
    await differing();
    await lookUp(world.client, APP, stamped('1'));
    await crash(world, 'side');
    await expect(uid()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend side is unreachable'),
    });
  });

  it('R15: is not led by a look-up that named no pod either', async () => {
    await differing();
    expect(await uid()).toBe(1);
    await crash(world, 'main');
    expect(await uid()).toBe(2);
  });

  it('R15: a look-up that failed does not count as one', async () => {
    await differing();
    await crash(world, 'side');
    await expect(lookUp(world.client, APP, stamped('1'))).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await uid()).toBe(1);
  });

  it('R15: tells once in the log of backends that have other users under that name', async () => {
    await differing();
    const told = () => world.lines.filter(({ text }) => text.includes('different users'));
    await lookUp(world.client, APP, stamped('1'));
    expect(told()).toEqual([]);
    await lookUp(world.client, APP, stamped('2'));
    await uid();
    expect(told()).toMatchObject([{ level: 'warn', fields: { image: APP, told: 'main', others: ['side'] } }]);
    await lookUp(world.client, APP, stamped('1'));
    expect(told()).toHaveLength(1);
  });

  it('R15: tells of other users also when nothing was looked up before, and takes the default backend', async () => {
    await differing();
    expect(await uid()).toBe(1);
    expect(world.lines.filter(({ text }) => text.includes('different users'))).toHaveLength(1);
  });

  it('says "no such image" only when every backend has denied it', async () => {
    world = await proxyWorld(BACKENDS);
    expect(await lookUp(world.client, 'registry.test/nowhere:1')).toBeNull();
    await crash(world, 'side');
    await expect(lookUp(world.client, 'registry.test/nowhere:1')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  it('is answered within the list budget while a backend hangs that was not the last one', async () => {
    world = await proxyWorld(BACKENDS);
    addImage(world, 'main', { references: [APP], uid: 1 });
    const hang = world.runtime('side').faults.add('*', { kind: 'hang' });
    expect(await uid()).toBe(1);
    await until(() => world.lines.some(({ fields }) => fields['state'] === 'hanging'), 'it is known to hang');
    hang.clear();
  });
});
