// A CRI newer than Switchyard, on both sides: unknown fields of all wire types in every message of every request and
// reply, unknown values of every enum, and RPCs that have no row. All of it must be on the other side as it was sent.
import { createHash } from 'node:crypto';
import { type DescMethod, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { startSwitchyard } from '../../../src/app.ts';
import { type StatusResponse, StatusResponseSchema } from '../../../src/cri/gen/runtime/v1/status_pb.ts';
import { METHODS, type Method } from '../../../src/cri/methods.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import type { ApiVersion } from '../../../src/cri/versions.ts';
import { encodeField, replaceString } from '../../../src/cri/wire.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { CRI_RPCS } from '../../support/cri-descriptors.ts';
import { futureMessage } from '../../support/future-message.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import {
  type Answer,
  type Arrival,
  type ScriptedBackend,
  scriptedBackend,
} from '../../support/scripted-backend.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const CANCELLED = 1;

/** Requests that no backend sees, with the reason. All others arrive byte for byte. */
const STAYS_HERE: Readonly<Record<string, string>> = {
  Version: 'is answered from memory: a kubelet must see one runtime that stays the same',
  RuntimeConfig: 'is answered from what backends said when they were met; its request is empty',
};
/** Replies that Switchyard writes or puts together itself, with the reason. All others are the backend's bytes. */
const IS_OURS: Readonly<Record<string, string>> = {
  Version: 'is answered from memory',
  Status: 'is put together from all backends, see below',
  RemoveImage: 'is an OK of our own, once every backend that has the image has removed it',
};
/** A reply of these must name a place to go to. */
const STREAM_URLS: Readonly<Record<string, { readonly url: string }>> = {
  Exec: { url: 'http://127.0.0.1:10010/exec/token' },
  Attach: { url: 'http://127.0.0.1:10010/attach/token' },
  PortForward: { url: 'http://127.0.0.1:10010/portforward/token' },
};

/** Its stream has no end to wait for; test/integration/proxy/events.test.ts holds it to the same. */
const WITHOUT_END = 'GetContainerEvents';

const row = (name: string) => METHODS.find((method) => method.name === name) as Method;
const schema = (name: string) => CRI_RPCS.find((rpc) => rpc.name === name) as DescMethod;
const text = (field: number, value: string) => encodeField(field, Buffer.from(value));

