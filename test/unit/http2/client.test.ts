import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { ClientConnection } from '../../../src/http2/client.ts';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { REQUEST, clientWorld as world } from '../../support/http2-client-world.ts';
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  PADDED,
  RawPeer,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { clientLog, Recorder } from '../../support/http2-recorder.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const MAX_STREAMS = 3;
const headers = (id: number, flags: number, ...fields: (readonly [string, string])[]) =>
  frame(TYPE.headers, END_HEADERS | flags, id, block(...fields));
const ok = (id: number) => headers(id, 0, [':status', '200']);
const end = (id: number) => headers(id, END_STREAM, ['grpc-status', '0']);
const goaway = (lastId: number, code = 0, debug = '') =>
  frame(TYPE.goaway, 0, 0, Buffer.concat([uint32(lastId), uint32(code), Buffer.from(debug)]));

describe('a client connection', () => {
  it('says preface and SETTINGS without push, and is ready with the first SETTINGS of the peer', async () => {
    await using w = await world();
    const first = await w.backend.received('SETTINGS', (f) => f.type === TYPE.settings);
    expect(w.backend.frames[0]).toBe(first);
    expect(first.payload.toString('hex')).toContain('000200000000');
    expect(w.log.isReady).toBe(false);
    w.backend.send(settings());
    await until(() => w.log.isReady, 'the client is ready');
    await w.backend.received('the ack', (f) => f.type === TYPE.settings && f.flags === ACK);
  });

  it('gives streams odd ids in the order in which their headers go out', async () => {
    await using w = await world(settings());
    const [a, b] = [w.client.open(new Recorder()), w.client.open(new Recorder())];
    expect(a.id).toBe(0);
    b.sendHeaders(REQUEST, true);
    a.sendHeaders(REQUEST, true);
    expect([a.id, b.id]).toEqual([3, 1]);
    await w.backend.received('both', (f) => f.type === TYPE.headers && f.streamId === 3);
    expect(w.backend.frames.filter((f) => f.type === TYPE.headers).map((f) => f.streamId)).toEqual([1, 3]);
  });

  it('ignores RST_STREAM and WINDOW_UPDATE for streams that it never opened', async () => {
    await using here = await world(settings());
    for (const id of [2, 7, 0x7fffffff]) {
      here.backend.send(frame(TYPE.reset, 0, id, uint32(8)), frame(TYPE.windowUpdate, 0, id, uint32(100)));
    }
    const call = here.call();
    await here.backend.received('the request', (f) => f.type === TYPE.data && f.streamId === 1);
    here.backend.send(ok(1), end(1));
    await call.whole();
    expect(here.log.closed).toBeUndefined();
  });

  it('takes late answers to calls that were given up, however many: clients give up calls at their own rate', async () => {
    await using here = await world(settings());
    const given = Array.from({ length: 1100 }, () => here.call());
    await here.backend.received('the requests', (f) => f.type === TYPE.data && f.streamId === 2199);
    for (const call of given) call.stream?.reset(ERROR_CODE.CANCEL);
    expect(await here.backend.resetCode(2199)).toBe(ERROR_CODE.CANCEL);
    for (let id = 1; id < 2200; id += 2) here.backend.send(ok(id), frame(TYPE.data, 0, id), end(id));
    await here.backend.roundTrip();
    expect(here.log.closed).toBeUndefined();
  });

  it('gets headers, data and trailers, and skips 1xx responses', async () => {
    await using w = await world(settings());
    const call = w.call();
    w.backend.send(
      headers(1, 0, [':status', '103'], ['link', 'x']),
      ok(1),
      frame(TYPE.data, 0, 1, Buffer.from('re')),
      frame(TYPE.data, PADDED, 1, Buffer.from('\x02ply\0\0')),
      end(1),
    );
    await call.whole();
    expect(call.headers).toEqual([[[':status', '200']], [['grpc-status', '0']]]);
    expect(call.body.toString()).toBe('reply');
    expect(w.client.streamCount).toBe(0);
  });

  it('sends what comes before the connection is there', async () => {
    const dir = await tempDir();
    const server = net.createServer((socket) => {
      const peer = new RawPeer(socket, { expectsPreface: true });
      peer.send(settings(), ok(1), end(1));
    });
    await new Promise<void>((resolve) => server.listen(dir.file('s'), resolve));
    const client = ClientConnection.connect(dir.file('s'), clientLog());
    const recorder = new Recorder();
    recorder.stream = client.open(recorder);
    recorder.stream.sendHeaders(REQUEST, true);
    await recorder.whole();
    client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await dir[Symbol.asyncDispose]();
  });

  it('works on a socket that it is given', async () => {
    const dir = await tempDir();
    const server = net.createServer((socket) => {
      new RawPeer(socket, { expectsPreface: true }).send(settings(), ok(1), end(1));
    });
    await new Promise<void>((resolve) => server.listen(dir.file('s'), resolve));
    const client = new ClientConnection(net.connect(dir.file('s')), clientLog());
    const recorder = new Recorder();
    recorder.stream = client.open(recorder);
    recorder.stream.sendHeaders(REQUEST, true);
    await recorder.whole();
    client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await dir[Symbol.asyncDispose]();
  });

  it('tells the backend to stop taking a request whose answer is complete', async () => {
    await using w = await world(settings());
    const recorder = new Recorder();
    recorder.stream = w.client.open(recorder);
    recorder.stream.sendHeaders(REQUEST, false);
    w.backend.send(headers(1, END_STREAM, [':status', '200'], ['grpc-status', '12']));
    await recorder.whole();
    expect(await w.backend.resetCode(1)).toBe(ERROR_CODE.NO_ERROR);
    expect(w.client.streamCount).toBe(0);
  });

  it('says nothing more to a receiver that closes the connection when it has its answer', async () => {
    await using w = await world(settings());
    const call = w.call();
    call.onEnd = () => w.client.close();
    w.backend.send(ok(1), end(1));
    await call.whole();
    await until(() => w.log.closed !== undefined, 'the connection closed');
    expect(call.abort).toBeUndefined();
  });

  it('resets a stream when asked, and forgets one that never sent headers without a frame', async () => {
    await using w = await world(settings());
    const unsent = w.client.open(new Recorder());
    unsent.reset(ERROR_CODE.CANCEL);
    const call = w.call();
    call.stream?.reset(ERROR_CODE.CANCEL);
    expect(await w.backend.resetCode(1)).toBe(ERROR_CODE.CANCEL);
    expect(w.client.streamCount).toBe(0);
    w.backend.send(ok(1), frame(TYPE.data, 0, 1, Buffer.from('late')), end(1));
    await w.backend.roundTrip();
    expect(call.headers).toEqual([]);
    expect(call.abort).toBeUndefined();
    expect(w.log.closed).toBeUndefined();
  });
});

