// Clients and backends of different CRI versions: every RPC of the table, made through Switchyard in the client's
// version, beside the same call made directly to a twin of the backend in the backend's own version.
import { describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import { METHODS, methodNamed } from '../../../src/cri/methods.ts';
import { type ApiVersion, hasRpc } from '../../../src/cri/versions.ts';
import { filesystemsOf, withKnownMountpoints } from '../../../src/merge/container-filesystems.ts';
import type { ProfileName } from '../../../src/simulator/profile.ts';
import { profileOf } from '../../../src/simulator/quirks.ts';
import { type SimulatedRuntime, startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { CriClient, type RawReply } from '../../support/cri-client.ts';
import { codecOf, type Request, type Rpc } from '../../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { configOf, type LogLine, proxyWorld, recorder, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const UNIMPLEMENTED = 12;
const CGROUPFS = 1;

/** Every client with every backend, those of one version alone among them. */
const MIXES: readonly (readonly [ApiVersion, ProfileName])[] = [
  ['v1', 'containerd-1.4'],
  ['v1alpha2', 'containerd-1.4'],
  ['v1alpha2', 'containerd-2.1'],
  ['v1alpha2', 'cri-o'],
  ['v1alpha2', 'cri-dockerd'],
  ['v1', 'containerd-1.6'],
  ['v1alpha2', 'containerd-1.6'],
  ['v1', 'containerd-1.7'],
  ['v1alpha2', 'containerd-1.7'],
  ['v1', 'reference'],
  ['v1alpha2', 'reference'],
];

interface Ids {
  sandbox: string;
  container: string;
}

/** One call of each RPC, in an order in which each has something to answer. */
const CALLS: readonly { readonly rpc: Rpc; request(ids: Ids): Buffer }[] = [
  call('Version', () => ({ version: '0.1.0' })),
  call('Status', () => ({ verbose: true })),
  call('RuntimeConfig', () => ({})),
  call('UpdateRuntimeConfig', () => ({ runtimeConfig: { networkConfig: { podCidr: '10.9.0.0/24' } } })),
  call('ImageFsInfo', () => ({})),
  call('PullImage', () => ({ image: { image: 'localhost/new:1' }, sandboxConfig: POD })),
  call('ImageStatus', () => ({ image: { image: 'localhost/new:1' }, verbose: true })),
  call('ListImages', () => ({})),
  call('StreamImages', () => ({})),
  call('RunPodSandbox', () => ({ config: POD })),
  call('PodSandboxStatus', ({ sandbox }) => ({ podSandboxId: sandbox, verbose: true })),
  call('CreateContainer', ({ sandbox }) => ({
    podSandboxId: sandbox,
    config: CONTAINER,
    sandboxConfig: POD,
  })),
  call('StartContainer', ({ container }) => ({ containerId: container })),
  call('ContainerStatus', ({ container }) => ({ containerId: container, verbose: true })),
  call('ListPodSandbox', () => ({ filter: {} })),
  call('StreamPodSandboxes', () => ({ filter: {} })),
  call('ListContainers', ({ sandbox }) => ({ filter: { podSandboxId: sandbox } })),
  call('StreamContainers', () => ({})),
  call('ExecSync', ({ container }) => ({ containerId: container, cmd: ['echo', 'hello'], timeout: 5 })),
  call('Exec', ({ container }) => ({ containerId: container, cmd: ['sh'], stdin: true, stdout: true })),
  call('Attach', ({ container }) => ({ containerId: container, stdout: true })),
  call('PortForward', ({ sandbox }) => ({ podSandboxId: sandbox, port: [80] })),
  call('UpdateContainerResources', ({ container }) => ({
    containerId: container,
    linux: { cpuShares: 512 },
  })),
  call('UpdatePodSandboxResources', ({ sandbox }) => ({
    podSandboxId: sandbox,
    resources: { cpuShares: 512 },
  })),
  call('ReopenContainerLog', ({ container }) => ({ containerId: container })),
  call('ContainerStats', ({ container }) => ({ containerId: container })),
  call('ListContainerStats', () => ({ filter: {} })),
  call('StreamContainerStats', () => ({ filter: {} })),
  call('PodSandboxStats', ({ sandbox }) => ({ podSandboxId: sandbox })),
  call('ListPodSandboxStats', () => ({ filter: {} })),
  call('StreamPodSandboxStats', () => ({ filter: {} })),
  call('ListMetricDescriptors', () => ({})),
  call('ListPodSandboxMetrics', () => ({})),
  call('StreamPodSandboxMetrics', () => ({})),
  call('CheckpointContainer', ({ container }) => ({ containerId: container, location: '/var/lib/c.tar' })),
  call('CheckpointPod', ({ sandbox }) => ({ podSandboxId: sandbox, outputPath: '/var/lib/p' })),
  call('RestorePod', () => ({ checkpointPath: '/var/lib/p', config: RESTORED })),
  call('StopContainer', ({ container }) => ({ containerId: container, timeout: 1 })),
  call('RemoveContainer', ({ container }) => ({ containerId: container })),
  call('StopPodSandbox', ({ sandbox }) => ({ podSandboxId: sandbox })),
  call('RemovePodSandbox', ({ sandbox }) => ({ podSandboxId: sandbox })),
  call('RemoveImage', () => ({ image: { image: 'localhost/new:1' } })),
];

const POD = aPodSandboxConfig({ name: 'web', uid: 'uid-of-web' });
const RESTORED = aPodSandboxConfig({ name: 'back', uid: 'uid-of-back' });
const CONTAINER = aContainerConfig({ image: SIMULATED_IMAGE });

/** What Switchyard says itself or makes out of the backend's words; each has tests of its own. */
const MADE_HERE: ReadonlySet<string> = new Set(['Version', 'Status', 'ListMetricDescriptors']);
/** Its stream has no end to wait for; test/integration/proxy/events.test.ts is about it. */
const WITHOUT_END = ['GetContainerEvents'];

describe('the calls below', () => {
  it('are of every RPC of the table', () => {
    const names = [...CALLS.map(({ rpc }) => rpc), ...WITHOUT_END];
    expect(names.toSorted()).toEqual(METHODS.map(({ name }) => name).toSorted());
  });
});

for (const [version, profile] of MIXES) {
  const apis = profileOf(profile).apis;
  const own = apis.includes('v1') ? 'v1' : 'v1alpha2';

  describe(`a ${version} client over ${profile}, which speaks ${apis.join(' and ')}`, () => {
    it('gets for every RPC what the backend says in its own version, byte for byte', async () => {
      await using pair = await twins(version, own, profile);
      const { proxied, direct, runtime } = pair;
      const ids: Ids = { sandbox: '', container: '' };
      let fsInfo: Buffer = Buffer.alloc(0);
      for (const { rpc, request } of CALLS) {
        const bytes = request(ids);
        const plain = await answerTo(direct, rpc, bytes);
        const viaProxy = await proxied.rawCall(proxied.pathOf(rpc), bytes);
        expect({ rpc, ...statusOf(viaProxy) }).toEqual({ rpc, ...statusOf(plain) });
        // Statistics of pods that are made of those of containers: test/integration/proxy/pod-stats.test.ts.
        const isMade = rpc === 'StreamPodSandboxStats' && plain === EMPTY_STREAM;
        if (!MADE_HERE.has(rpc) && !isMade)
          expect(shown(rpc, viaProxy), rpc).toEqual(shown(rpc, mended(fsInfo, rpc, plain)));
        if (rpc === 'ImageFsInfo') fsInfo = plain.bytes;
        if (rpc === 'RunPodSandbox') ids.sandbox = codecOf(rpc).decode(plain.bytes).podSandboxId;
        if (rpc === 'CreateContainer') ids.container = codecOf(rpc).decode(plain.bytes).containerId;
      }
      expect(ids.container).not.toBe('');
      const asked = new Set(runtime.journal.map(({ service }) => service.split('.')[1]));
      // A runtime with v1 is never asked in v1alpha2: containerd would warn in its Status until it restarts.
      expect([...asked]).toEqual(own === 'v1' ? ['v1'] : ['v1', 'v1alpha2']);
    });

    it(`is told a runtime API of ${version}, and the runtime's own name and version`, async () => {
      await using pair = await twins(version, own, profile);
      const { proxied, direct } = pair;
      const told = await proxied.call('Version', { version: '0.1.0' });
      const plain = await direct.call('Version', { version: '0.1.0' });
      expect(told).toEqual({ ...plain, runtimeApiVersion: version });
    });

    it('is told the conditions of the runtime', async () => {
      await using pair = await twins(version, own, profile);
      const { proxied, direct } = pair;
      const kubelets = ['RuntimeReady', 'NetworkReady'];
      const of = async (client: CriClient) =>
        (await client.call('Status', {})).status?.conditions.filter(({ type }) => kubelets.includes(type));
      expect(await of(proxied)).toEqual(await of(direct));
    });
  });
}

describe('an RPC that one side lacks', () => {
  it('reaches a v1alpha2 client that calls it all the same, where the backend has it', async () => {
    await using pair = await twins('v1alpha2', 'v1', 'reference');
    expect(hasRpc('v1alpha2', methodNamed('RuntimeConfig'))).toBe(false);
    const { linux } = await pair.proxied.call('RuntimeConfig', {});
    expect(linux).toEqual({ cgroupDriver: CGROUPFS });
  });

  it('ends UNIMPLEMENTED for a v1alpha2 client where Switchyard itself serves it, as GetContainerEvents', async () => {
    await using pair = await twins('v1alpha2', 'v1', 'reference');
    const { code, details } = await pair.proxied.rawCall(
      pair.proxied.pathOf('GetContainerEvents'),
      Buffer.alloc(0),
    );
    expect({ code, details }).toEqual({ code: UNIMPLEMENTED, details: expect.stringContaining('v1alpha2') });
  });

  it("ends UNIMPLEMENTED in the backend's own words, where it has not", async () => {
    await using pair = await twins('v1', 'v1alpha2', 'containerd-1.4');
    await expect(pair.proxied.call('RuntimeConfig', {})).rejects.toMatchObject({
      code: UNIMPLEMENTED,
      details: 'unknown method RuntimeConfig for service runtime.v1alpha2.RuntimeService',
    });
  });

  it('is served of both where one of two backends has it and a list may lack the other', async () => {
    await using world = await proxyWorld([
      { name: 'new', profile: 'reference' },
      { name: 'old', profile: 'containerd-1.4', handlers: { old: '' } },
    ]);
    for (const version of ['v1', 'v1alpha2'] as const) {
      const client = world.connect({ version });
      await client.call('RunPodSandbox', { config: aPodSandboxConfig(), runtimeHandler: 'old' });
      await client.call('RunPodSandbox', { config: aPodSandboxConfig() });
      const streamed: string[] = [];
      for await (const { podSandboxes } of client.stream('StreamPodSandboxes', {}))
        streamed.push(...podSandboxes.map(({ id }) => id));
      const { items } = await client.call('ListPodSandbox', {});
      expect(streamed.toSorted()).toEqual(items.map(({ id }) => id).toSorted());
      // A kubelet that hears UNIMPLEMENTED of pod stats takes another way for all pods, so one lack counts for all.
      await expect(client.call('ListPodSandboxStats', {})).rejects.toMatchObject({ code: UNIMPLEMENTED });
      await expect(client.call('ListPodSandboxMetrics', {})).resolves.toBeDefined();
    }
  });
});

describe('a kubelet of 1.23 to 1.25', () => {
  // It asks for both services in v1 and takes v1alpha2 for the one that says UNIMPLEMENTED, until it is restarted.
  const CHOICE = [
    ['RuntimeService', 'Version'],
    ['ImageService', 'ImageFsInfo'],
  ] as const;

  for (const profile of ['containerd-1.4', 'containerd-1.6', 'containerd-2.1'] as const) {
    it(`chooses v1 for both services over ${profile}`, async () => {
      await using world = await proxyWorld([{ name: 'one', profile }]);
      for (const [service, rpc] of CHOICE) {
        const reply = await world.client.rawCall(`/runtime.v1.${service}/${rpc}`, Buffer.alloc(0));
        expect({ rpc, code: reply.code }).toEqual({ rpc, code: 0 });
      }
    });
  }

  it('is never told UNIMPLEMENTED for a backend that is away', async () => {
    await using world = await proxyWorld([{ name: 'one', profile: 'containerd-1.4', isDown: true }]);
    for (const [service, rpc] of CHOICE) {
      const reply = await world.client.rawCall(`/runtime.v1.${service}/${rpc}`, Buffer.alloc(0));
      expect({ rpc, code: reply.code }).toEqual({ rpc, code: 14 });
    }
  });
});

describe('a backend that comes back as another release', () => {
  it('is met anew: what only v1alpha2 reached is then reached in v1, and back', async () => {
    await using world = await proxyWorld([{ name: 'one', profile: 'containerd-1.4' }]);
    for (const profile of ['containerd-2.1', 'containerd-1.4'] as const) {
      await world.replaceRuntime('one', profile);
      await world.client.call('RunPodSandbox', { config: aPodSandboxConfig() });
      const [own] = profileOf(profile).apis;
      const { journal } = world.runtime('one');
      const run = journal.find(({ method }) => method === 'RunPodSandbox');
      expect(run?.service).toBe(`runtime.${own}.RuntimeService`);
      const { runtimeVersion } = await world.client.call('Version', {});
      expect(runtimeVersion).toBe(profileOf(profile).runtimeVersion);
    }
  });
});

function call<R extends Rpc>(rpc: R, request: (ids: Ids) => Request<R>) {
  return { rpc, request: (ids: Ids) => codecOf(rpc).encode(request(ids)) };
}

interface Twins extends AsyncDisposable {
  readonly proxied: CriClient;
  /** On a twin of the runtime, in that one's own version. */
  readonly direct: CriClient;
  /** The one behind Switchyard. */
  readonly runtime: SimulatedRuntime;
}

/** Two runtimes that make the same ids at the same times, one of them behind a Switchyard. */
async function twins(version: ApiVersion, own: ApiVersion, profile: ProfileName): Promise<Twins> {
  const dir = await tempDir();
  const start = (name: string) =>
    startSimulatedRuntime({ profile, socket: dir.file(`${name}.sock`), seed: 4, clock: new FakeClock() });
  const [twin, runtime] = await Promise.all([start('twin'), start('one')]);
  const lines: LogLine[] = [];
  const config = configOf(dir, [{ name: 'one', profile }]);
  const switchyard = await startSwitchyard({ config, log: recorder(lines) });
  await until(() => lines.some(({ text }) => text === 'backend is ready'), 'the backend is ready');
  const proxied = new CriClient(switchyard.socket, { version });
  const direct = new CriClient(twin.socket, { version: own });
  // Each look at the clock counts. A backend is asked for its file systems when it becomes ready.
  await until(
    () => runtime.journal.some(({ method, ended }) => method === 'ImageFsInfo' && ended !== undefined),
    'its file systems are known',
  );
  await direct.call('ImageFsInfo', {});
  return {
    proxied,
    direct,
    runtime,
    async [Symbol.asyncDispose]() {
      for (const client of [proxied, direct]) client.close();
      await switchyard.close();
      for (const each of [twin, runtime]) await each.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

type Shown = Pick<RawReply, 'code' | 'details' | 'messages'>;

/**
 * The runtime's own answer. A list stream that it lacks is expected as its unary list, and as empty when it lacks that
 * too: a kubelet that once hears UNIMPLEMENTED of a list stream asks for none until it is restarted.
 */
async function answerTo(
  direct: CriClient,
  rpc: Rpc,
  bytes: Buffer,
): Promise<Shown & Pick<RawReply, 'bytes'>> {
  const plain = await direct.rawCall(direct.pathOf(rpc), bytes);
  const row = methodNamed(rpc);
  if (row.kind !== 'stream-list' || plain.code !== UNIMPLEMENTED) return plain;
  const unary = await direct.rawCall(direct.pathOf(row.unary as Rpc), bytes);
  return unary.code === UNIMPLEMENTED ? EMPTY_STREAM : unary;
}

/** The answer with the mount points of the runtime's ImageFsInfo: of CRI-O they are others. */
function mended(fsInfo: Buffer, rpc: Rpc, plain: Shown): Shown {
  const row = methodNamed(rpc);
  const unary = row.kind === 'stream-list' ? methodNamed(row.unary) : row;
  const path = 'containerStatsPath' in unary ? unary.containerStatsPath : undefined;
  if (path === undefined) return plain;
  const filesystems = filesystemsOf(fsInfo);
  if (filesystems === undefined) throw new Error('every runtime has file systems');
  const messages = plain.messages.map((message) => withKnownMountpoints(message, path, filesystems));
  return { code: plain.code, details: plain.details, messages };
}

const EMPTY_STREAM = { code: 0, details: '', messages: [] as Buffer[], bytes: Buffer.alloc(0) };

/** Some servers send a text with OK too, which says nothing. */
function statusOf({ code, details }: Shown) {
  return code === 0 ? { code } : { code, details };
}

/** What of a reply must be the same. */
function shown(rpc: Rpc, { messages }: Shown): unknown {
  if (methodNamed(rpc).kind === 'stream-list') return Buffer.concat(messages);
  // A URL without a scheme may be given one on the way.
  if (rpc === 'Exec' || rpc === 'Attach' || rpc === 'PortForward')
    return messages.map((message) =>
      codecOf(rpc)
        .decode(message)
        .url.replace(/^http:/, ''),
    );
  return messages;
}
