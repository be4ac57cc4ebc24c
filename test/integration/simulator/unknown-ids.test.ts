// What each runtime answers for ids it does not have, as measured on real ones.
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES, type ProfileName } from '../../../src/simulator/profile.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { BUSYBOX, codeOf, NOWHERE, stage } from './stage.ts';

describe('an unknown id', () => {
  const containerd = {
    StopPodSandbox: 'OK',
    RemovePodSandbox: 'OK',
    PodSandboxStatus: 'NOT_FOUND',
    PortForward: 'NOT_FOUND',
    CreateContainer: 'NOT_FOUND',
    StartContainer: 'NOT_FOUND',
    StopContainer: 'OK',
    RemoveContainer: 'OK',
    ContainerStatus: 'NOT_FOUND',
    UpdateContainerResources: 'NOT_FOUND',
    ReopenContainerLog: 'NOT_FOUND',
    ExecSync: 'NOT_FOUND',
    Exec: 'NOT_FOUND',
    Attach: 'NOT_FOUND',
    ContainerStats: 'NOT_FOUND',
    PodSandboxStats: 'NOT_FOUND',
  };
  const table: Partial<Record<ProfileName, Record<keyof typeof containerd, string>>> = {
    'containerd-1.4': {
      ...containerd,
      StopPodSandbox: 'NOT_FOUND',
      StopContainer: 'NOT_FOUND',
      PodSandboxStats: 'UNIMPLEMENTED',
    },
    'containerd-1.6': { ...containerd, StopPodSandbox: 'NOT_FOUND', StopContainer: 'NOT_FOUND' },
    'containerd-1.7': containerd,
    'containerd-2.1': containerd,
    'cri-o': {
      ...containerd,
      PortForward: 'OK',
      CreateContainer: 'UNKNOWN',
      UpdateContainerResources: 'UNKNOWN',
      ReopenContainerLog: 'UNKNOWN',
      Exec: 'UNKNOWN',
      Attach: 'UNKNOWN',
      ContainerStats: 'UNKNOWN',
      PodSandboxStats: 'UNKNOWN',
    },
    'cri-dockerd': {
      StopPodSandbox: 'OK',
      RemovePodSandbox: 'OK',
      PodSandboxStatus: 'UNKNOWN',
      PortForward: 'UNKNOWN',
      CreateContainer: 'UNKNOWN',
      StartContainer: 'UNKNOWN',
      StopContainer: 'NOT_FOUND',
      RemoveContainer: 'UNKNOWN',
      ContainerStatus: 'UNKNOWN',
      UpdateContainerResources: 'UNKNOWN',
      ReopenContainerLog: 'UNKNOWN',
      ExecSync: 'UNKNOWN',
      Exec: 'UNKNOWN',
      Attach: 'UNKNOWN',
      ContainerStats: 'UNKNOWN',
      PodSandboxStats: 'UNIMPLEMENTED',
    },
  };

  for (const [profile, codes] of Object.entries(table) as [ProfileName, Record<string, string>][]) {
    it(`gets the codes of ${profile}`, async () => {
      await using at = await stage(profile);
      const requests: Record<keyof typeof containerd, Promise<string>> = {
        StopPodSandbox: codeOf(at, 'StopPodSandbox', { podSandboxId: NOWHERE }),
        RemovePodSandbox: codeOf(at, 'RemovePodSandbox', { podSandboxId: NOWHERE }),
        PodSandboxStatus: codeOf(at, 'PodSandboxStatus', { podSandboxId: NOWHERE }),
        PortForward: codeOf(at, 'PortForward', { podSandboxId: NOWHERE, port: [80] }),
        CreateContainer: codeOf(at, 'CreateContainer', {
          podSandboxId: NOWHERE,
          config: aContainerConfig({ image: BUSYBOX }),
          sandboxConfig: aPodSandboxConfig(),
        }),
        StartContainer: codeOf(at, 'StartContainer', { containerId: NOWHERE }),
        StopContainer: codeOf(at, 'StopContainer', { containerId: NOWHERE, timeout: 2 }),
        RemoveContainer: codeOf(at, 'RemoveContainer', { containerId: NOWHERE }),
        ContainerStatus: codeOf(at, 'ContainerStatus', { containerId: NOWHERE }),
        UpdateContainerResources: codeOf(at, 'UpdateContainerResources', {
          containerId: NOWHERE,
          linux: { cpuShares: 1 },
        }),
        ReopenContainerLog: codeOf(at, 'ReopenContainerLog', { containerId: NOWHERE }),
        ExecSync: codeOf(at, 'ExecSync', { containerId: NOWHERE, cmd: ['true'] }),
        Exec: codeOf(at, 'Exec', { containerId: NOWHERE, cmd: ['true'], stdout: true }),
        Attach: codeOf(at, 'Attach', { containerId: NOWHERE, stdout: true }),
        ContainerStats: codeOf(at, 'ContainerStats', { containerId: NOWHERE }),
        PodSandboxStats: codeOf(at, 'PodSandboxStats', { podSandboxId: NOWHERE }),
      };
      const got: Record<string, string> = {};
      for (const [rpc, code] of Object.entries(requests)) got[rpc] = await code;
      expect(got).toEqual(codes);
    });
  }

  it.each(PROFILE_NAMES)('in a list filter gives an empty list from %s', async (profile) => {
    await using at = await stage(profile);
    await at.running(await at.pod());
    expect((await at.client.call('ListPodSandbox', { filter: { id: NOWHERE } })).items).toEqual([]);
    expect((await at.client.call('ListContainers', { filter: { id: NOWHERE } })).containers).toEqual([]);
    expect(
      (await at.client.call('ListContainers', { filter: { podSandboxId: NOWHERE } })).containers,
    ).toEqual([]);
  });
});