describe('the limit on streams', () => {
  it('is kept, and onSlot tells when there is room', async () => {
    await using w = await world(settings([MAX_STREAMS, 2]));
    const [first] = [w.call(), w.call()];
    expect(w.client.canOpen()).toBe(false);
    expect(w.log.slots).toBe(0);
    w.backend.send(ok(1), end(1));
    await first?.whole();
    expect(w.log.slots).toBe(1);
    expect(w.client.canOpen()).toBe(true);
  });

  it('counts streams that have not sent headers yet', async () => {
    await using w = await world(settings([MAX_STREAMS, 1]));
    const stream = w.client.open(new Recorder());
    expect(w.client.canOpen()).toBe(false);
    stream.reset(ERROR_CODE.CANCEL);
    expect(w.log.slots).toBe(1);
  });

  it('may be raised later', async () => {
    await using w = await world(settings([MAX_STREAMS, 0]));
    expect(w.client.canOpen()).toBe(false);
    w.backend.send(settings([MAX_STREAMS, 5]));
    await until(() => w.log.slots === 1, 'a slot is free');
  });
});

describe('streams that end early', () => {
  it.each([
    [ERROR_CODE.CANCEL, true],
    [ERROR_CODE.REFUSED_STREAM, false],
  ])('by RST_STREAM with code %i say whether they were processed: %s', async (code, processed) => {
    await using w = await world(settings());
    const call = w.call();
    w.backend.send(frame(TYPE.reset, 0, 1, uint32(code)));
    await until(() => call.abort !== undefined, 'the stream was aborted');
    expect(call.abort).toMatchObject({ kind: 'reset', code, processed });
  });

  it('by GOAWAY were not processed above its last id; the others finish, then the connection closes', async () => {
    await using w = await world(settings());
    const [first, second] = [w.call(), w.call()];
    const unsent = new Recorder();
    w.client.open(unsent);
    await w.backend.received('the second', (f) => f.type === TYPE.data && f.streamId === 3);
    w.backend.send(goaway(1, ERROR_CODE.ENHANCE_YOUR_CALM, 'too_many_pings'));
    await until(() => w.log.goaways === 1, 'GOAWAY came');
    expect(w.client.isOpen).toBe(false);
    expect(w.client.canOpen()).toBe(false);
    expect(() => w.client.open(new Recorder())).toThrow('no new streams');
    for (const gone of [second, unsent]) {
      expect(gone?.abort).toMatchObject({ kind: 'connection', processed: false });
      expect(gone?.abort?.message).toContain('ENHANCE_YOUR_CALM: too_many_pings');
    }
    w.backend.send(ok(1), end(1));
    await first?.whole();
    await until(() => w.log.closed !== undefined, 'the connection closed');
    expect(w.log.closed?.error).toBeUndefined();
    expect(w.log.goaways).toBe(1);
  });

  it('by GOAWAY after GOAWAY end the connection as a whole', async () => {
    await using here = await world(settings());
    const call = here.call();
    await here.backend.received('the request', (f) => f.type === TYPE.data);
    here.backend.send(...Array.from({ length: 17 }, () => goaway(1)));
    expect(await here.backend.goawayCode()).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
    expect(call.abort).toMatchObject({ kind: 'connection', processed: true });
  });

  it('by GOAWAY with a text of the peer that acts on no terminal', async () => {
    await using w = await world(settings());
    const call = w.call();
    await w.backend.received('the call', (f) => f.type === TYPE.data);
    w.backend.send(goaway(0, ERROR_CODE.NO_ERROR, 'bye\x1b[2J'));
    await until(() => call.abort !== undefined, 'the call was aborted');
    expect(call.abort?.message).toBe('the peer goes away (NO_ERROR: bye\\u001b[2J)');
  });

  it('by GOAWAY in two steps: the first only stops new streams', async () => {
    await using w = await world(settings());
    const [first, second] = [w.call(), w.call()];
    w.backend.send(goaway(0x7fffffff));
    await until(() => w.log.goaways === 1, 'GOAWAY came');
    expect(second?.abort).toBeUndefined();
    w.backend.send(goaway(1));
    await until(() => second?.abort !== undefined, 'the second was aborted');
    expect(first?.abort).toBeUndefined();
    expect(w.log.goaways).toBe(1);
  });

  it('by a lost connection may have been processed, unless nothing of them was sent', async () => {
    await using w = await world(settings());
    const call = w.call();
    const unsent = new Recorder();
    w.client.open(unsent);
    await w.backend.received('the request', (f) => f.type === TYPE.data);
    w.backend.socket.destroy();
    await until(() => w.log.closed !== undefined, 'the connection closed');
    expect(call.abort).toMatchObject({ kind: 'connection', processed: true });
    expect(unsent.abort).toMatchObject({ kind: 'connection', processed: false });
    expect(w.client.isOpen).toBe(false);
  });

  it('by a connection that never came were not processed', async () => {
    const dir = await tempDir();
    const log = clientLog();
    const client = ClientConnection.connect(dir.file('none'), log);
    const recorder = new Recorder();
    recorder.stream = client.open(recorder);
    recorder.stream.sendHeaders(REQUEST, true);
    await until(() => log.closed !== undefined, 'the attempt failed');
    expect(recorder.abort).toMatchObject({ kind: 'connection', processed: false });
    expect(log.closed?.reason).toContain('ENOENT');
    await dir[Symbol.asyncDispose]();
  });

  it('by close() say so, once', async () => {
    await using w = await world(settings());
    const call = w.call();
    w.client.close();
    w.client.close();
    expect(call.abort).toMatchObject({ kind: 'connection', message: 'closed by us' });
    expect(w.log.closed).toEqual({ reason: 'closed by us', error: undefined });
    expect(await w.backend.goawayCode()).toBe(ERROR_CODE.NO_ERROR);
  });
});

