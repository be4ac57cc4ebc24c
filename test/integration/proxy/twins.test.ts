// Two backends of the config that are one runtime. The config loader refuses what it can see; here is what it cannot: a
// socket that comes up under a second name while Switchyard runs.
import { symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type LogLine, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

it('R8: two endpoints of one runtime show nothing twice, and people are told', async () => {
  await using world = await proxyWorld([
    { name: 'one', profile: 'containerd-2.1' },
    { name: 'twin', profile: 'containerd-2.1', handlers: { twin: '' }, isDown: true },
  ]);
  const pod = await runPod(world.client);
  const containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
  symlinkSync(world.socketOf('one'), world.socketOf('twin'));
  await until(
    () =>
      world.lines.some(
        ({ text, level }) => level === 'error' && text.startsWith('two backends are one runtime'),
      ),
    'people are told of the socket',
  );
  await until(
    () => world.lines.some(({ text }) => text === 'a backend shows ids that another backend owns'),
    'people are told of the ids',
  );
  const { items } = await world.client.call('ListPodSandbox', {});
  expect(items.map(({ id }) => id)).toEqual([pod.podSandboxId]);
  const { containers } = await world.client.call('ListContainers', {});
  expect(containers.map(({ id }) => id)).toEqual([containerId]);
  const { status } = await world.client.call('ContainerStatus', { containerId });
  expect(status?.id).toBe(containerId);
});

it('never calls a backend that is Switchyard itself, and says what to do', async () => {
  await using world = await proxyWorld([
    { name: 'one', profile: 'containerd-2.1' },
    { name: 'self', profile: 'containerd-2.1', handlers: { self: '' }, isDown: true },
  ]);
  symlinkSync(world.switchyard.socket, world.socketOf('self'));
  const isSaid = ({ text, fields }: LogLine) =>
    text === 'backend is absent' && String(fields['reason']).startsWith("it is Switchyard's own socket");
  await until(() => world.lines.some(isSaid), 'it is known as Switchyard itself');
  await expect(world.client.call('RunPodSandbox', { runtimeHandler: 'self' })).rejects.toThrow(
    /own socket, by another path. Name the socket of a container runtime, or choose another listen.socket$/,
  );
  expect(world.lines.filter(({ text }) => text === 'backend is ready')).toHaveLength(1);
});
