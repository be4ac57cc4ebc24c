// What an old runtime would silently ignore, row by row: refused there, passed byte for byte where it is obeyed, and
// nobody is bothered who does not ask for it.
import { describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { VERSION_GUARDS } from '../../../src/cri/version-guards.ts';
import { CriClient, type RawReply } from '../../support/cri-client.ts';
import { type Codec, codecOf, type Request } from '../../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../../support/cri-configs.ts';
import { configOf, type LogLine, proxyWorld, recorder, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { SocketPipe } from '../../support/socket-pipe.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const SANDBOX_ID = '5'.repeat(64);
const FAILED_PRECONDITION = 9;

/** Name and version as Version gives them; `v1alpha2` when it speaks nothing newer. */
type Runtime = readonly [name: string, version: string, api?: 'v1alpha2'];
type Status = Parameters<Codec<'Status'>['encodeResponse']>[0];
type Asked =
  | { readonly rpc: 'RunPodSandbox'; readonly request: Request<'RunPodSandbox'> }
  | { readonly rpc: 'RestorePod'; readonly request: Request<'RestorePod'> }
  | { readonly rpc: 'CreateContainer'; readonly request: Request<'CreateContainer'> };

interface Case {
  /** Requests that ask for it. */
  readonly asks: readonly Asked[];
  /** Requests that do not, though they come near. */
  readonly harmless: readonly Asked[];
  readonly refusing: readonly Runtime[];
  readonly passing: readonly Runtime[];
  /** A Status with which any runtime passes; where Status can tell. */
  readonly telling?: Status;
}

const NODE = 2;
const MAPPING = [{ hostId: 100_000, containerId: 0, length: 65_536 }];
const POD = aPodSandboxConfig({ name: 'web', namespace: 'shop' });
const CONTAINER = aContainerConfig({ name: 'main', image: 'busybox' });

const CASES: Readonly<Record<string, Case>> = {
  'runtime-handler': {
    asks: [{ rpc: 'RunPodSandbox', request: { config: POD, runtimeHandler: 'kata' } }],
    harmless: [sandbox({})],
    refusing: [
      ['containerd', '1.1.8', 'v1alpha2'],
      ['cri-o', '1.11.16', 'v1alpha2'],
    ],
    passing: [
      ['containerd', '1.2.0', 'v1alpha2'],
      ['cri-o', '1.12.0', 'v1alpha2'],
      ['docker', '18.09.0'],
      ['frakti', '1.1.0', 'v1alpha2'],
    ],
  },
  'user-namespace': {
    asks: [
      sandbox({ namespaceOptions: { usernsOptions: { mode: 0, uids: MAPPING, gids: MAPPING } } }),
      restored({ namespaceOptions: { usernsOptions: { uids: MAPPING, gids: MAPPING } } }),
      container({ namespaceOptions: { usernsOptions: { uids: MAPPING, gids: MAPPING } } }),
    ],
    harmless: [
      sandbox({ namespaceOptions: { usernsOptions: { mode: NODE } } }),
      container({ namespaceOptions: { usernsOptions: { mode: NODE } } }),
      sandbox({ namespaceOptions: { network: NODE } }),
      container({}),
    ],
    refusing: [
      ['containerd', '1.4.13', 'v1alpha2'],
      ['containerd', '1.6.20~ds1'],
      ['cri-o', '1.24.6'],
      ['docker', '20.10.24'],
    ],
    passing: [
      ['containerd', '1.7.0'],
      ['containerd', 'v2.1.9'],
      ['cri-o', '1.25.0'],
      ['stranger', '0.1.0'],
    ],
    telling: { runtimeHandlers: [{ name: '' }, { name: 'runc', features: { userNamespaces: true } }] },
  },
  'seccomp-profile': {
    asks: [
      container({ seccomp: { profileType: 0 } }),
      container({ seccomp: { profileType: 2, localhostRef: '/profiles/web.json' } }),
    ],
    harmless: [
      container({ seccomp: { profileType: 1 } }),
      container({ seccomp: { profileType: 0 }, seccompProfilePath: 'runtime/default' }),
      container({ seccomp: { profileType: 0 }, privileged: true }),
      container({}),
      // The kubelet asks for it for every sandbox.
      sandbox({ seccomp: { profileType: 0 } }),
    ],
    refusing: [
      ['containerd', '1.4.13', 'v1alpha2'],
      ['cri-o', '1.20.9', 'v1alpha2'],
    ],
    passing: [
      ['containerd', '1.5.0', 'v1alpha2'],
      ['cri-o', '1.21.0', 'v1alpha2'],
      ['docker', '19.03.15'],
    ],
  },
  'apparmor-profile': {
    asks: [container({ apparmor: { profileType: 2, localhostRef: 'web' } })],
    harmless: [
      container({ apparmor: { profileType: 0 } }),
      container({ apparmor: { profileType: 1 } }),
      container({ apparmor: { profileType: 2, localhostRef: 'web' }, apparmorProfile: 'localhost/web' }),
      container({}),
    ],
    refusing: [
      ['containerd', '1.4.13', 'v1alpha2'],
      ['cri-o', '1.29.13'],
      ['docker', '27.0.0'],
    ],
    passing: [
      ['containerd', '1.5.0', 'v1alpha2'],
      ['cri-o', '1.30.0'],
      ['stranger', '0.1.0'],
    ],
  },
  'supplemental-groups-policy': {
    asks: [sandbox({ supplementalGroupsPolicy: 1 }), container({ supplementalGroupsPolicy: 1 })],
    harmless: [sandbox({ supplementalGroups: [1_000] }), container({ supplementalGroups: [1_000] })],
    refusing: [
      ['containerd', '1.7.24'],
      ['cri-o', '1.30.14'],
      ['docker', '27.0.0'],
      ['stranger', '0.1.0'],
      ['stranger', '0.1.0', 'v1alpha2'],
    ],
    passing: [
      ['containerd', 'v2.0.0'],
      ['cri-o', '1.31.0'],
    ],
    telling: { features: { supplementalGroupsPolicy: true } },
  },
  'recursive-read-only-mount': {
    asks: [mounts({ readonly: true, recursiveReadOnly: true }), mounts({}, { recursiveReadOnly: true }, {})],
    harmless: [mounts({ readonly: true }), mounts(), container({ readonlyRootfs: true })],
    refusing: [
      ['containerd', '1.7.24'],
      ['cri-o', '1.29.13'],
      ['docker', '27.0.0'],
      ['stranger', '0.1.0'],
    ],
    passing: [
      ['containerd', 'v2.0.0-rc.1'],
      ['cri-o', '1.30.0'],
    ],
    telling: { runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts: true } }] },
  },
  'mount-options': {
    asks: [mounts({}, { mountOptions: ['noexec', 'nosuid'] })],
    harmless: [mounts({ readonly: true }), mounts()],
    refusing: [
      ['containerd', 'v2.1.9'],
      ['cri-o', '1.36.0'],
      ['containerd', '1.4.13', 'v1alpha2'],
      ['stranger', '0.1.0'],
    ],
    passing: [],
    telling: { features: { mountOptions: true } },
  },
};

