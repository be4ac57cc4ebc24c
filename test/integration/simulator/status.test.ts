// Status of each runtime: conditions, runtime handlers, features.
import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { stage } from './stage.ts';

describe('Status', () => {
  const DEPRECATION = 'ContainerdHasNoDeprecationWarnings';

  it.each(['containerd-1.7'] as const)(
    'of %s warns of v1alpha2 after one such call, until a restart',
    async (profile) => {
      await using at = await stage(profile);
      const warning = async () =>
        (await at.client.call('Status', {})).status?.conditions.find((one) => one.type === DEPRECATION);
      expect(await warning()).toMatchObject({ status: true });
      await at.another('v1alpha2').call('Version', {});
      expect(await warning()).toMatchObject({ status: false, reason: 'ContainerdHasDeprecationWarnings' });
      at.runtime.crash();
      await at.runtime.restart();
      await until(() => warning().then(Boolean, () => false), 'the runtime answers again');
      expect(await warning()).toMatchObject({ status: true });
    },
  );

  it.each([
    ['containerd-1.4', 2, undefined],
    ['containerd-1.6', 2, undefined],
    ['containerd-1.7', 3, undefined],
    ['containerd-2.1', 3, ['', 'runc']],
    ['cri-o', 2, ['', 'crun', 'runc']],
    ['cri-dockerd', 2, undefined],
  ] as const)('of %s has %i conditions and lists the handlers %j', async (profile, conditions, handlers) => {
    await using at = await stage(profile);
    const reply = await at.client.call('Status', {});
    const types = reply.status?.conditions.map((one) => one.type) ?? [];
    expect(types.slice(0, 2)).toEqual(['RuntimeReady', 'NetworkReady']);
    expect(types).toHaveLength(conditions);
    expect(reply.runtimeHandlers.map((one) => one.name)).toEqual(handlers ?? []);
    expect(reply.features?.supplementalGroupsPolicy).toBe(handlers === undefined ? undefined : true);
  });

  it('lists the empty handler once, also when it is named', async () => {
    await using at = await stage('containerd-2.1', { handlers: ['', 'kata'] });
    const { runtimeHandlers } = await at.client.call('Status', {});
    expect(runtimeHandlers.map((one) => one.name)).toEqual(['', 'kata']);
  });

  it('says not ready when the test wants it so', async () => {
    await using at = await stage('containerd-2.1');
    at.runtime.world.health.isNetworkReady = false;
    const { status } = await at.client.call('Status', {});
    expect(status?.conditions[1]).toMatchObject({ type: 'NetworkReady', status: false });
  });
});