describe('fields and enum values of the future', () => {
  for (const { name } of METHODS) {
    if (name === WITHOUT_END) continue;
    it(`pass both ways with ${name}`, async () => {
      await using world = await futureWorld(['one']);
      const backend = world.backend('one');
      const request = futureRequest(name, 'one');
      const reply = futureReply(name, 'reply', STREAM_URLS[name]);
      backend.answer(name, { messages: [reply] });
      if (name === 'RemoveImage') backend.answer('ListImages', { messages: [listOf(IMAGE)] });
      const before = backend.arrivals.length;
      const got = await world.client.rawCall(pathOf(name), request);
      expect(got.code, got.details).toBe(0);
      const arrived = backend.arrivals.slice(before).filter(({ path }) => path === pathOf(name));
      if (STAYS_HERE[name] === undefined)
        expect(arrived.map((arrival) => arrival.request)).toEqual([request]);
      if (IS_OURS[name] === undefined) expect(Buffer.concat(got.messages)).toEqual(reply);
    });
  }

  it('stay in a RunPodSandbox and a RestorePod whose handler is replaced', async () => {
    await using world = await futureWorld(['one'], { kata: 'kata-qemu' });
    for (const [name, handlerPath] of [
      ['RunPodSandbox', [2]],
      ['RestorePod', [3]],
    ] as const) {
      const backend = world.backend('one');
      backend.answer(name, { messages: [futureReply(name, name)] });
      const request = futureRequest(name, name, { runtimeHandler: 'kata' });
      const got = await world.client.rawCall(pathOf(name), request);
      expect(got.code, got.details).toBe(0);
      const arrived = backend.arrivals.find(({ path }) => path === pathOf(name))?.request as Buffer;
      expect(arrived).not.toEqual(request);
      expect(Buffer.from(replaceString(arrived, handlerPath, 'kata'))).toEqual(request);
    }
  });

  it('stay in the reply of an Exec, Attach or PortForward whose URL is given a scheme', async () => {
    await using world = await futureWorld(['one']);
    for (const [name, { url }] of Object.entries(STREAM_URLS)) {
      const reply = futureReply(name, 'reply', { url: url.replace('http:', '') });
      world.backend('one').answer(name, { messages: [reply] });
      const got = await world.client.rawCall(pathOf(name), futureRequest(name, 'one'));
      expect(got.bytes).toEqual(Buffer.from(replaceString(reply, [1], url)));
    }
  });

  it('stay in a Status at every level, of one backend and where all backends agree', async () => {
    for (const names of [['one'], ['one', 'two']]) {
      await using world = await futureWorld(names);
      const told = aStatus();
      for (const name of names) {
        const message = toBinary(StatusResponseSchema, told);
        world.backend(name).answer('Status', { messages: [message] });
      }
      const request = futureRequest('Status', 'one');
      const { bytes } = await world.client.rawCall(pathOf('Status'), request);
      const got = fromBinary(StatusResponseSchema, bytes);
      expect(got.$unknown).toEqual(told.$unknown);
      expect(got.features).toEqual(told.features);
      expect(got.status?.$unknown).toEqual(told.status?.$unknown);
      expect(got.status?.conditions.slice(0, 2)).toEqual(told.status?.conditions);
      expect(got.runtimeHandlers).toEqual(told.runtimeHandlers);
      for (const name of names)
        expect(world.arrivals(name, pathOf('Status')).map((arrival) => arrival.request)).toContainEqual(
          request,
        );
    }
  });

  it('stay in lists that are joined, and in records that a snapshot answers with', async () => {
    await using world = await futureWorld(['one', 'two']);
    for (const { kind, name } of METHODS) {
      if (kind !== 'list') continue;
      const replies = ['one', 'two'].map((backend) => {
        const reply = futureReply(name, `${name}-${backend}`);
        world.backend(backend).answer(name, { messages: [reply] });
        return reply;
      });
      const got = await world.client.rawCall(pathOf(name), Buffer.alloc(0));
      expect(got.code, `${name}: ${got.details}`).toBe(0);
      expect(got.bytes, name).toEqual(Buffer.concat(replies));
    }
    await world.backend('two')[Symbol.asyncDispose]();
    for (const name of ['ListPodSandbox', 'ListContainers', 'ListImages']) {
      const replies = ['one', 'two'].map((backend) => futureReply(name, `${name}-${backend}`));
      const got = await world.client.rawCall(pathOf(name), Buffer.alloc(0));
      expect(got.code, `${name}: ${got.details}`).toBe(0);
      expect(got.bytes, name).toEqual(Buffer.concat(replies));
    }
  });
});