describe('a guard', () => {
  it('has a case below for each row, in the order of the table', () => {
    expect(Object.keys(CASES)).toEqual(VERSION_GUARDS.map(({ name }) => name));
  });

  for (const row of VERSION_GUARDS) {
    const { asks, harmless, refusing, passing, telling } = CASES[row.name] as Case;

    it(`refuses ${row.field} on a runtime that ignores it, and says why and what to do`, async () => {
      for (const runtime of refusing) {
        await using world = await guardedWorld(runtime);
        for (const asked of asks) {
          const { code, details } = await world.send(asked);
          expect({ code, details }, nameOf(runtime)).toEqual({
            code: FAILED_PRECONDITION,
            details: expect.stringMatching(/^switchyard: (container main of )?pod shop\/web asks for /),
          });
          for (const word of [
            row.field,
            'backend old',
            `${runtime[0]} ${runtime[1]}`,
            row.harm,
            row.manifest,
          ])
            expect(details).toContain(word);
        }
        expect(world.made()).toEqual([]);
        expect(world.refusals()).toBe(asks.length);
      }
    });

    if (passing.length > 0)
      it(`passes ${row.field} untouched where it is obeyed, or where nothing is known against it`, async () => {
        for (const runtime of passing) {
          await using world = await guardedWorld(runtime);
          for (const asked of asks)
            expect(await world.send(asked), nameOf(runtime)).toMatchObject({ code: 0 });
          expect(world.made()).toEqual(asks.map(encode));
          expect(world.statusCalls()).toBe(0);
        }
      });

    it(`passes requests that do not ask for ${row.field}`, async () => {
      for (const runtime of refusing) {
        await using world = await guardedWorld(runtime);
        for (const asked of harmless) {
          const { code, details } = await world.send(asked);
          expect({ code, details }, nameOf(runtime)).toMatchObject({ code: 0 });
        }
        expect(world.made()).toEqual(harmless.map(encode));
        expect(world.statusCalls()).toBe(0);
      }
    });

    if (telling !== undefined)
      it(`passes ${row.field} on a runtime whose Status says that it obeys, and asks for it once`, async () => {
        await using world = await guardedWorld(['docker', '27.0.0'], telling);
        for (const asked of [...asks, ...asks]) expect(await world.send(asked)).toMatchObject({ code: 0 });
        expect(world.made()).toHaveLength(2 * asks.length);
        expect(world.statusCalls()).toBe(1);
      });
  }

  it('answers UNAVAILABLE while only Status could tell and it fails, and asks again for the next pod', async () => {
    await using world = await guardedWorld(['docker', '27.0.0'], {
      features: { supplementalGroupsPolicy: true },
    });
    const [asked] = CASES['supplemental-groups-policy']?.asks ?? [];
    world.backend.answer('Status', { code: 2, details: 'not now' });
    const refused = await world.send(asked as Asked);
    expect(refused).toMatchObject({ code: 14, details: expect.stringContaining('not now') });
    world.backend.answer('Status', {
      messages: [codecOf('Status').encodeResponse({ features: { supplementalGroupsPolicy: true } })],
    });
    expect(await world.send(asked as Asked)).toMatchObject({ code: 0 });
  });

  it('holds the request as it is sent against the runtime, with the handler that the backend knows', async () => {
    await using world = await guardedWorld(['containerd', '1.1.8'], undefined, { kata: '' });
    const asked: Asked = { rpc: 'RunPodSandbox', request: { config: POD, runtimeHandler: 'kata' } };
    expect(await world.send(asked)).toMatchObject({ code: 0 });
  });

  it('meets a backend anew that comes back as another release', async () => {
    await using world = await proxyWorld([{ name: 'one', profile: 'containerd-1.6' }]);
    const { client } = world;
    const namespaceOptions = { usernsOptions: { uids: MAPPING, gids: MAPPING } };
    const config = { ...POD, linux: { securityContext: { namespaceOptions } } };
    await expect(client.call('RunPodSandbox', { config })).rejects.toMatchObject({
      code: FAILED_PRECONDITION,
    });
    await world.replaceRuntime('one', 'containerd-2.1');
    await expect(client.call('RunPodSandbox', { config })).resolves.toBeDefined();
    await world.replaceRuntime('one', 'containerd-1.6');
    await expect(client.call('RunPodSandbox', { config })).rejects.toMatchObject({
      code: FAILED_PRECONDITION,
    });
  });

  it('lets no call slip through that comes while the backend is met anew', async () => {
    let pipe: SocketPipe | undefined;
    await using world = await guardedWorld(
      ['containerd', 'v2.1.9'],
      undefined,
      {},
      async (front, runtime) => {
        pipe = await SocketPipe.open(front, runtime);
        return pipe;
      },
    );
    const [asked] = CASES['user-namespace']?.asks ?? [];
    let answerVersion = () => {};
    const asksAgain = new Promise<void>((resolve) => {
      answerVersion = resolve;
    });
    world.backend.answer('Version', async () => {
      await asksAgain;
      return { messages: [encodeVersionResponse('containerd', '1.6.20', 'v1')] };
    });
    pipe?.cut();
    await until(() => world.lines.some(({ fields }) => fields['state'] === 'connecting'), 'it is met anew');
    const sent = world.send(asked as Asked);
    // Answered from memory, behind the call on the same connection: that one is being served now.
    await world.client.call('Version', {});
    answerVersion();
    expect(await sent).toMatchObject({ code: FAILED_PRECONDITION });
    expect(world.made()).toEqual([]);
  });

  it('lets an ordinary pod with its container run on every simulated runtime', async () => {
    await using world = await proxyWorld([
      { name: 'old', profile: 'containerd-1.4' },
      { name: 'dock', profile: 'cri-dockerd', handlers: { docker: 'docker' } },
    ]);
    for (const runtimeHandler of ['', 'docker']) {
      const sandboxConfig = aPodSandboxConfig();
      const { podSandboxId } = await world.client.call('RunPodSandbox', {
        config: sandboxConfig,
        runtimeHandler,
      });
      const config = aContainerConfig({ image: SIMULATED_IMAGE });
      await world.client.call('CreateContainer', { podSandboxId, config, sandboxConfig });
    }
  });
});

