// Thousands of long lists at once: what is collected for a client and what it has not read are bounded together. Who reads
// gets all of them, one after the other; who does not is the only one that is kept waiting.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import type { ListMethod } from '../../../src/cri/methods.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { STATUS, trailersOnly } from '../../../src/grpc/status.ts';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import type { Call } from '../../../src/proxy/call.ts';
import { inTurn } from '../../../src/proxy/list-turn.ts';
import { reply, replyEmpty } from '../../../src/proxy/replies.ts';
import { CriClient } from '../../support/cri-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { frontWorld, requestBlock } from '../../support/front-world.ts';
import {
  END_HEADERS,
  END_STREAM,
  frame,
  RawPeer,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { configOf, recorder } from '../../support/proxy-world.ts';
import { type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
const COMMON_BYTES = 256 * MIB;
const LIST_BYTES = 2 * MIB;
const INITIAL_WINDOW = 4;
const LARGEST_WINDOW = 0x7fffffff;
const LIST = Buffer.alloc(LIST_BYTES); // given away by reference, so that it is in memory once
const send = (peer: RawPeer, id: number, rpc: string) =>
  peer.send(
    frame(TYPE.headers, END_HEADERS, id, requestBlock(rpc)),
    frame(TYPE.data, END_STREAM, id, Buffer.alloc(5)),
  );
const deafPeer = (path: string) => RawPeer.connect(path, settings([INITIAL_WINDOW, 0]));
/** Waits until a call's end has come to the client. */
const end = (peer: RawPeer, id: number) =>
  peer.received(`the end of ${id}`, (f) => f.streamId === id && f.flags === END_HEADERS + END_STREAM);
/** Keeps the text with which each stream's call ends. */
const textsOf = (texts: Map<number, string>, call: Call) =>
  call.watch((_, _code, text) => void texts.set(call.stream.id, text));

describe('lists at the front', () => {
  /** Answers of the lists that have begun. */
  const begun: (() => void)[] = [];
  const texts = new Map<number, string>();
  /** A front whose lists collect LIST_BYTES and are answered by the test; all else is answered at once. */
  const listWorld = (clock = new FakeClock()) => {
    begun.length = 0;
    const list = inTurn<ListMethod>((call) => {
      call.keep(LIST_BYTES);
      begun.push(() => reply(call, [LIST]));
    });
    const handle = (call: Call) => {
      textsOf(texts, call);
      const method = call.route?.method;
      if (method?.kind === 'list') void list(call, method);
      else call.finish(trailersOnly('OK', ''), STATUS.OK, '');
    };
    return frontWorld({ clock, handle });
  };
  const answerAll = async (isEnough: () => boolean) => {
    await until(() => {
      for (const answer of begun.splice(0)) answer();
      return isEnough();
    }, 'lists have begun and are answered');
  };

  it('begin while there is room for the longest, and once their size is known for as many as fit', async () => {
    await using world = await listWorld();
    using deaf = await deafPeer(world.path);
    for (let id = 1; id < 2 * 300; id += 2) send(deaf, id, 'ListContainers');
    await until(() => world.calls.length === 300, 'all have come');
    expect(begun.length).toBe(12);
    let answered = 0;
    await until(() => {
      const answers = begun.splice(0);
      answered += answers.length;
      for (const answer of answers) answer();
      return answered >= 95;
    }, 'the others have begun');
    await deaf.roundTrip();
    expect(world.front.replyBytes).toBeLessThanOrEqual(COMMON_BYTES);
    expect(world.calls.filter(({ isOver }) => isOver).length).toBeLessThan(100);
    // Neither its other calls nor those of others wait.
    send(deaf, 1001, 'Version');
    await end(deaf, 1001);
    using good = await RawPeer.connect(world.path, settings([INITIAL_WINDOW, LARGEST_WINDOW]));
    good.send(frame(TYPE.windowUpdate, 0, 0, uint32(LARGEST_WINDOW - 65_535)));
    send(good, 1, 'ListContainers');
    await answerAll(() => good.data(1).length === LIST_BYTES + 5);
    deaf.socket.destroy();
    await until(() => world.front.replyBytes === 0, 'nothing is held any more');
  });

  it('that wait begin when the client reads, and leave when it cancels them', async () => {
    await using world = await listWorld();
    using peer = await deafPeer(world.path);
    for (let id = 1; id < 2 * 120; id += 2) send(peer, id, 'ListContainers');
    await until(() => world.calls.length === 120, 'all have come');
    for (let id = 1; id < 2 * 12; id += 2) peer.send(frame(TYPE.reset, 0, id, uint32(ERROR_CODE.CANCEL)));
    peer.send(frame(TYPE.reset, 0, 239, uint32(ERROR_CODE.CANCEL)));
    peer.send(settings([INITIAL_WINDOW, LARGEST_WINDOW]));
    peer.send(frame(TYPE.windowUpdate, 0, 0, uint32(LARGEST_WINDOW - 65_535)));
    await answerAll(() => world.calls.every(({ isOver }) => isOver));
    await until(() => peer.data(237).length === LIST_BYTES + 5, 'the last that was not cancelled came');
    expect(peer.data(239).length).toBe(0);
    expect(world.front.replyBytes).toBe(0);
  });

  it('that could not begin for half a minute are refused', async () => {
    const clock = new FakeClock();
    await using world = await listWorld(clock);
    using deaf = await deafPeer(world.path);
    for (let id = 1; id < 2 * 14; id += 2) send(deaf, id, 'ListContainers');
    await until(() => world.calls.length === 14, 'all have come');
    clock.advance(30_000);
    for (const id of [25, 27]) {
      await end(deaf, id);
      expect(texts.get(id)).toContain('replies that clients have not read');
    }
    expect(world.admission.callsInFlight).toBe(12);
  });
});

it('a call for which backends bring more than there is room for ends at once and gives back what it held', async () => {
  const cancelled: number[] = [];
  const texts = new Map<number, string>();
  await using world = await frontWorld({
    handle: (call) => {
      if (call.rpc === 'Version') return replyEmpty(call);
      textsOf(texts, call);
      call.onLeave(() => cancelled.push(call.stream.id));
      for (let i = 0; i < 100 && !call.isOver; i++) call.keep(MIB);
    },
  });
  using greedy = await RawPeer.connect(world.path);
  for (const id of [1, 3, 5]) send(greedy, id, 'Status');
  await end(greedy, 5);
  expect(texts.get(5)).toContain('replies that are collected for clients use up the memory');
  expect(cancelled).toEqual([5]);
  expect(world.front.replyBytes).toBe(200 * MIB);
  // Small calls go on, and so do those of others.
  send(greedy, 7, 'Version');
  await end(greedy, 7);
  using other = await RawPeer.connect(world.path);
  send(other, 1, 'Version');
  await end(other, 1);
  greedy.socket.destroy();
  await until(() => world.front.replyBytes === 0, 'nothing is held any more');
});

describe('lists of backends', () => {
  let dir: TempDir;
  let backends: ScriptedBackend[];
  let switchyard: Switchyard;
  const clients: CriClient[] = [];

  beforeEach(async () => {
    dir = await tempDir();
    backends = await Promise.all(['one', 'two'].map((name) => scriptedBackend(dir.file(`${name}.sock`))));
    for (const [index, backend] of backends.entries()) {
      backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')] });
      backend.answer('ListPodSandbox', { messages: [new Uint8Array(0)] });
      const filler = encodeField(2, Buffer.alloc(LIST_BYTES / 2 - 100, 'x'));
      const record = Buffer.concat([encodeField(1, Buffer.from(`container-${index}`)), filler]);
      for (const rpc of ['ListContainers', 'StreamContainers'])
        backend.answer(rpc, { messages: [encodeField(1, record)] });
    }
    const config = configOf(dir, [
      { name: 'one', profile: 'cri-o' },
      { name: 'two', profile: 'cri-o', handlers: { two: '' } },
    ]);
    const lines: Parameters<typeof recorder>[0] = [];
    switchyard = await startSwitchyard({ config, log: recorder(lines) });
    await until(
      () => lines.filter((line) => line.text === 'backend is ready').length === 2,
      'both are ready',
    );
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await switchyard.close();
    for (const backend of backends) await backend[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const list = async (client: CriClient, rpc = 'ListContainers') => {
    const { code, messages } = await client.rawCall(`/runtime.v1.RuntimeService/${rpc}`, Buffer.alloc(0));
    const sizeBytes = messages.reduce((sum, { length }) => sum + length, 0);
    return { code, isWhole: sizeBytes > LIST_BYTES - 200 };
  };
  const connect = () => {
    const client = new CriClient(switchyard.socket);
    clients.push(client);
    return client;
  };

  it.each(['ListContainers', 'StreamContainers'])(
    'all come to a client that reads, however many it asks for at once: %s',
    async (rpc) => {
      const client = connect();
      const lists = await Promise.all(Array.from({ length: 200 }, () => list(client, rpc)));
      expect(lists).toEqual(Array.from({ length: 200 }, () => ({ code: STATUS.OK, isWhole: true })));
    },
  );

  it('are asked for a client that does not read as long as they fit in its part, and come to others', async () => {
    using deaf = await deafPeer(switchyard.socket);
    for (let id = 1; id < 2 * 400; id += 2) send(deaf, id, 'ListContainers');
    const asked = () =>
      backends[0]?.arrivals.filter(({ path }) => path.endsWith('/ListContainers')).length ?? 0;
    await until(() => asked() > 90, 'many were asked');
    const client = connect();
    for (let round = 0; round < 3; round++)
      expect(await Promise.all([list(client), list(client), list(client)])).toEqual(
        Array.from({ length: 3 }, () => ({ code: STATUS.OK, isWhole: true })),
      );
    expect(asked()).toBeLessThan(COMMON_BYTES / LIST_BYTES + 16);
  });

  it('that come too late for their client, streamed, are awaited once and cancelled otherwise', async () => {
    const client = connect();
    const stream = () => client.rawCall('/runtime.v1.RuntimeService/StreamContainers', Buffer.alloc(0));
    for (const [index, backend] of backends.entries()) {
      const record = encodeField(1, Buffer.from(`streamed-${index}`));
      backend.answer('StreamContainers', { messages: [encodeField(1, record)] });
    }
    expect((await stream()).code).toBe(STATUS.OK);
    for (const backend of backends) backend.answer('StreamContainers', { staysOpen: true });
    const late = await Promise.all([stream(), stream(), stream()]);
    expect(late.map(({ code }) => code)).toEqual([STATUS.OK, STATUS.OK, STATUS.OK]);
    for (const { arrivals } of backends) {
      const open = arrivals.filter(({ path }) => path.endsWith('/StreamContainers')).slice(1);
      await until(
        () => open.filter(({ isCancelled }) => isCancelled).length === 2,
        'all but one are cancelled',
      );
    }
  });
});
