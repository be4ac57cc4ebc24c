// One kubelet has one cgroup driver. What happens when a runtime behind Switchyard uses another one.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Config, RuleConfig } from '../../../src/config/config.ts';
import type { SimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const MAIN = { name: 'main', profile: 'containerd-2.1' } as const;
const SIDE = { name: 'side', profile: 'cri-o', handlers: { side: '' } } as const;
const CGROUPFS = 1;

/** As an operator who configures it anew and restarts it. */
function reconfigure(runtime: SimulatedRuntime, cgroupDriver: 'systemd' | 'cgroupfs'): void {
  runtime.world.status = { ...runtime.world.status, cgroupDriver };
  runtime.cut();
}

describe('the cgroup driver of the node', () => {
  let world: ProxyWorld;

  afterEach(() => world[Symbol.asyncDispose]());

  const hasLine = (start: string) => world.lines.some(({ text }) => text.startsWith(start));
  const linesOfSilence = () => world.lines.filter(({ text }) => text.startsWith('a backend cannot say'));
  const conditionOf = async (name: string) => {
    const { status: said } = await world.client.call('Status', {});
    return said?.conditions.find(({ type }) => type === `Backend.${name}.Ready`);
  };
  const driverToldToKubelets = async () =>
    (await world.connect().call('RuntimeConfig', {})).linux?.cgroupDriver;

  it('is that of the default backend: one with another driver gets no new pods and keeps those it has', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const pod = await runPod(world.client, { handler: 'side' });
    reconfigure(world.runtime('side'), 'systemd');
    await until(() => hasLine('a backend takes no new pods'), 'the mismatch is told');

    await expect(runPod(world.client, { handler: 'side' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining(
        'backend side takes no new pods: it uses the cgroup driver systemd, and the node that of backend main, cgroupfs',
      ),
    });
    expect(await driverToldToKubelets()).toBe(CGROUPFS);
    const { items } = await world.client.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).toEqual([pod.podSandboxId]);
    await world.client.call('StopPodSandbox', { podSandboxId: pod.podSandboxId });
    expect(await conditionOf('side')).toMatchObject({ status: false, reason: 'CgroupDriverMismatch' });
    expect(await conditionOf('main')).toMatchObject({ status: true });

    reconfigure(world.runtime('side'), 'cgroupfs');
    await until(() => hasLine("a backend uses the node's cgroup driver again"), 'it agrees again');
    await runPod(world.client, { handler: 'side' });
    expect(await conditionOf('side')).toMatchObject({ status: true });
  });

  it('lets a new pod wait for the word of a backend that is just coming back', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const side = world.runtime('side');
    const slow = side.faults.add('RuntimeConfig', { kind: 'hang' });
    reconfigure(side, 'systemd');
    await until(() => slow.hits > 0, 'it is asked');
    const placed = runPod(world.client, { handler: 'side' });
    slow.clear();
    await expect(placed).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });

  it('sends pods to the fallback of their rule while the chosen backend has another driver', async () => {
    const rule = (config: Config): Config => ({
      ...config,
      rules: [{ ...RULE, target: { kind: 'backend', backend: 'side' }, fallback: 'main' }],
    });
    world = await proxyWorld([MAIN, SIDE], rule);
    reconfigure(world.runtime('side'), 'systemd');
    await until(() => hasLine('a backend takes no new pods'), 'the mismatch is told');
    const pod = await runPod(world.client);
    expect(world.runtime('main').world.sandboxes.find(pod.podSandboxId).kind).toBe('found');
  });

  it('R19: is told to a kubelet that starts while the default backend is down, also after a restart', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    world.runtime('main').crash();
    await world.restart('main');
    expect(await driverToldToKubelets()).toBe(CGROUPFS);
  });

  it('is the configured one for a runtime that cannot say, and others are held against it', async () => {
    world = await proxyWorld([{ name: 'old', profile: 'containerd-1.7', cgroupDriver: 'systemd' }, SIDE]);
    await until(() => hasLine('a backend takes no new pods'), 'the mismatch is told');
    const { linux } = await world.client.call('RuntimeConfig', {});
    expect(linux?.cgroupDriver).toBe(0);
    await runPod(world.client);
    await expect(runPod(world.client, { handler: 'side' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
  });

  it('is what the runtime says where the config says another, loudly', async () => {
    world = await proxyWorld([{ ...MAIN, cgroupDriver: 'systemd' }]);
    await until(() => hasLine('a backend does not use the cgroup driver'), 'it is told');
    expect(await driverToldToKubelets()).toBe(CGROUPFS);
  });

  it('has not changed when the first word of a runtime differs from the config, which is told once', async () => {
    world = await proxyWorld([{ ...MAIN, cgroupDriver: 'systemd' }, SIDE]);
    await until(() => hasLine('a backend does not use the cgroup driver'), 'it is told');
    const seen = world.lines.length;
    reconfigure(world.runtime('main'), 'cgroupfs');
    await until(
      () => world.lines.slice(seen).some(({ text }) => text === 'backend is ready'),
      'the backend is ready again',
    );
    await driverToldToKubelets();
    expect(hasLine("the node's cgroup driver has changed")).toBe(false);
    const isWarning = ({ text }: { text: string }) =>
      text.startsWith('a backend does not use the cgroup driver');
    expect(world.lines.filter(isWarning)).toHaveLength(1);

    reconfigure(world.runtime('main'), 'systemd');
    await until(() => hasLine("the node's cgroup driver has changed"), 'a change is told');
  });

  it('is that of the others when the default backend cannot say, with a word in the log', async () => {
    world = await proxyWorld([{ name: 'old', profile: 'containerd-1.7' }, SIDE]);
    expect(await driverToldToKubelets()).toBe(CGROUPFS);
    expect(linesOfSilence()).toMatchObject([
      {
        text: "a backend cannot say which cgroup driver it uses: it is assumed to use the node's",
        fields: { backend: 'old', hint: expect.stringContaining('set cgroupDriver of backend old') },
      },
    ]);
  });

  it('is assumed of a runtime that cannot say with one line, over reconnects and restarts, until it changes', async () => {
    world = await proxyWorld([{ name: 'old', profile: 'containerd-1.7' }, SIDE]);
    await until(() => linesOfSilence().length === 1, 'it is told');
    const seen = world.lines.length;
    world.runtime('old').cut();
    await until(
      () => world.lines.slice(seen).some(({ text }) => text === 'backend is ready'),
      'the backend is ready again',
    );
    await driverToldToKubelets();
    expect(linesOfSilence()).toHaveLength(1);

    await world.restart();
    await driverToldToKubelets();
    expect(linesOfSilence()).toEqual([]);

    await world.replaceRuntime('old', 'containerd-2.1');
    await driverToldToKubelets();
    await world.replaceRuntime('old', 'containerd-1.7');
    await until(() => linesOfSilence().length === 1, 'that it cannot say any more is told');
  });

  it('R11: is UNIMPLEMENTED where no backend can say, also while they are down', async () => {
    world = await proxyWorld([{ name: 'old', profile: 'containerd-1.7' }]);
    const unimplemented = { code: status.UNIMPLEMENTED };
    await expect(driverToldToKubelets()).rejects.toMatchObject(unimplemented);
    world.runtime('old').crash();
    await world.restart('old');
    await expect(driverToldToKubelets()).rejects.toMatchObject(unimplemented);
  });

  it('is answered without waiting for a backend that hangs', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    world.runtime('side').faults.add('RuntimeConfig', { kind: 'hang' });
    expect(await driverToldToKubelets()).toBe(CGROUPFS);
  });
});

const RULE: RuleConfig = {
  name: 'all on side',
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
  },
  target: { kind: 'backend', backend: 'side' },
  fallback: undefined,
  handler: undefined,
};
