// The differences between runtimes, fact by fact, as they were measured on real ones.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES, type ProfileName } from '../../../src/simulator/profile.ts';
import { profileOf } from '../../../src/simulator/quirks.ts';
import { CriError } from '../../support/cri-client.ts';
import { allRpcs, codecOf, type Request, type Rpc } from '../../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { until } from '../../support/until.ts';
import { BUSYBOX, NOWHERE, type Stage, stage } from './stage.ts';

/** The code of a call, OK included. */
async function codeOf<R extends Rpc>(at: Stage, rpc: R, request: Request<R>): Promise<string> {
  try {
    await at.client.call(rpc, request);
    return 'OK';
  } catch (error: unknown) {
    if (!(error instanceof CriError)) throw error;
    return Code[error.code];
  }
}

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
    'containerd-1.6': containerd,
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

describe.each(PROFILE_NAMES)('%s', (profile) => {
  it('takes ids cut short, in calls and in filters', async () => {
    await using at = await stage(profile);
    const podSandboxId = await at.pod();
    const containerId = await at.running(podSandboxId);
    const short = { pod: podSandboxId.slice(0, 12), container: containerId.slice(0, 12) };
    const { status } = await at.client.call('ContainerStatus', { containerId: short.container });
    expect(status?.id).toBe(containerId);
    const pods = await at.client.call('ListPodSandbox', { filter: { id: short.pod } });
    expect(pods.items).toMatchObject([{ id: podSandboxId }]);
    const inPod = await at.client.call('ListContainers', { filter: { podSandboxId: short.pod } });
    expect(inPod.containers).toMatchObject([{ id: containerId }]);
  });

  it('refuses an unknown runtime handler with UNKNOWN and its name', async () => {
    await using at = await stage(profile);
    await expect(at.pod({}, 'nothing-such')).rejects.toMatchObject({
      code: Code.UNKNOWN,
      details: expect.stringContaining('nothing-such'),
    });
    expect((await at.client.call('ListPodSandbox', {})).items).toEqual([]);
  });

  it('tells version 0.1.0 and its own name', async () => {
    await using at = await stage(profile);
    const { runtimeName, runtimeVersion, apis } = profileOf(profile);
    const runtimeApiVersion = apis[0];
    expect(await at.client.call('Version', { version: '0.1.0' })).toEqual({
      version: '0.1.0',
      runtimeName,
      runtimeVersion,
      runtimeApiVersion,
    });
  });

  it('answers an RPC nobody knows with the words of a Go server', async () => {
    await using at = await stage(profile);
    const service = `runtime.${profileOf(profile).apis[0]}.RuntimeService`;
    const reply = await at.client.rawCall(`/${service}/Juggle`, Buffer.alloc(0));
    expect(reply.code).toBe(Code.UNIMPLEMENTED);
    expect(reply.details).toBe(`unknown method Juggle for service ${service}`);
    const stranger = await at.client.rawCall('/some.other.Service/Juggle', Buffer.alloc(0));
    expect(stranger.details).toBe('unknown service some.other.Service');
    expect(at.runtime.journal.map((entry) => entry.method)).toEqual(['Juggle', 'Juggle']);
  });

  it('gives streaming URLs in its form, each with a token of its own', async () => {
    await using at = await stage(profile, { streamPort: 4567 });
    const podSandboxId = await at.pod();
    const containerId = await at.running(podSandboxId);
    const start = profile === 'cri-dockerd' ? '//127.0.0.1:4567/cri' : 'http://127.0.0.1:4567';
    const exec = await at.client.call('Exec', { containerId, cmd: ['sh'], stdout: true });
    const attach = await at.client.call('Attach', { containerId, stdout: true });
    const forward = await at.client.call('PortForward', { podSandboxId, port: [80] });
    expect(exec.url).toMatch(new RegExp(`^${start}/exec/[\\w-]{8}$`));
    expect(attach.url).toMatch(new RegExp(`^${start}/attach/[\\w-]{8}$`));
    expect(forward.url).toMatch(new RegExp(`^${start}/portforward/[\\w-]{8}$`));
  });
});