type SandboxSecurity = NonNullable<
  NonNullable<NonNullable<Request<'RunPodSandbox'>['config']>['linux']>['securityContext']
>;
type ContainerSecurity = NonNullable<
  NonNullable<NonNullable<Request<'CreateContainer'>['config']>['linux']>['securityContext']
>;
type Mount = NonNullable<NonNullable<Request<'CreateContainer'>['config']>['mounts']>[number];

function sandbox(securityContext: SandboxSecurity): Asked {
  return { rpc: 'RunPodSandbox', request: { config: { ...POD, linux: { securityContext } } } };
}

function restored(securityContext: SandboxSecurity): Asked {
  const config = { ...POD, linux: { securityContext } };
  return { rpc: 'RestorePod', request: { checkpointPath: '/var/lib/p', config } };
}

function container(securityContext: ContainerSecurity, given: readonly Mount[] = []): Asked {
  const config = { ...CONTAINER, mounts: given, linux: { securityContext } };
  return { rpc: 'CreateContainer', request: { podSandboxId: SANDBOX_ID, config, sandboxConfig: POD } };
}

function mounts(...given: readonly Mount[]): Asked {
  return container(
    {},
    given.map((mount) => ({ containerPath: '/mnt', hostPath: '/srv', ...mount })),
  );
}

