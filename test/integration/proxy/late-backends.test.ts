// A backend that is late with its list: when its snapshot may stand for it, and when it is waited for.
import http2 from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { CriClient, type RawReply } from '../../support/cri-client.ts';
import { codecOf, type Rpc } from '../../support/cri-codec.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  answerStatus,
  answerVersion,
  answerWith,
  type Http2Backend,
  type Http2Call,
  http2Backend,
} from '../../support/http2-backend.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const LIST_MS = 2_000;
const STATUS_MS = 1_500;
const TRUSTED_MS = 30_000;
const POD = 'a'.repeat(64);
const CONTAINER = 'c'.repeat(64);
const UNIMPLEMENTED = 12;

type List = 'ListPodSandbox' | 'ListContainers';
const HAS: Record<List, Buffer> = {
  ListPodSandbox: codecOf('ListPodSandbox').encodeResponse({ items: [{ id: POD }] }),
  ListContainers: codecOf('ListContainers').encodeResponse({
    containers: [{ id: CONTAINER, podSandboxId: POD }],
  }),
};
const EMPTY = Buffer.alloc(0);

describe('a list that its backend is late with', () => {
  let dir: TempDir;
  let clock: FakeClock;
  let runtime: Http2Backend;
  let switchyard: Switchyard;
  let client: CriClient;
  let lines: LogLine[];
  /** Its lists that are not answered yet; undefined while it is quick. */
  let late: Http2Call[] | undefined;
  /** RPCs whose answers are lost. */
  let lost: Set<string>;
  /** Whether it answers nothing. */
  let hangs: boolean;

  const serve = (call: Http2Call) => {
    const { rpc, stream } = call;
    if (hangs) return;
    if (rpc === 'Version') answerVersion(call);
    else if (rpc === 'ListImages') answerWith(call, EMPTY);
    else if (rpc in HAS) late === undefined ? answerWith(call, HAS[rpc as List]) : late.push(call);
    else if (lost.has(rpc)) stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    else if (rpc === 'ContainerStatus') answerWith(call, EMPTY);
    else answerStatus(call, UNIMPLEMENTED, 'no');
  };

  beforeEach(async () => {
    dir = await tempDir();
    clock = new FakeClock();
    lines = [];
    late = undefined;
    lost = new Set();
    hangs = false;
    runtime = await http2Backend(dir.file('one.sock'), serve);
    const timeouts = { listMs: LIST_MS, statusMs: STATUS_MS };
    const config = configOf(dir, [{ name: 'one', profile: 'reference', timeouts }]);
    switchyard = await startSwitchyard({ config, log: recorder(lines), clock });
    client = new CriClient(switchyard.socket);
    await until(() => lines.some(({ text }) => text === 'backend is ready'), 'the backend is ready');
    await until(() => asked('ListImages') > 0, 'it was listed');
    for (const rpc of ['ListPodSandbox', 'ListContainers'] as const) await client.call(rpc, {});
  });

  afterEach(async () => {
    client.close();
    await runtime[Symbol.asyncDispose]();
    await switchyard.close();
    await dir[Symbol.asyncDispose]();
  });

  const asked = (rpc: string) => runtime.paths.filter((path) => path.endsWith(`/${rpc}`)).length;

  /** Time goes on in steps, in which the backend shows that it lives: what was asked before is answered before this. */
  const pass = async (spanMs: number) => {
    for (let leftMs = spanMs; leftMs > 0; leftMs -= 250) {
      clock.advance(Math.min(250, leftMs));
      await client.call('ContainerStatus', { containerId: CONTAINER });
    }
    expect(lines.filter(({ fields }) => fields['state'] === 'hanging')).toEqual([]);
  };

  /** A call that the backend has got and does not answer. */
  const callLate = async (rpc: Rpc) => {
    const before = asked(rpc);
    const call: { reply?: RawReply } = {};
    const ended = client.rawCall(client.pathOf(rpc), EMPTY, { deadlineMs: 600_000 }).then((reply) => {
      call.reply = reply;
      return reply;
    });
    await until(() => asked(rpc) > before, 'the backend is asked');
    return { call, ended };
  };

  const listLate = (rpc: List) => {
    late ??= [];
    return callLate(rpc);
  };

  const answerAll = (message: Buffer) => {
    for (const call of late?.splice(0) ?? []) answerWith(call, message);
    late = undefined;
  };

  it('is answered from a snapshot that is 30 s old at the end of its budget', async () => {
    await pass(TRUSTED_MS - LIST_MS);
    const { call, ended } = await listLate('ListContainers');
    await pass(LIST_MS - 1);
    expect(call.reply).toBeUndefined();
    clock.advance(1);
    expect((await ended).bytes).toEqual(HAS.ListContainers);
  });

  it('is waited for when its snapshot is older than that', async () => {
    await pass(TRUSTED_MS - LIST_MS + 1);
    const { call, ended } = await listLate('ListContainers');
    await pass(2 * LIST_MS);
    expect(call.reply).toBeUndefined();
    answerAll(EMPTY);
    expect((await ended).bytes).toEqual(EMPTY);
  });

  it('is answered from its snapshot, however old, when the backend turns out to hang; later ones at once', async () => {
    await pass(2 * TRUSTED_MS);
    hangs = true;
    const { call, ended } = await callLate('ListContainers');
    clock.advance(LIST_MS - 1);
    expect(call.reply).toBeUndefined();
    clock.advance(1);
    expect((await ended).bytes).toEqual(HAS.ListContainers);
    // Time stands still from here on: what waits for the backend, or for a budget, never ends.
    const asks = runtime.paths.length;
    for (const rpc of ['ListContainers', 'ListPodSandbox'] as const)
      expect((await client.rawCall(client.pathOf(rpc), EMPTY, { deadlineMs: 5_000 })).bytes).toEqual(
        HAS[rpc],
      );
    expect((await client.rawCall(client.pathOf('Status'), EMPTY, { deadlineMs: 5_000 })).code).toBe(0);
    expect(runtime.paths.length).toBe(asks);
  });

  it('does not keep Status waiting for longer than the budget of a Status', async () => {
    hangs = true;
    const { call, ended } = await callLate('Status');
    clock.advance(STATUS_MS - 1);
    expect(call.reply).toBeUndefined();
    clock.advance(1);
    expect((await ended).code).toBe(0);
  });

  it('is given up 30 s after its client was answered', async () => {
    const { ended } = await listLate('ListContainers');
    await pass(LIST_MS);
    await ended;
    const stream = late?.[0]?.stream;
    await pass(TRUSTED_MS - 1);
    expect(stream?.closed).toBe(false);
    clock.advance(1);
    await until(() => stream?.closed === true, 'the backend hears of it');
    expect(stream?.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
  });

  const pod = { metadata: { name: 'new', namespace: 'default', uid: 'new', attempt: 0 } };
  it.each<[Rpc, object, List]>([
    ['RunPodSandbox', { config: pod }, 'ListPodSandbox'],
    ['StopPodSandbox', { podSandboxId: POD }, 'ListPodSandbox'],
    ['RemovePodSandbox', { podSandboxId: POD }, 'ListPodSandbox'],
    ['CreateContainer', { podSandboxId: POD, config: { metadata: { name: 'new' } } }, 'ListContainers'],
    ['StartContainer', { containerId: CONTAINER }, 'ListContainers'],
    ['StopContainer', { containerId: CONTAINER }, 'ListContainers'],
    ['RemoveContainer', { containerId: CONTAINER }, 'ListContainers'],
  ])(
    'is waited for after a %s whose answer was lost: nobody knows what it did',
    async (rpc, request, list) => {
      late = [];
      lost.add(rpc);
      await expect(client.call(rpc, request)).rejects.toThrow('the peer reset the stream');
      const { call, ended } = await listLate(list);
      await pass(2 * LIST_MS);
      expect(call.reply).toBeUndefined();
      answerAll(EMPTY);
      expect((await ended).bytes).toEqual(EMPTY);
    },
  );

  it.each([
    ['RunPodSandbox', { config: pod }],
    ['CreateContainer', { podSandboxId: POD, config: { metadata: { name: 'new' } } }],
  ] as const)('is asked for at once after a %s whose answer was lost', async (rpc, request) => {
    const before = asked('ListContainers');
    lost.add(rpc);
    await expect(client.call(rpc, request)).rejects.toThrow('the peer reset the stream');
    await until(() => asked('ListContainers') > before, 'all that the backend has is listed');
  });
});
