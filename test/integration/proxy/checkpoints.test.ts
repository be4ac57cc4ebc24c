// RestorePod: only the runtime that wrote a checkpoint can read it, and the restored pod is a new one to all rules.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { MatchConfig } from '../../../src/config/config.ts';
import { toPattern } from '../../../src/config/pattern.ts';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { calls, crash } from '../../support/image-world.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';

const MAIN: WorldBackend = { name: 'main', profile: 'reference' };
/** It takes pods without a handler as well, if something sends them there. */
const SIDE: WorldBackend = { name: 'side', profile: 'reference', handlers: { side: '' } };
const SECURE: WorldBackend = {
  name: 'secure',
  profile: 'reference',
  handlers: { secure: '' },
  isolation: 'vm',
};
const NO_MATCH: MatchConfig = {
  handler: undefined,
  namespaces: undefined,
  names: undefined,
  labels: new Map(),
  annotations: new Map(),
  privileged: undefined,
  hostNetwork: undefined,
  hostPID: undefined,
  hostIPC: undefined,
};
const PATH = '/var/lib/kubelet/checkpoints/web';

describe('a pod that is restored from a checkpoint', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  /** Makes a pod on the backend of the handler, and its checkpoint. */
  const checkpoint = async (handler: string, outputPath = PATH) => {
    const pod = await runPod(world.client, { handler, name: `from-${handler || 'main'}` });
    await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    await world.client.call('CheckpointPod', { podSandboxId: pod.podSandboxId, outputPath });
    return pod;
  };
  const restore = (
    runtimeHandler: string,
    { checkpointPath = PATH, ...traits }: { checkpointPath?: string; uid?: string; name?: string } = {},
  ) => {
    const config = aPodSandboxConfig({ name: 'restored', ...traits });
    return world.connect().call('RestorePod', { checkpointPath, config, runtimeHandler });
  };
  const restoredOn = (...names: readonly string[]) =>
    names.filter((name) => calls(world, name, 'RestorePod') > 0);

  it('goes to the backend that wrote it, though the rules would place it elsewhere, and says so', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await checkpoint('side');
    // However the path is written.
    const { podSandboxId, restoredContainers } = await restore('', {
      checkpointPath: '/var/lib/kubelet/./checkpoints//web/',
    });
    expect(restoredOn('main', 'side')).toEqual(['side']);
    const line = world.lines.find(({ fields }) => fields['method'] === 'RestorePod');
    expect(line?.fields).toMatchObject({ rule: 'checkpoint', backend: 'side' });
    // It is known for what it is from then on.
    const { status: pod } = await world.client.call('PodSandboxStatus', { podSandboxId });
    expect(pod?.metadata?.name).toBe('restored');
    const [container] = restoredContainers;
    await world.client.call('StartContainer', { containerId: container?.containerId ?? '' });
  });

  it('goes by the rules once another may have written over it, and once its runtime is of another kind', async () => {
    world = await proxyWorld([MAIN, SIDE, { ...SIDE, name: 'other', handlers: { other: '' } }]);
    await checkpoint('side');
    const pod = await runPod(world.client, { handler: 'other', name: 'from-other' });
    const { podSandboxId } = pod;
    world.runtime('other').faults.add('CheckpointPod', { kind: 'cut', when: 'after' }, { calls: 1 });
    await expect(
      world.client.call('CheckpointPod', { podSandboxId, outputPath: PATH }),
    ).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await restore('').catch(() => undefined);
    expect(restoredOn('main', 'side', 'other')).toEqual(['main']);

    await checkpoint('side', '/second');
    await world.replaceRuntime('side', 'cri-o');
    await restore('', { checkpointPath: '/second' }).catch(() => undefined);
    await world.restart();
    await restore('', { checkpointPath: PATH }).catch(() => undefined);
    await restore('', { checkpointPath: '/second' }).catch(() => undefined);
    expect(restoredOn('side', 'other')).toEqual([]);
    expect(calls(world, 'main', 'RestorePod')).toBe(4);
  });

  it('goes there after a restart of Switchyard too', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await checkpoint('side');
    await world.restart();
    await restore('');
    expect(restoredOn('main', 'side')).toEqual(['side']);
  });

  it('goes by the rules when nobody knows who wrote it', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await checkpoint('side');
    await expect(restore('', { checkpointPath: '/elsewhere' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    expect(restoredOn('main', 'side')).toEqual(['main']);
    await world.restart(undefined, 'forgetting');
    await restore('side');
    expect(restoredOn('main', 'side')).toEqual(['main', 'side']);
  });

  it('is not remembered of a checkpoint that failed', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const refuse = { kind: 'refuse', status: 'UNKNOWN', message: 'no CRIU' } as const;
    world.runtime('side').faults.add('CheckpointPod', refuse);
    await expect(checkpoint('side')).rejects.toMatchObject({ code: status.UNKNOWN });
    await expect(restore('')).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(restoredOn('main', 'side')).toEqual(['main']);
  });

  it('waits for that backend while it is away, and goes nowhere else', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await checkpoint('side');
    await crash(world, 'side');
    await expect(restore('')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('side'),
    });
    expect(calls(world, 'main', 'RestorePod')).toBe(0);
  });

  it('is refused where that backend isolates less than the handler asks, or does not know it', async () => {
    world = await proxyWorld([MAIN, SIDE, SECURE]);
    await checkpoint('side');
    await expect(restore('secure')).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining(
        `its checkpoint "${PATH}" was written by backend side (isolation shared), but its runtime handler "secure"`,
      ),
    });
    await checkpoint('', '/of-main');
    await expect(restore('side', { checkpointPath: '/of-main' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('which does not expose its runtime handler "side"'),
    });
    expect(restoredOn('main', 'side', 'secure')).toEqual([]);
  });

  it('is refused where that backend isolates less than the one the rules name', async () => {
    world = await proxyWorld([MAIN, SECURE], (config) => ({
      ...config,
      rules: [
        {
          name: 'restored pods in a VM',
          match: { ...NO_MATCH, names: [toPattern('restored')] },
          target: { kind: 'backend', backend: 'secure' },
          fallback: undefined,
          handler: '',
        },
      ],
    }));
    await checkpoint('');
    await expect(restore('')).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining(
        'written by backend main (isolation shared), but rule "restored pods in a VM" places it on backend secure',
      ),
    });
    expect(restoredOn('main', 'secure')).toEqual([]);
  });

  it('is refused where it has a sandbox on another backend already', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await checkpoint('side');
    const { uid } = await runPod(world.client, { name: 'restored' });
    await expect(restore('', { uid })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('but it has a sandbox on backend main'),
    });
    expect(restoredOn('main', 'side')).toEqual([]);
  });

  it('is sent the handler that its backend knows', async () => {
    world = await proxyWorld([MAIN, { ...SIDE, handlers: { side: 'runc' } }]);
    await checkpoint('side');
    const { podSandboxId } = await restore('side');
    const { status: pod } = await world.client.call('PodSandboxStatus', { podSandboxId });
    expect(pod?.runtimeHandler).toBe('runc');
  });
});
