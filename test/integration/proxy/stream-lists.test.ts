// Streamed lists over every mix of backends: with the RPC and without it, of either API version, living and not.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { METHODS } from '../../../src/cri/methods.ts';
import { runContainer, runPod } from '../../support/cri-pod.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const backend = (name: string, profile: WorldBackend['profile']): WorldBackend => ({
  name,
  profile,
  handlers: { [name]: '' },
});
/** With the RPCs, without them, and v1alpha2 alone. */
const MIX = [
  backend('new', 'cri-o'),
  backend('plain', 'containerd-2.1'),
  backend('old', 'containerd-1.4'),
  backend('dock', 'cri-dockerd'),
];
const MIB = 1024 * 1024;
const LIST_CONTAINERS = '/runtime.v1.RuntimeService/ListContainers';

describe('streamed lists', () => {
  let world: ProxyWorld;

  afterEach(() => world[Symbol.asyncDispose]());

  const streamed = async (rpc: 'StreamPodSandboxes' | 'StreamContainers') => {
    const { code, details, messages } = await world
      .connect()
      .rawCall(`/runtime.v1.RuntimeService/${rpc}`, Buffer.alloc(0));
    return { code, details, messages };
  };
  const idsOf = (messages: readonly Buffer[]) =>
    messages.flatMap((message) => [...message.toString('latin1').matchAll(/\n@([0-9a-f]{64})/g)]);
  const goesAway = async (name: string) => {
    world.runtime(name).crash();
    await until(
      () =>
        world.lines.some(({ text, fields }) => text === 'backend is absent' && fields['backend'] === name),
      'it is absent',
    );
  };

  it('have all records of all backends, in messages that are never empty, whichever of them are away', async () => {
    world = await proxyWorld(MIX);
    for (const { name } of MIX.slice(0, 3)) {
      const pod = await runPod(world.client, { handler: name, name: `on-${name}` });
      await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    }
    const ids = { StreamPodSandboxes: new Set<string>(), StreamContainers: new Set<string>() };
    for (const away of [undefined, 'old', 'new', 'plain', 'dock']) {
      if (away !== undefined) await goesAway(away);
      for (const rpc of ['StreamPodSandboxes', 'StreamContainers'] as const) {
        const { code, messages } = await streamed(rpc);
        expect(code).toBe(0);
        expect(messages.every(({ length }) => length > 0)).toBe(true);
        const found = new Set<string>();
        const field = rpc === 'StreamPodSandboxes' ? 'podSandboxes' : 'containers';
        for await (const message of world.connect().stream(rpc, {})) {
          const records = (message as unknown as Record<string, { id: string }[]>)[field] ?? [];
          for (const { id } of records) {
            expect(found.has(id)).toBe(false);
            found.add(id);
          }
        }
        if (away === undefined) ids[rpc] = found;
        expect(found.size).toBe(3);
        expect(found).toEqual(ids[rpc]);
      }
    }
  });

  it('end OK with no message where there is nothing', async () => {
    world = await proxyWorld(MIX);
    expect(await streamed('StreamContainers')).toMatchObject({ code: 0, messages: [] });
  });

  it('R5: end UNAVAILABLE, naming the backend, where one is away that was never listed', async () => {
    world = await proxyWorld([...MIX, { ...backend('never', 'cri-o'), isDown: true }]);
    await runPod(world.client);
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'the backend is absent');
    const { code, details } = await streamed('StreamPodSandboxes');
    expect({ code, details }).toEqual({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('never is unreachable'),
    });
  });

  it('R11: are never UNIMPLEMENTED, over whatever backends', async () => {
    for (const { profile } of MIX) {
      world = await proxyWorld([{ name: 'only', profile }]);
      for (const { name, service } of METHODS.filter(({ kind }) => kind === 'stream-list')) {
        const { code } = await world.client.rawCall(`/runtime.v1.${service}/${name}`, Buffer.alloc(0));
        expect({ profile, name, code }).not.toMatchObject({ code: status.UNIMPLEMENTED });
      }
      await world[Symbol.asyncDispose]();
    }
    world = await proxyWorld(MIX);
  });

  it('end UNAVAILABLE when a backend goes silent after its first messages and hangs', async () => {
    const hurried = { ...backend('new', 'cri-o'), timeouts: { listMs: 500, statusMs: 500 } };
    world = await proxyWorld([hurried, backend('plain', 'containerd-2.1')]);
    const { world: content, faults } = world.runtime('new');
    content.seed({ sandboxes: 600, containersPerSandbox: 0 });
    // Its Version and all else hang as soon as it has sent all and is to end the stream.
    faults.add('StreamPodSandboxes', { kind: 'hang', when: 'after' });
    faults.add('Version', { kind: 'hang' });
    const { code, details } = await streamed('StreamPodSandboxes');
    expect({ code, details }).toEqual({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('new is hanging'),
    });
    faults.clear();
  });

  it('R8: show an id once that two backends have', async () => {
    world = await proxyWorld([backend('new', 'cri-o'), backend('plain', 'containerd-2.1')]);
    const { podSandboxId } = await runPod(world.client);
    const twin = world.runtime('new').world.sandboxes.find(podSandboxId);
    if (twin.kind !== 'found') throw new Error('the pod is on the default backend');
    world.runtime('plain').world.sandboxes.add(twin.object);
    for (let round = 0; round < 2; round++) {
      const { code, messages } = await streamed('StreamPodSandboxes');
      expect({ code, ids: idsOf(messages).length }).toEqual({ code: 0, ids: 1 });
      // The snapshot must not show it either.
      if (round === 0) await goesAway('plain');
    }
  });

  it('carry what is too long for one message already on one backend, whatever its snapshot holds', async () => {
    world = await proxyWorld([backend('new', 'cri-o')], (config) => ({
      ...config,
      limits: { ...config.limits, messageSizeBytes: 64 * 1024 },
    }));
    expect((await world.client.call('ListContainers', {})).containers).toEqual([]);
    world.runtime('new').world.seed({ sandboxes: 20, containersPerSandbox: 10 });
    const { code, details } = await world.client.rawCall(LIST_CONTAINERS, Buffer.alloc(0));
    expect({ code, details }).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(
        /backend new has \d+ bytes.*CRIListStreaming, which uses StreamContainers$/,
      ),
    });
  });

  it('carry what is too long for one message, and the unary list says what to turn on', async () => {
    world = await proxyWorld([backend('new', 'cri-o'), backend('plain', 'containerd-2.1')], (config) => ({
      ...config,
      limits: { ...config.limits, messageSizeBytes: 80 * MIB },
      backends: config.backends.map((one) => ({ ...one, timeouts: { listMs: 20_000, statusMs: 5_000 } })),
    }));
    for (const name of ['new', 'plain'])
      world.runtime(name).world.seed({ sandboxes: 2_000, containersPerSandbox: 8, namePrefix: name });
    const unary = async () => {
      const { code, details } = await world.client.rawCall(LIST_CONTAINERS, Buffer.alloc(0));
      return { code, details };
    };
    expect(await unary()).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(
        /^switchyard: the joined reply of ListContainers has \d+ bytes, over the limit of 16777216\. Turn on the kubelet's feature gate CRIListStreaming, which uses StreamContainers$/,
      ),
    });
    const { code, messages } = await streamed('StreamContainers');
    expect(code).toBe(0);
    expect(messages.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(16 * MIB);
    expect(Math.max(...messages.map(({ length }) => length))).toBeLessThan(MIB);
    // Warned of once, not at each call.
    const warnings = () => world.lines.filter(({ text }) => text.startsWith('a list comes near'));
    expect(warnings().map(({ fields }) => fields['method'])).toEqual(['ListContainers']);
    await unary();
    expect(warnings()).toHaveLength(1);
  }, 60_000);
});
