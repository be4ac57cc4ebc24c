// The life of one pod, step by step, with every answer on record: also those to steps that come twice or too late.

import type { CriClient } from '../support/cri-client.ts';
import { codecOf, type Request, type Rpc } from '../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../support/cri-configs.ts';
import { IMAGES } from '../support/oci-image.ts';
import { ask, asks, LifeRecord, type Step } from './both-ways.ts';

export interface LifeTraits {
  /** Lives of the same name must not overlap on one runtime. */
  readonly name: string;
  readonly handler: string;
  readonly cgroupParent: string;
}

/** Lets a pod live and gives what the client was told. */
export async function liveAndRecord(client: CriClient, traits: LifeTraits): Promise<readonly Step[]> {
  const { name, handler, cgroupParent } = traits;
  const record = new LifeRecord();
  async function step<R extends Rpc>(rpc: R, request: Request<R>) {
    const reply = await ask(client, asks(rpc, request));
    record.add(rpc, reply);
    const [message] = reply.messages;
    return message === undefined ? undefined : codecOf(rpc).decode(message);
  }

  const config = aPodSandboxConfig({ name, uid: `uid-${name}`, cgroupParent, annotations: { life: name } });
  const sandbox = await step('RunPodSandbox', { config, runtimeHandler: handler });
  const podSandboxId = sandbox?.podSandboxId ?? '';
  await step('RunPodSandbox', { config, runtimeHandler: handler });
  await step('PodSandboxStatus', { podSandboxId });

  const container = aContainerConfig({ image: IMAGES.app, args: ['-c', 'sleep 600'] });
  const create = { podSandboxId, config: container, sandboxConfig: config };
  const created = await step('CreateContainer', create);
  const containerId = created?.containerId ?? '';
  await step('CreateContainer', create);
  await step('ContainerStatus', { containerId });
  await step('StartContainer', { containerId });
  await step('StartContainer', { containerId });
  await step('ContainerStatus', { containerId });
  await step('ExecSync', { containerId, cmd: ['hostname'], timeout: 10 });
  await step('StopContainer', { containerId, timeout: 0 });
  await step('StopContainer', { containerId, timeout: 0 });
  await step('ContainerStatus', { containerId });
  await step('StartContainer', { containerId });
  await step('RemoveContainer', { containerId });

  await step('StopPodSandbox', { podSandboxId });
  await step('StopPodSandbox', { podSandboxId });
  await step('PodSandboxStatus', { podSandboxId });
  await step('CreateContainer', create);
  await step('RemovePodSandbox', { podSandboxId });
  return record.steps;
}