describe('a backend that breaks the protocol', () => {
  it.each<[string, Buffer[], number]>([
    ['headers first', [ok(1)], ERROR_CODE.PROTOCOL_ERROR],
    ['PUSH_PROMISE', [settings(), frame(TYPE.push, 4, 1, Buffer.alloc(8))], ERROR_CODE.PROTOCOL_ERROR],
    ['headers on a stream that was never opened', [settings(), ok(7)], ERROR_CODE.PROTOCOL_ERROR],
    ['headers with an even id', [settings(), ok(2)], ERROR_CODE.PROTOCOL_ERROR],
    ['headers behind the end', [settings(), ok(1), end(1), ok(1)], ERROR_CODE.STREAM_CLOSED],
    ['DATA behind the end', [settings(), ok(1), end(1), frame(TYPE.data, 0, 1)], ERROR_CODE.STREAM_CLOSED],
    [
      'a frame over 16384 bytes',
      [settings(), frame(TYPE.data, 0, 1, Buffer.alloc(20_000))],
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
  ])('on the connection ends it: %s', async (_, parts, code) => {
    await using w = await world();
    const call = w.call();
    w.backend.send(...parts);
    expect(await w.backend.goawayCode()).toBe(code);
    await until(() => w.log.closed !== undefined, 'the connection closed');
    expect(w.log.closed?.error?.code).toBe(code);
    expect(call.isEnded || call.abort?.kind === 'connection').toBe(true);
  });

  it.each<[string, Buffer[]]>([
    ['a response without :status', [headers(1, 0, ['a', 'b'])]],
    ['a malformed :status', [headers(1, 0, [':status', '20x'])]],
    ['a request pseudo-header', [headers(1, 0, [':status', '200'], [':path', '/'])]],
    ['an upper-case name', [headers(1, 0, [':status', '200'], ['X', 'y'])]],
    ['a 1xx that ends the stream', [headers(1, END_STREAM, [':status', '100'])]],
    ['DATA before headers', [frame(TYPE.data, 0, 1, Buffer.from('x'))]],
    ['trailers that do not end', [ok(1), headers(1, 0, ['grpc-status', '0'])]],
    [':status in trailers', [ok(1), headers(1, END_STREAM, [':status', '200'])]],
  ])('on one stream leaves the others untouched: %s', async (_, parts) => {
    await using w = await world(settings());
    const [bad, good] = [w.call(), w.call()];
    await w.backend.received('the second', (f) => f.type === TYPE.data && f.streamId === 3);
    w.backend.send(...parts, ok(3), end(3));
    await good?.whole();
    expect(await w.backend.resetCode(1)).toBe(ERROR_CODE.PROTOCOL_ERROR);
    expect(bad?.abort).toMatchObject({ kind: 'reset', code: ERROR_CODE.PROTOCOL_ERROR, processed: true });
  });
});
