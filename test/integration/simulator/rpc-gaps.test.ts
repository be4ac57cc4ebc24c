// Which RPCs and API versions each runtime lacks, and in which words it says so.
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES, type ProfileName } from '../../../src/simulator/profile.ts';
import { allRpcs, codecOf, type Rpc } from '../../support/cri-codec.ts';
import { until } from '../../support/until.ts';
import { type Stage, stage } from './stage.ts';

/** Calls an RPC with an empty request; leaves a stream of events once it is served, as it would never end. */
async function emptyCall(at: Stage, rpc: Rpc) {
  const leaving = new AbortController();
  const call = at.client.rawCall(at.client.pathOf(rpc), Buffer.alloc(0), { signal: leaving.signal });
  if (rpc === 'GetContainerEvents') {
    let isRefused = false;
    void call.then(() => {
      isRefused = true;
    });
    await until(
      () => isRefused || at.runtime.world.events.subscribers > 0,
      'the stream stands or is refused',
    );
    leaving.abort();
  }
  return call;
}

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
        const reply = await emptyCall(at, rpc);
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
