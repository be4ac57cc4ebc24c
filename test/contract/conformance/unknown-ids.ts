// Ids that nobody has: each RPC that names one, with the answer of the runtime.
import { expect, it } from 'vitest';
import type { Request } from '../../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { type Bench, NOBODY } from './bench.ts';
import type { IdRpc } from './traits.ts';

const POD = { podSandboxId: NOBODY };
const CONTAINER = { containerId: NOBODY };

const requests = (image: string): { readonly [R in IdRpc]: Request<R> } => ({
  StopPodSandbox: POD,
  RemovePodSandbox: POD,
  PodSandboxStatus: POD,
  PodSandboxStats: POD,
  PortForward: { ...POD, port: [80] },
  UpdatePodSandboxResources: { ...POD, resources: { cpuShares: 2 } },
  CheckpointPod: { ...POD, outputPath: '/nowhere' },
  CreateContainer: {
    ...POD,
    config: aContainerConfig({ image }),
    sandboxConfig: aPodSandboxConfig(),
  },
  StartContainer: CONTAINER,
  StopContainer: { ...CONTAINER, timeout: 2 },
  RemoveContainer: CONTAINER,
  ContainerStatus: CONTAINER,
  UpdateContainerResources: { ...CONTAINER, linux: { cpuShares: 2 } },
  ReopenContainerLog: CONTAINER,
  ExecSync: { ...CONTAINER, cmd: ['true'], timeout: 2 },
  Exec: { ...CONTAINER, cmd: ['true'], stdout: true },
  Attach: { ...CONTAINER, stdout: true },
  ContainerStats: CONTAINER,
  CheckpointContainer: { ...CONTAINER, location: '/nowhere' },
});

export function defineUnknownIds(bench: Bench, isProxied: boolean): void {
  const { unknownId, lacks } = bench.place.traits;

  it.each(Object.entries(unknownId))('R9: %s of an id that nobody has is %s', async (rpc, code) => {
    const request = requests(bench.target.image)[rpc as IdRpc];
    // Through Switchyard nobody is asked what nobody has; a runtime alone may not know the RPC at all.
    const isLacking = !isProxied && lacks.includes(rpc as IdRpc);
    expect(await bench.code(rpc as IdRpc, request as never)).toBe(isLacking ? 'UNIMPLEMENTED' : code);
  });
}