describe('RPCs that lack', () => {
  const streams = allRpcs().filter((rpc) => rpc.startsWith('Stream'));
  const since133 = ['UpdatePodSandboxResources', 'CheckpointPod', 'RestorePod', ...streams];
  const metrics = ['ListMetricDescriptors', 'ListPodSandboxMetrics'];
  const stats = ['PodSandboxStats', 'ListPodSandboxStats'];
  const table: Record<ProfileName, { unknown: string[]; unimplemented: string[] }> = {
    'containerd-1.4': {
      unknown: [
        ...stats,
        ...metrics,
        ...since133,
        'RuntimeConfig',
        'GetContainerEvents',
        'CheckpointContainer',
      ],
      unimplemented: [],
    },
    'containerd-1.6': {
      unknown: [...metrics, ...since133, 'RuntimeConfig'],
      unimplemented: ['GetContainerEvents', 'CheckpointContainer'],
    },
    'containerd-1.7': {
      unknown: [...since133, 'RuntimeConfig'],
      unimplemented: ['CheckpointContainer', ...metrics],
    },
    'containerd-2.1': { unknown: since133, unimplemented: metrics },
    'cri-o': { unknown: ['CheckpointPod', 'RestorePod'], unimplemented: [] },
    'cri-dockerd': {
      unknown: since133,
      unimplemented: [...stats, ...metrics, 'GetContainerEvents', 'CheckpointContainer'],
    },
    reference: { unknown: [], unimplemented: [] },
  };

  it.each(PROFILE_NAMES)(
    'are UNIMPLEMENTED in %s, each in its own words, and all others are served',
    async (profile) => {
      await using at = await stage(profile);
      const gaps: { unknown: string[]; unimplemented: string[] } = { unknown: [], unimplemented: [] };
      for (const rpc of allRpcs()) {
        // An open stream of events would never end; whether it is refused shows at once.
        const reply = await at.client.rawCall(at.client.pathOf(rpc), Buffer.alloc(0), {
          ...(rpc === 'GetContainerEvents' ? { deadlineMs: 250 } : {}),
        });
        if (reply.code === Code.UNAVAILABLE) await at.runtime.restart();
        if (reply.code !== Code.UNIMPLEMENTED) continue;
        const path = `runtime.${profile === 'containerd-1.4' ? 'v1alpha2' : 'v1'}.${codecOf(rpc).service}`;
        const isUnknown = reply.details === `unknown method ${rpc} for service ${path}`;
        if (!isUnknown) expect(reply.details).toBe(`method ${rpc} not implemented`);
        gaps[isUnknown ? 'unknown' : 'unimplemented'].push(rpc);
      }
      expect({ unknown: gaps.unknown.sort(), unimplemented: gaps.unimplemented.sort() }).toEqual({
        unknown: [...table[profile].unknown].sort(),
        unimplemented: [...table[profile].unimplemented].sort(),
      });
    },
  );
});

describe('API versions', () => {
  it.each([
    ['containerd-1.4', ['v1alpha2']],
    ['containerd-1.6', ['v1', 'v1alpha2']],
    ['containerd-1.7', ['v1', 'v1alpha2']],
    ['containerd-2.1', ['v1']],
    ['cri-o', ['v1']],
    ['cri-dockerd', ['v1']],
  ] as const)('%s serves %s, and calls the other an unknown service', async (profile, versions) => {
    await using at = await stage(profile);
    for (const version of ['v1', 'v1alpha2'] as const) {
      for (const service of ['RuntimeService/Version', 'ImageService/ListImages']) {
        const reply = await at.another(version).rawCall(`/runtime.${version}.${service}`, Buffer.alloc(0));
        const isServed = (versions as readonly string[]).includes(version);
        expect(reply.code, `${version} ${service}`).toBe(isServed ? Code.OK : Code.UNIMPLEMENTED);
        const [name] = service.split('/');
        if (!isServed) expect(reply.details).toBe(`unknown service runtime.${version}.${name}`);
      }
    }
  });

  it('lack the younger RPCs in v1alpha2 also where v1 has them', async () => {
    await using at = await stage('containerd-1.7');
    const reply = await at.client.rawCall(
      '/runtime.v1alpha2.RuntimeService/GetContainerEvents',
      Buffer.alloc(0),
    );
    expect(reply.details).toBe(
      'unknown method GetContainerEvents for service runtime.v1alpha2.RuntimeService',
    );
  });

  it('show one world', async () => {
    await using at = await stage('containerd-1.7');
    const id = await at.pod();
    const { items } = await at.another('v1alpha2').call('ListPodSandbox', {});
    expect(items).toMatchObject([{ id }]);
  });
});