describe('an RPC of the future', () => {
  const UNARY = ['/runtime.v1.RuntimeService/FoldPodSandbox', '/runtime.v1.ImageService/PolishImage'];
  const STREAMS = ['/runtime.v1.RuntimeService/WatchPodSandbox', '/runtime.v1.ImageService/WatchImages'];
  const PATHS = [...UNARY, ...STREAMS];
  const request = Buffer.concat([text(1, 'no id'), futureReply('Status', 'unknown')]);

  it('passes to the default backend and back, in one message or many, for both services', async () => {
    await using world = await futureWorld(['one', 'two'], {}, 'v1', PATHS);
    for (const path of PATHS) {
      const messages = STREAMS.includes(path) ? ['a', 'b', 'c'] : ['a'];
      const answer: Answer = {
        messages: messages.map((id) => futureReply('ListPodSandbox', id)),
        trailers: { 'x-trailer': 'tail' },
      };
      world.backend('one').answer(path, answer);
      const got = await world.client.rawCall(path, request);
      expect({ path, code: got.code, messages: got.messages }).toEqual({
        path,
        code: 0,
        messages: answer.messages,
      });
      expect(got.trailers.get('x-trailer')).toEqual(['tail']);
      expect(world.arrivals('one', path).map((arrival) => arrival.request)).toEqual([request]);
      expect(world.arrivals('two', path)).toEqual([]);
    }
  });

  it('goes to the owner of the pod or container that its first field names, also by a unique beginning', async () => {
    await using world = await futureWorld(['one', 'two'], {}, 'v1', PATHS);
    const [path = ''] = UNARY;
    const reply = futureReply('Status', 'two');
    world.backend('two').answer(path, { messages: [reply] });
    for (const id of [
      idOf('sandbox', 'two'),
      idOf('container', 'two'),
      idOf('container', 'two').slice(0, 13),
    ]) {
      const got = await world.client.rawCall(path, Buffer.concat([text(1, id), text(2, 'more')]));
      expect({ id, code: got.code, messages: got.messages }).toEqual({ id, code: 0, messages: [reply] });
    }
    expect(world.arrivals('one', path)).toEqual([]);
  });

  it('goes to the owner of a pod that was made behind our back, and nowhere while one cannot be asked', async () => {
    await using world = await futureWorld(['one', 'two'], {}, 'v1', PATHS);
    const [path = ''] = UNARY;
    const hidden = 'e'.repeat(64);
    const reply = futureReply('Status', 'two');
    world.backend('two').answer(path, { messages: [reply] });
    world.backend('two').answer('ListPodSandbox', { messages: [listOf(hidden)] });
    expect(await world.client.rawCall(path, text(1, hidden))).toMatchObject({ code: 0, messages: [reply] });
    expect(world.arrivals('one', path)).toEqual([]);
    await world.backend('two')[Symbol.asyncDispose]();
    const refused = await world.client.rawCall(path, text(1, 'f'.repeat(64)));
    expect(refused).toMatchObject({ code: 14, details: expect.stringContaining('backend two') });
    expect(world.arrivals('one', path)).toEqual([]);
  });

  it('is carried over to a backend that speaks the other version', async () => {
    for (const [spoken, client] of [
      ['v1alpha2', 'v1'],
      ['v1', 'v1alpha2'],
    ] as const) {
      const own = `/runtime.${spoken}.RuntimeService/FoldPodSandbox`;
      await using world = await futureWorld(['one'], {}, spoken, [own]);
      world.backend('one').answer(own, { messages: [futureReply('Status', 'old')] });
      const path = `/runtime.${client}.RuntimeService/FoldPodSandbox`;
      const got = await world.client.rawCall(path, text(1, idOf('container', 'one')));
      expect(got.messages).toEqual([futureReply('Status', 'old')]);
    }
  });

  it("ends UNIMPLEMENTED in the backend's own words when that does not know it either", async () => {
    await using world = await futureWorld(['one']);
    const got = await world.client.rawCall('/runtime.v1.RuntimeService/FoldPodSandbox', request);
    expect(got.code).toBe(12);
    expect(got.details).not.toContain('switchyard');
  });

  it('is streamed as it comes, and cancelled on the backend when the client leaves', async () => {
    await using world = await futureWorld(['one'], {}, 'v1', PATHS);
    const [path = ''] = STREAMS;
    world.backend('one').answer(path, { messages: [futureReply('Status', 'first')], staysOpen: true });
    const controller = new AbortController();
    let received = 0;
    const got = world.client.rawCall(path, request, {
      signal: controller.signal,
      onMessage: () => received++,
    });
    await until(() => received === 1, 'the first message is there while the stream is open');
    controller.abort();
    expect((await got).code).toBe(CANCELLED);
    await until(() => world.arrivals('one', path)[0]?.isCancelled === true, 'the backend sees the cancel');
  });
});

/** The id of what the backend of that name has. */
function idOf(object: 'sandbox' | 'container', backend: string): string {
  return createHash('sha256').update(`${object} of ${backend}`).digest('hex');
}

const IMAGE = 'localhost/future:1';

