// Who metrics and the log name when a call is refused because backends are away, and what the lines of image calls say.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Request, Rpc } from '../../support/cri-codec.ts';
import { type Pod, runContainer, runPod } from '../../support/cri-pod.ts';
import { addImage, crash } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const NOBODY = 'f'.repeat(64);
const APP = 'registry.test/app:1';
const SECRET = 'do-not-log-me';

describe('the name of a backend', () => {
  let world: ProxyWorld;
  let pod: Pod;
  let containerId: string;

  beforeEach(async () => {
    const timeouts = { listMs: 1_000, statusMs: 500 };
    world = await proxyWorld(
      [
        { name: 'one', profile: 'containerd-2.1', timeouts },
        { name: 'two', profile: 'reference', handlers: { two: '' }, timeouts },
        { name: 'three', profile: 'reference', handlers: { three: '' }, timeouts },
      ],
      (config) => ({ ...config, admin: { kind: 'tcp', host: '127.0.0.1', port: 0 } }),
    );
    pod = await runPod(world.client, { handler: 'two', annotations: { 'test.example/pod': 'its own' } });
    containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const fail = async <R extends Rpc>(rpc: R, request: Request<R>) => {
    await expect(world.client.call(rpc, request)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    return counted(rpc, 'UNAVAILABLE');
  };
  /** The backends under which calls of this RPC that ended so were counted. */
  const counted = async (rpc: Rpc, code: string) => {
    await until(() => world.switchyard.adminAddress !== undefined, 'there are metrics');
    const row = new RegExp(
      `^switchyard_calls_total\\{method="${rpc}",backend="([^"]+)",code="${code}"\\}`,
      'gm',
    );
    let names: (string | undefined)[] = [];
    await until(async () => {
      const text = await (await fetch(`${world.switchyard.adminAddress}/metrics`)).text();
      names = [...text.matchAll(row)].map(([, name]) => name);
      return names.length > 0;
    }, `${rpc} is counted`);
    return names;
  };
  const line = async (rpc: Rpc, code = 'OK') => {
    const find = () =>
      world.lines.findLast(({ fields }) => fields['method'] === rpc && fields['code'] === code)?.fields;
    await until(() => find() !== undefined, `${rpc} is logged`);
    return find();
  };

  it('is on calls for its objects, pods and images that are refused while it is away', async () => {
    await crash(world, 'two');
    const { podSandboxId } = pod;
    const image = { image: SIMULATED_IMAGE, annotations: pod.config.annotations };
    const config = { ...pod.config, metadata: { ...pod.config.metadata, uid: 'another' } };
    expect(await fail('ContainerStats', { containerId })).toEqual(['two']);
    expect(await fail('ExecSync', { containerId, cmd: ['true'] })).toEqual(['two']);
    expect(await fail('Exec', { containerId, cmd: ['true'], stdout: true })).toEqual(['two']);
    expect(await fail('StopContainer', { containerId, timeout: 1 })).toEqual(['two']);
    expect(await fail('CreateContainer', { podSandboxId, config: {}, sandboxConfig: pod.config })).toEqual([
      'two',
    ]);
    expect(await fail('RunPodSandbox', { config, runtimeHandler: 'two' })).toEqual(['two']);
    expect(await fail('ImageStatus', { image })).toEqual(['two']);
    expect(await fail('PullImage', { image, sandboxConfig: pod.config })).toEqual(['two']);
    expect(await fail('PodSandboxStatus', { podSandboxId: NOBODY })).toEqual(['two']);
    expect(await fail('RemovePodSandbox', { podSandboxId: NOBODY })).toEqual(['two']);
    for (const rpc of [
      'StopContainer',
      'CreateContainer',
      'RunPodSandbox',
      'PullImage',
      'RemovePodSandbox',
    ] as const)
      expect(await line(rpc, 'UNAVAILABLE')).toMatchObject({ backend: 'two' });
  });

  it('is on lists that it makes fail, narrowed to it or not', async () => {
    world.runtime('two').crash();
    await world.restart('two', 'forgetting');
    expect(await fail('ListPodSandbox', {})).toEqual(['two']);
    expect(await fail('StreamContainers', {})).toEqual(['two']);
    expect(await fail('StreamImages', {})).toEqual(['two']);
    expect(await fail('ListImages', {})).toEqual(['two']);
  });

  it('stands beside others that are away too: in the log all by name, in the one label as several', async () => {
    await crash(world, 'two');
    await crash(world, 'three');
    expect(await fail('RemoveContainer', { containerId: NOBODY })).toEqual(['several']);
    expect(await line('RemoveContainer', 'UNAVAILABLE')).toMatchObject({
      backend: 'several',
      backends: ['two', 'three'],
    });
    world.runtime('one').crash();
    expect(await fail('ListContainerStats', {})).toEqual(['several']);
  });

  it('is not on answers of our own that have nothing to do with any', async () => {
    const refused = world.client.call('RunPodSandbox', { config: pod.config, runtimeHandler: 'nowhere' });
    await expect(refused).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(await line('RunPodSandbox', 'FAILED_PRECONDITION')).toMatchObject({ backend: 'none' });
  });

  it('stands in the line of a pull beside the image, and nothing of its credentials does', async () => {
    const auth = { username: SECRET, password: SECRET, auth: SECRET, identityToken: SECRET };
    await world.client.call('PullImage', { image: { image: APP }, sandboxConfig: pod.config, auth });
    expect(await line('PullImage')).toMatchObject({ backend: 'two', image: APP });
    expect(JSON.stringify(world.lines)).not.toContain(SECRET);
  });

  it('stands in the report of what goes on, with all others that the call waits for, and the image', async () => {
    const names = ['one', 'two'];
    for (const name of names) addImage(world, name, { references: [APP], configDigest: 'a1'.repeat(32) });
    const faults = names.map((name) => world.runtime(name).faults.add('RemoveImage', { kind: 'hang' }));
    const removal = world.client.call('RemoveImage', { image: { image: APP } });
    await until(() => faults.every(({ hits }) => hits === 1), 'the removal waits for both');
    world.switchyard.reportState();
    const reported = world.lines.find(({ text }) => text === 'call in flight');
    expect(reported?.fields).toMatchObject({ method: 'RemoveImage', backends: names, image: APP });
    for (const fault of faults) fault.clear();
    await removal;
  });

  it('stands in the line of a removal beside the image, for each backend that it was removed from', async () => {
    for (const name of ['one', 'two'])
      addImage(world, name, { references: [APP], configDigest: 'a1'.repeat(32) });
    await world.client.call('RemoveImage', { image: { image: APP } });
    expect(await line('RemoveImage')).toMatchObject({
      backend: 'several',
      backends: ['one', 'two'],
      image: APP,
    });
    addImage(world, 'three', { references: ['registry.test/lone:1'], configDigest: 'b2'.repeat(32) });
    await world.client.call('RemoveImage', { image: { image: 'registry.test/lone:1' } });
    await until(() => world.lines.at(-1)?.fields['image'] === 'registry.test/lone:1', 'it is logged');
    expect(await line('RemoveImage')).toMatchObject({ backend: 'three', image: 'registry.test/lone:1' });
    await crash(world, 'two');
    expect(await fail('RemoveImage', { image: { image: SIMULATED_IMAGE } })).toEqual(['two']);
    expect(await line('RemoveImage', 'UNAVAILABLE')).toMatchObject({
      backend: 'two',
      image: SIMULATED_IMAGE,
    });
  });
});