function encode({ rpc, request }: Asked): Buffer {
  return (codecOf(rpc).encode as (request: object) => Buffer)(request);
}

function nameOf(runtime: Runtime): string {
  return runtime.join(' ');
}

interface GuardedWorld extends AsyncDisposable {
  readonly backend: ScriptedBackend;
  readonly client: CriClient;
  readonly lines: readonly LogLine[];
  send(asked: Asked): Promise<RawReply>;
  /** The requests that arrived, of those that make something. */
  made(): Buffer[];
  /** Those that the guard has made. */
  statusCalls(): number;
  /** Calls in the log that the guard has refused. */
  refusals(): number;
}

/** A Switchyard over one backend, old, that presents itself as `runtime` does. */
async function guardedWorld(
  [name, version, api = undefined]: Runtime,
  status?: Status,
  handlers: Readonly<Record<string, string>> = { kata: 'kata' },
  between?: (front: string, runtime: string) => Promise<AsyncDisposable>,
): Promise<GuardedWorld> {
  const dir = await tempDir();
  const apiVersion = api ?? 'v1';
  const socket = dir.file('old.sock');
  const runtimeSocket = between === undefined ? socket : dir.file('runtime.sock');
  const backend = await scriptedBackend(runtimeSocket, [], apiVersion);
  const pipe = await between?.(socket, runtimeSocket);
  backend.answer('Version', { messages: [encodeVersionResponse(name, version, apiVersion)] });
  backend.answer('ListPodSandbox', {
    messages: [codecOf('ListPodSandbox').encodeResponse({ items: [{ id: SANDBOX_ID }] })],
  });
  backend.answer('ListContainers', { messages: [Buffer.alloc(0)] });
  backend.answer('Status', { messages: [codecOf('Status').encodeResponse(status ?? {})] });
  for (const rpc of ['RunPodSandbox', 'RestorePod', 'CreateContainer'])
    backend.answer(rpc, {
      messages: [codecOf('RunPodSandbox').encodeResponse({ podSandboxId: 'a'.repeat(64) })],
    });
  const lines: LogLine[] = [];
  const config = configOf(dir, [{ name: 'old', profile: 'reference', handlers }]);
  const switchyard = await startSwitchyard({ config, log: recorder(lines) });
  await until(() => lines.some(({ text }) => text === 'backend is ready'), 'the backend is ready');
  const client = new CriClient(switchyard.socket);
  const arrivals = (...rpcs: readonly string[]) =>
    backend.arrivals.filter(({ path }) => rpcs.includes(path.slice(path.lastIndexOf('/') + 1)));
  // Every backend that becomes ready is asked once.
  await until(() => arrivals('Status').length === 1, 'its Status is known');
  return {
    backend,
    client,
    lines,
    send: (asked) => client.rawCall(client.pathOf(asked.rpc), encode(asked)),
    made: () => arrivals('RunPodSandbox', 'RestorePod', 'CreateContainer').map(({ request }) => request),
    statusCalls: () => arrivals('Status').length - 1,
    refusals: () => lines.filter(({ fields }) => fields['rule'] === 'guard').length,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await switchyard.close();
      await pipe?.[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