/** A request of the RPC that names what is there, with everything else that a newer client could add. */
function futureRequest(name: string, backend: string, values: Record<string, unknown> = {}): Buffer {
  const method = row(name);
  const { input } = schema(name);
  if (method.kind === 'owned') {
    const [idField] = input.fields.filter(({ number }) => number === method.idPath[0]);
    return futureMessage(input, backend, { [idField?.localName ?? '']: idOf(method.object, backend) });
  }
  if (name === 'RemoveImage')
    return Buffer.concat([futureMessage(input, backend), encodeField(1, text(1, IMAGE))]);
  return futureMessage(input, backend, method.kind === 'place' ? { runtimeHandler: '', ...values } : values);
}

/** A Status of the future with the two conditions that a kubelet wants, and the empty handler. */
function aStatus(): StatusResponse {
  const told = fromBinary(StatusResponseSchema, futureReply('Status', 'told'));
  const [ready, network] = told.status?.conditions ?? [];
  Object.assign(ready ?? {}, { type: 'RuntimeReady' });
  Object.assign(network ?? {}, { type: 'NetworkReady' });
  told.runtimeHandlers.splice(1);
  Object.assign(told.runtimeHandlers[0] ?? {}, { name: '' });
  return told;
}

function futureReply(name: string, of: string, values?: Readonly<Record<string, unknown>>): Buffer {
  return futureMessage(schema(name).output, of, values);
}

/** A list reply with this one id. */
function listOf(id: string): Buffer {
  return Buffer.from(encodeField(1, text(1, id)));
}

function pathOf(name: string): string {
  return `/runtime.v1.${row(name).service}/${name}`;
}

interface FutureWorld extends AsyncDisposable {
  readonly client: CriClient;
  backend(name: string): ScriptedBackend;
  arrivals(name: string, path: string): Arrival[];
}

/** A Switchyard over scripted backends, each with one pod and one container; the first one is the default. */
async function futureWorld(
  names: readonly string[],
  handlers: Readonly<Record<string, string>> = {},
  apiVersion: ApiVersion = 'v1',
  paths: readonly string[] = [],
): Promise<FutureWorld> {
  const dir = await tempDir();
  const backends = new Map<string, ScriptedBackend>();
  for (const name of names) {
    const backend = await scriptedBackend(dir.file(`${name}.sock`), paths, apiVersion);
    const [sandbox, container] = [idOf('sandbox', name), idOf('container', name)];
    const lists = {
      sandboxes: codecOf('ListPodSandbox').encodeResponse({ items: [{ id: sandbox }] }),
      containers: codecOf('ListContainers').encodeResponse({
        containers: [{ id: container, podSandboxId: sandbox }],
      }),
    };
    backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', apiVersion)] });
    backend.answer('Status', { messages: [futureReply('Status', name)] });
    backend.answer('ListPodSandbox', { messages: [lists.sandboxes] });
    backend.answer('ListContainers', { messages: [lists.containers] });
    backend.answer('ListImages', { messages: [Buffer.alloc(0)] });
    backend.answer('ListPodSandboxStats', { messages: [Buffer.alloc(0)] });
    backend.answer('ListMetricDescriptors', { messages: [futureReply('ListMetricDescriptors', name)] });
    backends.set(name, backend);
  }
  const lines: LogLine[] = [];
  const config = configOf(
    dir,
    names.map((name, at) => ({ name, profile: 'reference', ...(at === 0 && { handlers }) })),
  );
  const switchyard = await startSwitchyard({ config, log: recorder(lines) });
  const isCounted = (backend: ScriptedBackend) =>
    ['ListPodSandbox', 'ListContainers', 'ListImages'].every((rpc) =>
      backend.arrivals.some(({ path }) => path.endsWith(`/${rpc}`)),
    );
  await until(() => [...backends.values()].every(isCounted), 'every backend is counted');
  const client = new CriClient(switchyard.socket);
  const backendNamed = (name: string) => backends.get(name) as ScriptedBackend;
  return {
    client,
    backend: backendNamed,
    arrivals: (name, path) => backendNamed(name).arrivals.filter((arrival) => arrival.path === path),
    async [Symbol.asyncDispose]() {
      client.close();
      await switchyard.close();
      for (const backend of backends.values()) await backend[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
