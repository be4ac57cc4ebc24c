// Two backends of which one goes away, and what is asked of its pods: lists and statuses.
import { runContainer, runPod } from './cri-pod.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from './proxy-world.ts';

const budgets = { listMs: 200, statusMs: 100 };
/** Backend one is the default; two has the handler `two`. Both are waited for 200 ms at most. */
export async function twoBackends(): Promise<ProxyWorld> {
  return await proxyWorld([
    { name: 'one', profile: 'containerd-2.1', timeouts: budgets },
    { name: 'two', profile: 'cri-o', handlers: { two: '' }, timeouts: budgets },
  ]);
}

/** A pod with a running container on backend two, listed. */
export async function aPodOnTwo(world: ProxyWorld) {
  const { client } = world;
  const pod = await runPod(client, { handler: 'two' });
  const containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
  await list(world);
  return { ...pod, containerId };
}

/** The lists from which a snapshot is made. */
export async function list({ client }: ProxyWorld): Promise<void> {
  await client.call('ListPodSandbox', {});
  await client.call('ListContainers', {});
}

/** Both statuses, as a kubelet asks for them. */
export async function look({ client }: ProxyWorld, pod: { podSandboxId: string; containerId: string }) {
  const { podSandboxId, containerId } = pod;
  const sandbox = await client.call('PodSandboxStatus', { podSandboxId });
  const container = await client.call('ContainerStatus', { containerId });
  return { sandbox: sandbox.status, container: container.status };
}
