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

  it('keeps the features of an absent backend, also over a restart: pods would be refused without them', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o', handlers: { side: '' } },
    ]);
    const said = await world.client.call('Status', {});
    expect(said.features?.supplementalGroupsPolicy).toBe(true);
    world.runtime('side').crash();
    await world.restart('side');
    const { features, runtimeHandlers, status: again } = await world.connect().call('Status', {});
    expect(again?.conditions.find(({ type }) => type === 'Backend.side.Ready')?.status).toBe(false);
    expect({ features, runtimeHandlers }).toEqual({
      features: said.features,
      runtimeHandlers: said.runtimeHandlers,
    });
    expect(runtimeHandlers.find(({ name }) => name === 'side')?.features?.userNamespaces).toBe(true);
  });

  it('knows the features of a backend that went away before anybody asked: it was asked when it was met', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o', handlers: { side: '' } },
    ]);
    const { journal } = world.runtime('side');
    const isAsked = () => journal.some(({ method, ended }) => method === 'Status' && ended === 'OK');
    await until(isAsked, 'it is asked for its Status');
    await runPod(world.client, { handler: 'side' }); // this answer comes behind that one
    world.runtime('side').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    const { features, runtimeHandlers } = await world.client.call('Status', {});
    expect(runtimeHandlers.find(({ name }) => name === 'side')?.features?.userNamespaces).toBe(true);
    expect(features?.supplementalGroupsPolicy).toBe(true);
  });

  it('R18: answers within its budget and claims nothing for a backend that was never met', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o', handlers: { side: '' }, isDown: true },
    ]);
    const said = await world.client.call('Status', {}, { deadlineMs: 2_000 });
    expect(said.status?.conditions.length).toBeGreaterThanOrEqual(2);
    expect(said.features?.supplementalGroupsPolicy).toBe(false);
    expect(said.runtimeHandlers.find(({ name }) => name === 'side')?.features?.userNamespaces).toBe(false);
    expect(said.runtimeHandlers.find(({ name }) => name === '')?.features?.userNamespaces).toBe(true);
  });

  it('R17: stays ready while its only backend restarts, as a kubelet bears that of a runtime', async () => {
    world = await proxyWorld([{ name: 'main', profile: 'containerd-2.1' }]);
    const ready = async () => {
      const { status: said } = await world.client.call('Status', {});
      return said?.conditions.filter(({ status }) => status).map(({ type }) => type);
    };
    const before = await ready();
    world.runtime('main').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    expect(await ready()).toEqual(before);
  });

  it('R18: goes by the late answer of a backend that is always slower than its budget', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1', timeouts: { listMs: 2_000, statusMs: 50 } },
      { name: 'side', profile: 'cri-o' },
    ]);
    world.runtime('main').faults.add('Status', { kind: 'delay', delayMs: 200 });
    await until(async () => {
      const { status: said } = await world.client.call('Status', {});
      return said?.conditions.slice(0, 2).every(({ status }) => status) === true;
    }, 'the node and its network are ready');
    const { features } = await world.client.call('Status', {});
    expect(features?.supplementalGroupsPolicy).toBe(true);
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

  const runtimeConfig = { networkConfig: { podCidr: '10.1.2.0/24' } };
  const told = (name: string) =>
    world.runtime(name).journal.filter(({ method }) => method === 'UpdateRuntimeConfig').length;

  it('tells every backend the pod CIDR, and again one that comes back, also after a restart', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o' },
    ]);
    await world.client.call('UpdateRuntimeConfig', { runtimeConfig });
    expect([told('main'), told('side')]).toEqual([1, 1]);
    world.runtime('side').cut();
    await until(() => told('side') === 2, 'the backend is told again');
    await world.restart();
    await until(() => told('side') === 3 && told('main') === 2, 'both are told again');
    expect(world.runtime('side').world.podCidr).toBe('10.1.2.0/24');
  });

  it('takes the word of the default backend on the pod CIDR, whatever the others say or do', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o' },
    ]);
    const { faults } = world.runtime('side');
    const refuse = { kind: 'refuse', status: 'INTERNAL', message: 'no' } as const;
    for (const fault of [refuse, { kind: 'unimplemented' }, { kind: 'hang' }] as const) {
      faults.add('UpdateRuntimeConfig', fault, { calls: 1 });
      await world.client.call('UpdateRuntimeConfig', { runtimeConfig }, { deadlineMs: 10_000 });
    }
    expect(told('side')).toBe(3);
    const refused = world.lines.filter(({ text }) => text === 'UpdateRuntimeConfig was refused');
    expect(refused.map(({ fields }) => fields)).toEqual([{ backend: 'side', reason: 'no' }]);
    faults.clear();

    world.runtime('main').faults.add('UpdateRuntimeConfig', refuse, { calls: 1 });
    await expect(world.client.call('UpdateRuntimeConfig', { runtimeConfig })).rejects.toMatchObject({
      details: 'no',
    });
    world.runtime('main').faults.add('UpdateRuntimeConfig', { kind: 'unimplemented' }, { calls: 1 });
    await world.client.call('UpdateRuntimeConfig', { runtimeConfig });
  });

  it('keeps the pod CIDR for a default backend that is away, and says UNAVAILABLE', async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1' },
      { name: 'side', profile: 'cri-o' },
    ]);
    world.runtime('main').crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    await expect(world.client.call('UpdateRuntimeConfig', { runtimeConfig })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    await until(() => told('side') === 1, 'the other one is told all the same');
    await world.runtime('main').restart();
    await until(() => world.runtime('main').world.podCidr === '10.1.2.0/24', 'it is told when it is back');
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
