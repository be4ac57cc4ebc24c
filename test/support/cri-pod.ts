// A pod with one container, made through a CRI client as a kubelet makes it: the usual beginning of a test.
import type { CriClient } from './cri-client.ts';
import type { PodSandboxConfig } from './cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig, type ContainerTraits, type PodTraits } from './cri-configs.ts';

export interface Pod {
  readonly podSandboxId: string;
  readonly config: PodSandboxConfig;
  readonly uid: string;
}

/** Runs a pod sandbox. */
export async function runPod(cri: CriClient, traits: PodTraits & { handler?: string } = {}): Promise<Pod> {
  const config = aPodSandboxConfig(traits);
  const { podSandboxId } = await cri.call('RunPodSandbox', { config, runtimeHandler: traits.handler ?? '' });
  return { podSandboxId, config, uid: config.metadata?.uid ?? '' };
}

/** Creates and starts a container in it; gives its id. */
export async function runContainer(cri: CriClient, pod: Pod, traits: ContainerTraits): Promise<string> {
  const { containerId } = await cri.call('CreateContainer', {
    podSandboxId: pod.podSandboxId,
    config: aContainerConfig(traits),
    sandboxConfig: pod.config,
  });
  await cri.call('StartContainer', { containerId });
  return containerId;
}

/** Stops and removes pods with all that is in them; those that are gone already are no fault. */
export async function removePods(cri: CriClient, pods: readonly Pod[]): Promise<void> {
  for (const { podSandboxId } of pods) {
    const { items } = await cri.call('ListPodSandbox', { filter: { id: podSandboxId } });
    if (items.length === 0) continue;
    await cri.call('StopPodSandbox', { podSandboxId });
    await cri.call('RemovePodSandbox', { podSandboxId });
  }
}
