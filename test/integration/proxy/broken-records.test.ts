// A backend whose lists hold records with broken insides: what is asked of them while it is away, and of all others, is
// answered all the same. Whichever way it goes away.
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { encodeNumber, encodeText } from '../../../src/cri/wire-writer.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import {
  answerStatus,
  answerVersion,
  answerWith,
  type Http2Call,
  http2Backend,
} from '../../support/http2-backend.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const [SANDBOX, CONTAINER] = ['a'.repeat(64), 'b'.repeat(64)];
/** A field that says it is longer than it is. */
const BROKEN = Buffer.from([0x0a, 0x7f, 0x41]);
const RUNNING = 1;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: expect.stringContaining('backend bad') };

const bytes = (...parts: Uint8Array[]) => Buffer.concat(parts);
const listOf = (...records: Uint8Array[]) => bytes(...records.map((record) => encodeField(1, record)));
const metadata = bytes(encodeText(1, 'p'), encodeText(2, 'u'), encodeText(3, 'n'));
const created = encodeNumber(7, 1);

/** A backend with these records, behind a Switchyard that has listed them. */
async function world(records: { readonly sandbox?: Uint8Array; readonly container?: Uint8Array }) {
  const {
    sandbox = bytes(encodeText(1, SANDBOX), encodeField(2, metadata), encodeNumber(4, 1)),
    container = bytes(
      ...[encodeText(1, CONTAINER), encodeText(2, SANDBOX), encodeField(3, BROKEN), encodeText(5, 'i')],
      ...[encodeField(4, encodeText(1, 'i')), encodeNumber(6, RUNNING), created],
    ),
  } = records;
  const dir = await tempDir();
  const held = { isMute: false, rpcs: new Set<string>(), calls: 0 };
  const serve = (call: Http2Call) => {
    if (held.isMute || held.rpcs.has(call.rpc)) held.calls++;
    else if (call.rpc === 'Version') answerVersion(call);
    else if (call.rpc === 'ListPodSandbox') answerWith(call, listOf(sandbox));
    else if (call.rpc === 'ListContainers') answerWith(call, listOf(container));
    else if (call.rpc === 'ListImages') answerWith(call, listOf(encodeText(1, 'i')));
    else if (call.rpc === 'RemoveImage') answerWith(call, Buffer.alloc(0));
    else answerStatus(call, status.UNIMPLEMENTED, 'no');
  };
  const bad = await http2Backend(dir.file('bad.sock'), serve, { maxConcurrentStreams: 6 });
  const good = await http2Backend(dir.file('good.sock'), (call) => {
    if (call.rpc === 'Version') answerVersion(call);
    else if (call.rpc.startsWith('List')) answerWith(call, Buffer.alloc(0));
    else answerStatus(call, status.UNIMPLEMENTED, 'no');
  });
  const lines: LogLine[] = [];
  const timeouts = { listMs: 200, statusMs: 100 };
  const config = configOf(dir, [
    { name: 'good', profile: 'reference' },
    { name: 'bad', profile: 'reference', timeouts },
  ]);
  let switchyard = await startSwitchyard({ config, log: recorder(lines) });
  const client = new CriClient(switchyard.socket);
  await until(() => lines.filter(({ text }) => text === 'backend is ready').length === 2, 'both are ready');
  await client.call('ListPodSandbox', {}).catch(() => 'the client cannot read it');
  await client.call('ListContainers', {}).catch(() => 'the client cannot read it');
  return {
    bad,
    held,
    client,
    isAbsent: () => lines.some(({ text }) => text === 'backend is absent'),
    errors: () => lines.filter(({ level }) => level === 'error'),
    async restart() {
      await switchyard.close();
      lines.length = 0;
      switchyard = await startSwitchyard({ config, log: recorder(lines) });
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await switchyard.close();
      await bad[Symbol.asyncDispose]();
      await good[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

/** All others are served, and nothing went wrong that is no call's. */
async function expectServed(world: World): Promise<void> {
  const { client } = world;
  await expect(client.call('ContainerStatus', { containerId: CONTAINER })).rejects.toMatchObject(UNAVAILABLE);
  await expect(client.call('StopPodSandbox', { podSandboxId: SANDBOX })).rejects.toMatchObject(UNAVAILABLE);
  expect((await client.call('ListImages', {})).images).toHaveLength(1);
  expect(world.errors()).toEqual([]);
}

describe('the status of a container whose record has broken metadata', () => {
  const ask = ({ client }: World, count: number) =>
    Promise.allSettled(
      Array.from({ length: count }, () => client.call('ContainerStatus', { containerId: CONTAINER })),
    );
  const expectUnavailable = async (calls: ReturnType<typeof ask>) => {
    for (const call of await calls) expect(call).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
  };

  it('is UNAVAILABLE when its backend breaks off, for calls that were sent and those that wait', async () => {
    await using it = await world({});
    it.held.rpcs.add('ContainerStatus');
    const calls = ask(it, 10); // more than it takes at once
    await until(() => it.held.calls === 6, 'the backend has all that it takes');
    await it.bad[Symbol.asyncDispose]();
    await expectUnavailable(calls);
    await until(() => it.isAbsent(), 'the backend is absent');
    await expectServed(it);
  });

  it('is UNAVAILABLE when its backend is found to hang', async () => {
    await using it = await world({});
    it.held.isMute = true;
    const calls = ask(it, 2);
    await until(() => it.held.calls >= 2, 'the backend has them');
    await it.client.call('ListImages', {}); // which finds out that it hangs
    await expectUnavailable(calls);
    await expectServed(it);
  });

  it('is UNAVAILABLE when its backend is being connected and says nothing, after a restart', async () => {
    await using it = await world({});
    it.held.isMute = true;
    await it.restart();
    await expectUnavailable(ask(it, 2));
    await expectServed(it);
  });
});

describe('records that cannot be read', () => {
  const labelled = bytes(encodeText(1, CONTAINER), encodeText(2, SANDBOX), created, encodeField(8, BROKEN));
  const sandbox = bytes(encodeText(1, SANDBOX), encodeNumber(4, 1), encodeField(5, BROKEN));
  const filter = { labelSelector: { a: 'b' } };

  it('are in filtered lists and their streams while their backend is away, as it may have given them', async () => {
    await using it = await world({ container: labelled, sandbox });
    await it.bad[Symbol.asyncDispose]();
    await until(() => it.isAbsent(), 'the backend is absent');
    const { client } = it;
    const told = async (
      rpc: 'ListContainers' | 'ListPodSandbox' | 'StreamContainers' | 'StreamPodSandboxes',
    ) => {
      const { code, messages } = await client.rawCall(client.pathOf(rpc), codecOf(rpc).encode({ filter }));
      return { code, bytes: Buffer.concat(messages) };
    };
    for (const rpc of ['ListContainers', 'StreamContainers'] as const)
      expect(await told(rpc)).toEqual({ code: status.OK, bytes: listOf(labelled) });
    for (const rpc of ['ListPodSandbox', 'StreamPodSandboxes'] as const)
      expect(await told(rpc)).toEqual({ code: status.OK, bytes: listOf(sandbox) });
  });

  it('keep no image from being removed: over one runtime alone nobody would know of their use either', async () => {
    const container = bytes(
      ...[encodeText(1, CONTAINER), encodeText(2, SANDBOX), encodeField(4, BROKEN)],
      ...[encodeText(5, 'i'), created, encodeText(10, 'i')],
    );
    await using it = await world({ container });
    await it.client.call('RemoveImage', { image: { image: 'i' } });
  });

  it('are passed over when the backend of a pod is looked for by its annotations', async () => {
    await using it = await world({
      sandbox: bytes(encodeText(1, SANDBOX), encodeNumber(4, 1), encodeField(6, BROKEN)),
    });
    const image = { image: 'app:1', annotations: { 'kubernetes.io/config.seen': 'now' } };
    // What the backends say, who do not know the call.
    await expect(it.client.call('ImageStatus', { image })).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
  });
});
