// Every RPC of the table through the proxy, beside the same call made directly: what arrives at the backend and what
// comes back must be the same bytes, metadata and status. Backend and client are @grpc/grpc-js on both ends.
import type { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { type ListMethod, METHODS, type Method, methodNamed } from '../../../src/cri/methods.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { CriClient, type RawReply } from '../../support/cri-client.ts';
import { configOf, recorder } from '../../support/proxy-world.ts';
import { type Answer, type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const SANDBOX_ID = '5'.repeat(64);
const CONTAINER_ID = 'c'.repeat(64);
const text = (field: number, value: string) => encodeField(field, Buffer.from(value));
/** A field of a CRI that nobody knows yet. */
const UNKNOWN = text(4_000, 'from the future');
const NEW_PATHS = ['/runtime.v1.RuntimeService/FoldPodSandbox', '/runtime.v1.ImageService/PolishImage'];

const answered: Answer = {
  // Where a reply has a URL, it is field 1.
  messages: [Buffer.concat([text(1, 'http://127.0.0.1:10010/reply'), UNKNOWN])],
  headers: { 'x-header': 'head', 'x-header-bin': Buffer.from([0, 255, 1]) },
  trailers: { 'x-trailer': 'tail', 'x-trailer-bin': Buffer.from([1, 2, 3]) },
};
const failed: Answer = {
  code: 9,
  details: 'RegistryUnavailable: so-called „quotes“, 100 %\nand a second line',
  trailers: { 'grpc-status-details-bin': Buffer.from([8, 9, 18, 3]), 'x-trailer': 'tail' },
};

/** Rows whose answer goes through as it came when one backend is asked; the others are merged or made here. */
const passed = METHODS.filter(
  ({ kind, name }) => kind === 'owned' || kind === 'place' || name === 'PullImage' || name === 'ImageStatus',
);

describe('a call through the proxy', () => {
  let dir: TempDir;
  let backend: ScriptedBackend;
  let switchyard: Switchyard;
  let direct: CriClient;
  let proxied: CriClient;

  beforeEach(async () => {
    dir = await tempDir();
    backend = await scriptedBackend(dir.file('one.sock'), NEW_PATHS);
    backend.answer('Version', {
      messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')],
    });
    backend.answer('ListPodSandbox', { messages: [encodeField(1, text(1, SANDBOX_ID))] });
    backend.answer('ListContainers', {
      messages: [encodeField(1, Buffer.concat([text(1, CONTAINER_ID), text(2, SANDBOX_ID)]))],
    });
    switchyard = await startSwitchyard({
      config: configOf(dir, [{ name: 'one', profile: 'cri-o' }]),
      log: recorder([]),
    });
    direct = new CriClient(dir.file('one.sock'));
    proxied = new CriClient(switchyard.socket);
    await until(() => backend.arrivals.length >= 3, 'the backend is known');
  });

  afterEach(async () => {
    direct.close();
    proxied.close();
    await switchyard.close();
    await backend[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** Makes the call both ways and holds everything that can be seen against each other. */
  async function compare(path: string, request: Buffer): Promise<{ viaProxy: RawReply; arrived: Buffer }> {
    const metadata = {
      'x-client': 'kubelet',
      'x-client-bin': Buffer.from([9, 0, 9]),
      traceparent: '00-1-2-01',
    };
    const options = { metadata, deadlineMs: 30_000 };
    const before = backend.arrivals.length;
    const plain = await direct.rawCall(path, request, options);
    const viaProxy = await proxied.rawCall(path, request, options);
    const [first, second] = backend.arrivals.slice(before).filter((arrival) => arrival.path === path);
    if (first === undefined || second === undefined) throw new Error(`${path} did not arrive twice`);
    expect(second.request.equals(first.request)).toBe(true);
    expect(clientMetadata(second.metadata)).toEqual(clientMetadata(first.metadata));
    expect(second.remainingMs).toBeGreaterThan(20_000);
    expect(second.remainingMs).toBeLessThanOrEqual(30_000);
    expect(viaProxy.code).toBe(plain.code);
    expect(viaProxy.details).toBe(plain.details);
    expect(viaProxy.messages).toEqual(plain.messages);
    expect(viaProxy.headers.getMap()).toMatchObject(userPart(plain.headers));
    expect(viaProxy.trailers.getMap()).toMatchObject(userPart(plain.trailers));
    return { viaProxy, arrived: second.request };
  }

  for (const method of passed) {
    it(`passes ${method.name} both ways byte for byte, with metadata and trailers`, async () => {
      backend.answer(method.name, answered);
      await compare(pathOf(method), requestOf(method));
    });

    it(`passes an error of ${method.name} with its code, text, details and trailers`, async () => {
      backend.answer(method.name, failed);
      const { viaProxy } = await compare(pathOf(method), requestOf(method));
      expect(viaProxy.trailers.get('grpc-status-details-bin')).toEqual([Buffer.from([8, 9, 18, 3])]);
    });
  }

  for (const { name, service } of METHODS.filter((row) => row.kind === 'owned' && row.stream !== undefined)) {
    it(`gives the URL of ${name} a scheme and keeps all else of the reply, in its order`, async () => {
      const reply = (url: string) => Buffer.concat([UNKNOWN, text(1, url), text(2, 'new'), UNKNOWN]);
      backend.answer(name, { ...answered, messages: [reply('//[::]:40001/cri/exec/x')] });
      const request = Buffer.concat([text(1, name === 'PortForward' ? SANDBOX_ID : CONTAINER_ID), UNKNOWN]);
      const viaProxy = await proxied.rawCall(`/runtime.v1.${service}/${name}`, request);
      expect(viaProxy.bytes).toEqual(reply('http://127.0.0.1:40001/cri/exec/x'));
      expect(viaProxy.headers.get('x-header')).toEqual(['head']);
      expect(viaProxy.trailers.get('x-trailer')).toEqual(['tail']);
      expect(backend.arrivals.at(-1)?.request).toEqual(request);
    });

    it(`passes a reply of ${name} without a URL as it came, so that the client says what is wrong`, async () => {
      backend.answer(name, { messages: [UNKNOWN] });
      const viaProxy = await proxied.rawCall(
        `/runtime.v1.${service}/${name}`,
        text(1, name === 'PortForward' ? SANDBOX_ID : CONTAINER_ID),
      );
      expect(viaProxy).toMatchObject({ code: 0, messages: [UNKNOWN] });
    });
  }

  for (const path of NEW_PATHS) {
    it(`passes ${path}, which has no row, to the default backend`, async () => {
      backend.answer(path, { ...answered, messages: [text(1, 'a'), text(1, 'b')] });
      await compare(path, Buffer.concat([text(1, 'no id'), UNKNOWN]));
    });
  }

  it('keeps unknown fields of every list record', async () => {
    for (const method of METHODS) {
      if (method.kind !== 'list' || method.relabels) continue;
      const record = recordOf(method, SANDBOX_ID);
      backend.answer(method.name, { messages: [Buffer.concat([record, UNKNOWN])] });
      const plain = await direct.rawCall(pathOf(method), Buffer.alloc(0));
      const viaProxy = await proxied.rawCall(pathOf(method), Buffer.alloc(0));
      expect(viaProxy.messages, method.name).toEqual(plain.messages);
    }
  });

  it('streams the messages of every Stream list, and makes them from the unary list where the RPC is missing', async () => {
    for (const method of METHODS) {
      if (method.kind !== 'stream-list' || method.name === 'StreamPodSandboxMetrics') continue;
      const unary = methodNamed(method.unary) as ListMethod;
      const records = ['a', 'b'].map((id) => recordOf(unary, id.repeat(64)));
      backend.answer(method.unary, { messages: [Buffer.concat(records)] });
      const made = await proxied.rawCall(pathOf(method), Buffer.alloc(0));
      expect(made.code, method.name).toBe(0);
      expect(Buffer.concat(made.messages), method.name).toEqual(Buffer.concat(records));
      backend.answer(method.name, { messages: records });
      const streamed = await proxied.rawCall(pathOf(method), Buffer.alloc(0));
      expect(streamed.messages, method.name).toEqual(records);
    }
  });

  it('answers a service that is not CRI with UNIMPLEMENTED', async () => {
    const reply = await proxied.rawCall(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      Buffer.alloc(0),
    );
    expect(reply.code).toBe(12);
  });

  it('refuses messages over the limit, both ways, with RESOURCE_EXHAUSTED that says what to change', async () => {
    const long = Buffer.alloc(16 * 1024 * 1024 + 1, 1);
    backend.answer('ExecSync', { messages: [long] });
    const path = '/runtime.v1.RuntimeService/ExecSync';
    const reply = await proxied.rawCall(path, text(1, CONTAINER_ID));
    expect(reply).toMatchObject({ code: 8, details: expect.stringContaining('limits.messageSize') });
    const request = await proxied.rawCall(path, Buffer.concat([text(1, CONTAINER_ID), encodeField(2, long)]));
    expect(request).toMatchObject({ code: 8, details: expect.stringContaining('limits.messageSize') });
    expect((await proxied.rawCall('/runtime.v1.RuntimeService/Version', Buffer.alloc(0))).code).toBe(0);
  });

  it('carries a cancel to the backend', async () => {
    backend.answer('ExecSync', () => new Promise(() => {}));
    const controller = new AbortController();
    const reply = proxied.rawCall('/runtime.v1.RuntimeService/ExecSync', text(1, CONTAINER_ID), {
      signal: controller.signal,
    });
    await until(() => backend.arrivals.some(({ path }) => path.endsWith('ExecSync')), 'the call arrives');
    controller.abort();
    expect((await reply).code).toBe(1);
    await until(() => backend.arrivals.some(({ isCancelled }) => isCancelled), 'the backend sees the cancel');
  });

  it('ends a call whose deadline has passed with DEADLINE_EXCEEDED, and tells the backend', async () => {
    backend.answer('ExecSync', () => new Promise(() => {}));
    const reply = await proxied.rawCall('/runtime.v1.RuntimeService/ExecSync', text(1, CONTAINER_ID), {
      deadlineMs: 150,
    });
    expect(reply.code).toBe(4);
    await until(() => backend.arrivals.some(({ isCancelled }) => isCancelled), 'the backend sees the end');
  });
});

function pathOf({ service, name }: Method): string {
  return `/runtime.v1.${service}/${name}`;
}

/** A request that names what exists, with a field that nobody knows at its end. */
function requestOf(method: Method): Buffer {
  switch (method.kind) {
    case 'owned':
      return Buffer.concat([text(1, method.object === 'sandbox' ? SANDBOX_ID : CONTAINER_ID), UNKNOWN]);
    case 'place': {
      const metadata = Buffer.concat([text(1, 'web'), text(2, 'uid-1'), text(3, 'default')]);
      const [configField = 1] = method.configPath;
      return Buffer.concat([
        encodeField(configField, Buffer.concat([encodeField(1, metadata), UNKNOWN])),
        UNKNOWN,
      ]);
    }
    default:
      return Buffer.concat([encodeField(1, Buffer.concat([text(1, 'busybox'), UNKNOWN])), UNKNOWN]);
  }
}

/** A record with its id where the row says it is, and a field that nobody knows. */
function recordOf(method: ListMethod, id: string): Uint8Array {
  const inner = method.recordIdPath.length > 1 ? encodeField(1, text(1, id)) : text(1, id);
  return encodeField(1, Buffer.concat([inner, UNKNOWN]));
}

/** What the client sent, without what each hop's own client adds. */
function clientMetadata(metadata: Metadata): Record<string, unknown> {
  const {
    'user-agent': _agent,
    'grpc-accept-encoding': _accept,
    'accept-encoding': _plain,
    ...rest
  } = metadata.getMap();
  return rest;
}

function userPart(metadata: Metadata): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata.getMap()).filter(
      ([key]) => key.startsWith('x-') || key.startsWith('grpc-status-'),
    ),
  );
}
