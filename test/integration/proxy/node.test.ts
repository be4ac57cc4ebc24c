import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

describe('the node as the kubelet sees it', () => {
  let world: ProxyWorld;

  afterEach(() => world[Symbol.asyncDispose]());

  it('R19: one runtime name, that of the default backend, also while that is away', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'cri-o' },
      { name: 'side', profile: 'containerd-1.7' },
    ]);
    const said = await world.client.call('Version', {});
    expect(said).toMatchObject({ version: '0.1.0', runtimeName: 'cri-o', runtimeApiVersion: 'v1' });
    expect(said.runtimeVersion).not.toBe('');
    world.runtime('main').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    expect(await world.client.call('Version', {})).toEqual(said);
  });

  it('keeps the name over a restart while the default backend is down', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'cri-o' },
      { name: 'side', profile: 'containerd-1.7' },
    ]);
    const said = await world.client.call('Version', {});
    world.runtime('main').crash();
    await world.restart('main');
    expect(await world.connect().call('Version', {})).toEqual(said);
  });

  it('R17: a secondary that is down leaves the node ready and shows in a condition of its own', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o' },
    ]);
    world.runtime('side').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    const { status: said } = await world.client.call('Status', {});
    const conditions = new Map(said?.conditions.map((condition) => [condition.type, condition]));
    expect(conditions.get('RuntimeReady')?.status).toBe(true);
    expect(conditions.get('NetworkReady')?.status).toBe(true);
    expect(conditions.get('Backend.main.Ready')?.status).toBe(true);
    expect(conditions.get('Backend.side.Ready')).toMatchObject({
      status: false,
      message: expect.stringContaining('unreachable since'),
    });
  });

  it('R18: answers Status in time while a backend hangs', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o', timeouts: { listMs: 2_000, statusMs: 100 } },
    ]);
    world.runtime('side').faults.add('Status', { kind: 'hang' });
    const { status: said } = await world.client.call('Status', {}, { deadlineMs: 5_000 });
    expect(said?.conditions.find(({ type }) => type === 'Backend.side.Ready')?.status).toBe(false);
  });

  it('lists runtime handlers by their exposed names', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1', handlers: { '': '', runc: 'runc' } },
      { name: 'side', profile: 'cri-o', handlers: { fast: 'crun' } },
    ]);
    const { runtimeHandlers } = await world.client.call('Status', {});
    expect(runtimeHandlers.map(({ name }) => name).sort()).toEqual(['', 'fast', 'runc']);
  });

  it('puts verbose info of other backends under their names', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o' },
    ]);
    const { info } = await world.client.call('Status', { verbose: true });
    const keys = Object.keys(info);
    expect(keys.some((key) => key.startsWith('side.'))).toBe(true);
    expect(keys.some((key) => !key.startsWith('side.'))).toBe(true);
  });

  it('R11: says the cgroup driver that all backends agree on, leaving out those that cannot say', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-1.7' },
      { name: 'side', profile: 'containerd-2.1' },
      { name: 'third', profile: 'cri-o' },
    ]);
    const { linux } = await world.client.call('RuntimeConfig', {});
    expect(linux?.cgroupDriver).toBe(1);
  });

  it('passes UNIMPLEMENTED of RuntimeConfig when no backend can say', async () => {
    world = await proxyWorld([{ name: 'main', profile: 'containerd-1.7' }]);
    await expect(world.client.call('RuntimeConfig', {})).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
  });

  it('tells every backend the pod CIDR, and again one that comes back', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o' },
    ]);
    const runtimeConfig = { networkConfig: { podCidr: '10.1.2.0/24' } };
    await world.client.call('UpdateRuntimeConfig', { runtimeConfig });
    const told = () =>
      world.runtime('side').journal.filter(({ method }) => method === 'UpdateRuntimeConfig').length;
    expect(told()).toBe(1);
    world.runtime('side').cut();
    await until(() => told() === 2, 'the backend is told again');
  });
});

describe('API versions', () => {
  let world: ProxyWorld;

  afterEach(() => world[Symbol.asyncDispose]());

  it('serves a v1 client over a backend that speaks v1alpha2 alone', async () => {
    world = await proxyWorld([{ name: 'old', profile: 'containerd-1.4' }]);
    const pod = await runPod(world.client);
    const { items } = await world.client.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).toEqual([pod.podSandboxId]);
    expect(await world.client.call('Version', {})).toMatchObject({ runtimeApiVersion: 'v1' });
  });

  it('serves a v1alpha2 client, with a raw socket path as its authority, over a backend that speaks v1 alone', async () => {
    world = await proxyWorld([{ name: 'new', profile: 'cri-o' }]);
    const client = world.connect({ version: 'v1alpha2', authority: '/run/switchyard/cri.sock' });
    const pod = await runPod(client);
    const { items } = await client.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).toEqual([pod.podSandboxId]);
    expect(await client.call('Version', {})).toMatchObject({ runtimeApiVersion: 'v1alpha2' });
  });

  it('never makes a v1alpha2 call on a backend that has v1, for that would mark it as deprecated', async () => {
    world = await proxyWorld([{ name: 'both', profile: 'containerd-1.7' }]);
    await runPod(world.connect({ version: 'v1alpha2' }));
    expect(world.runtime('both').journal.filter(({ service }) => service.includes('v1alpha2'))).toEqual([]);
  });
});
