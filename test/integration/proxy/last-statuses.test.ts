// That what is answered for an absent backend is never older than what it said last, whichever way that came.
import { describe, expect, it } from 'vitest';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const RUNNING = 1;
const EXITED = 2;
const budgets = { listMs: 200, statusMs: 100 };

async function twoBackends(): Promise<ProxyWorld> {
  return await proxyWorld([
    { name: 'one', profile: 'containerd-2.1', timeouts: budgets },
    { name: 'two', profile: 'cri-o', handlers: { two: '' }, timeouts: budgets },
  ]);
}

/** A pod with a running container on backend two, listed. */
async function aPodOnTwo(world: ProxyWorld) {
  const { client } = world;
  const pod = await runPod(client, { handler: 'two' });
  const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
  await list(world);
  return { ...pod, containerId };
}

async function list({ client }: ProxyWorld): Promise<void> {
  await client.call('ListPodSandbox', {});
  await client.call('ListContainers', {});
}

/** Both statuses, as a kubelet asks for them. */
async function look({ client }: ProxyWorld, pod: { podSandboxId: string; containerId: string }) {
  const { podSandboxId, containerId } = pod;
  const sandbox = await client.call('PodSandboxStatus', { podSandboxId });
  const container = await client.call('ContainerStatus', { containerId });
  return { sandbox: sandbox.status, container: container.status };
}

describe('the status of what an absent backend has', () => {
  it('is never older than the last that passed, however long that was, also after a restart', async () => {
    await using world = await twoBackends();
    const { client } = world;
    const runtime = world.runtime('two');
    const exits: string[] = [];
    for (const sizeBytes of [20_000, 40_000, 400_000]) {
      const pod = await aPodOnTwo(world);
      const { containerId } = pod;
      expect((await look(world, pod)).container).toMatchObject({ state: RUNNING });
      const container = runtime.world.containers.get(containerId) ?? expect.unreachable('it is there');
      runtime.world.exitContainer(container, 3);
      Object.assign(container.exit ?? {}, { reason: `Error${'x'.repeat(sizeBytes)}` });
      expect((await look(world, pod)).container).toMatchObject({ state: EXITED, exitCode: 3 });
      exits.push(containerId);
    }
    const told = async (client: ProxyWorld['client']) =>
      await Promise.all(
        exits.map(async (containerId) => (await client.call('ContainerStatus', { containerId })).status),
      );
    runtime.crash();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    for (const isRestarted of [false, true]) {
      if (isRestarted) await world.restart('two');
      const [whole, stub, unseen] = await told(isRestarted ? world.connect() : client);
      expect(whole).toMatchObject({ state: EXITED, exitCode: 3, reason: `Error${'x'.repeat(20_000)}` });
      expect(stub).toMatchObject({ state: EXITED, exitCode: 3, reason: `Error${'x'.repeat(59)}` });
      expect(stub?.metadata).toMatchObject({ name: 'main' });
      expect(BigInt(stub?.finishedAt ?? 0)).toBeGreaterThan(BigInt(stub?.startedAt ?? 0));
      // Of one that was not even looked at, what the list says.
      expect(unseen).toMatchObject({ state: RUNNING, exitCode: 0, reason: '' });
    }
  });
});