describe('Status', () => {
  const DEPRECATION = 'ContainerdHasNoDeprecationWarnings';

  it.each(['containerd-1.6', 'containerd-1.7'] as const)(
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
    ['containerd-1.6', 3, undefined],
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

  it('says not ready when the test wants it so', async () => {
    await using at = await stage('containerd-2.1');
    at.runtime.world.health.isNetworkReady = false;
    const { status } = await at.client.call('Status', {});
    expect(status?.conditions[1]).toMatchObject({ type: 'NetworkReady', status: false });
  });
});

describe('runtimes', () => {
  it.each(['containerd-2.1', 'cri-o', 'cri-dockerd'] as const)(
    '%s reports the cgroupfs driver',
    async (profile) => {
      await using at = await stage(profile);
      expect((await at.client.call('RuntimeConfig', {})).linux?.cgroupDriver).toBe(1);
    },
  );

  it.each([
    ['containerd-1.4', 'UNKNOWN', 'failed to reserve sandbox name'],
    ['containerd-1.6', 'UNKNOWN', 'failed to reserve sandbox name'],
    ['containerd-1.7', 'UNKNOWN', 'failed to reserve sandbox name'],
    ['containerd-2.1', 'FAILED_PRECONDITION', 'failed to reserve sandbox name'],
    ['cri-dockerd', 'UNKNOWN', 'Conflict'],
  ] as const)('%s refuses the same pod twice with %s "%s"', async (profile, code, text) => {
    await using at = await stage(profile);
    const first = await at.pod({ name: 'web', uid: 'u-1' });
    await expect(at.pod({ name: 'web', uid: 'u-1' })).rejects.toMatchObject({
      code: Code[code],
      details: expect.stringMatching(new RegExp(`${text}.*web.*${first}`)),
    });
  });

  it('cri-o answers the same pod twice with the same id', async () => {
    await using at = await stage('cri-o');
    const first = await at.pod({ name: 'web', uid: 'u-1' });
    expect(await at.pod({ name: 'web', uid: 'u-1' })).toBe(first);
    expect((await at.client.call('ListPodSandbox', {})).items).toHaveLength(1);
  });

  it.each([
    ['containerd-1.7', 'UNKNOWN'],
    ['containerd-2.1', 'FAILED_PRECONDITION'],
    ['cri-o', 'UNKNOWN'],
    ['cri-dockerd', 'UNKNOWN'],
  ] as const)('%s refuses the same container twice with %s', async (profile, code) => {
    await using at = await stage(profile);
    const pod = await at.pod();
    await at.container(pod, 'main');
    await expect(at.container(pod, 'main')).rejects.toMatchObject({ code: Code[code] });
  });

  it.each(['RunPodSandbox', 'UpdateContainerResources'] as const)(
    'cri-dockerd dies of a %s that lacks what it needs',
    async (rpc) => {
      await using at = await stage('cri-dockerd');
      const id = await at.pod();
      expect(await codeOf(at, rpc, {})).toBe('UNAVAILABLE');
      expect(await codeOf(at, 'Version', {})).toBe('UNAVAILABLE');
      await at.runtime.restart();
      await until(async () => (await codeOf(at, 'Version', {})) === 'OK', 'it is back');
      expect((await at.client.call('ListPodSandbox', {})).items).toMatchObject([{ id }]);
    },
  );

  it.each([
    ['containerd-2.1', 'runc'],
    ['cri-o', ''],
    ['cri-dockerd', 'docker'],
  ] as const)('%s shows the runtime handler of a pod as "%s"', async (profile, shown) => {
    await using at = await stage(profile);
    const asked = profileOf(profile).handlers.at(-1);
    const podSandboxId = await at.pod({}, asked);
    expect((await at.client.call('PodSandboxStatus', { podSandboxId })).status?.runtimeHandler).toBe(shown);
  });

  it('cri-dockerd cannot reopen a log', async () => {
    await using at = await stage('cri-dockerd');
    const containerId = await at.running(await at.pod());
    expect(await codeOf(at, 'ReopenContainerLog', { containerId })).toBe('UNKNOWN');
  });

  it('know the handlers they are told, and no others', async () => {
    await using at = await stage('containerd-2.1', { handlers: ['kata'] });
    await at.pod({}, 'kata');
    await at.pod({}, '');
    await expect(at.pod({}, 'runc')).rejects.toMatchObject({ code: Code.UNKNOWN });
  });

  it('say so when a short id fits several', async () => {
    await using at = await stage('containerd-2.1', { seed: 1 });
    at.runtime.world.seed({ sandboxes: 40, containersPerSandbox: 0 });
    const ids = [...at.runtime.world.sandboxes.values()].map((sandbox) => sandbox.id);
    const first = ids.find((id) => ids.some((other) => other !== id && other[0] === id[0])) ?? '';
    await expect(
      at.client.call('PodSandboxStatus', { podSandboxId: first.slice(0, 1) }),
    ).rejects.toMatchObject({
      code: Code.UNKNOWN,
      details: expect.stringContaining('Multiple IDs found'),
    });
  });
});
