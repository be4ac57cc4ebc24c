// Both roles against independent implementations over real unix sockets: node:http2 and @grpc/grpc-js.
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import grpc from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { framed } from '../../../src/grpc/message.ts';
import { trailers } from '../../../src/grpc/status.ts';
import { ClientConnection } from '../../../src/http2/client.ts';
import { ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { Field, KNOWN } from '../../../src/http2/field.ts';
import {
  clientLog,
  type Pair,
  Recorder,
  type RecordingServer,
  recordingServer,
  toFields,
} from '../../support/http2-recorder.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const TYPE = new Field('content-type', 'application/grpc');

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 9)) & 255;
  return bytes;
}

const headerName = fc.stringMatching(/^x-[a-z0-9-]{1,20}$/);
const headerValue = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,200}[\x21-\x7e])?$/);
const headerPairs = fc.uniqueArray(fc.tuple(headerName, headerValue), {
  maxLength: 30,
  selector: ([name]) => name,
});

describe('our server and a node:http2 client', () => {
  let server: RecordingServer;
  let session: http2.ClientHttp2Session;

  beforeAll(async () => {
    // Echoes headers that start with x-, the body, and a count as trailer. Windows are small on purpose.
    server = await recordingServer(
      { limits: { initialWindowBytes: 70_000, connectionWindowBytes: 100_000 } },
      (recorder, stream) => {
        let path = '';
        recorder.onHeaders = (fields, endStream) => {
          path = fields.find((f) => f.known === KNOWN.path)?.value ?? '';
          stream.sendHeaders(
            [...toFields([[':status', '200']]), TYPE, ...fields.filter((f) => f.name.startsWith('x-'))],
            false,
          );
          if (endStream) stream.sendHeaders(trailers('OK', ''), true);
        };
        let heldBytes = 0;
        recorder.onData = (buffer, start, end, endStream) => {
          stream.sendData(buffer, start, end, false);
          heldBytes += end - start;
          if (stream.queuedBytes === 0) recorder.onDrain();
          if (endStream && path !== '/hang') stream.sendHeaders(trailers('OK', 'grüße'), true);
        };
        recorder.onDrain = () => {
          stream.consume(heldBytes);
          heldBytes = 0;
        };
      },
    );
    session = http2.connect('http://localhost', {
      createConnection: () => net.connect(server.path),
      settings: { initialWindowSize: 1000, headerTableSize: 200 },
    });
  });

  afterAll(async () => {
    session.close();
    await server[Symbol.asyncDispose]();
  });

  async function call(pairs: readonly Pair[], body: Buffer) {
    const stream = session.request({ ':method': 'POST', ':path': '/a.B/C', ...Object.fromEntries(pairs) });
    let head: http2.IncomingHttpHeaders = {};
    let tail: http2.IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (headers) => {
      head = headers;
    });
    stream.on('trailers', (headers) => {
      tail = headers;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(body);
    await once(stream, 'close');
    return { head, tail, body: Buffer.concat(chunks) };
  }

  it('agree on any headers, in a sequence that fills and empties small tables', async () => {
    await fc.assert(
      fc.asyncProperty(headerPairs, async (pairs) => {
        const answer = await call(pairs, Buffer.from('x'));
        for (const [name, value] of pairs) expect(answer.head[name]).toBe(value);
        expect(answer.tail['grpc-status']).toBe('0');
      }),
      { numRuns: 100 },
    );
  });

  it('pass bodies of any size through small windows', async () => {
    for (const size of [0, 1, 999, 1000, 1001, 16_384, 16_385, 65_536, 3_000_000]) {
      const body = pattern(size);
      const answer = await call([], body);
      expect(answer.body.equals(body)).toBe(true);
      expect(answer.tail['grpc-status']).toBe('0');
    }
  });

  it('serve many streams at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => call([['x-number', String(i)]], pattern(i * 17))),
    );
    answers.forEach((answer, i) => {
      expect(answer.head['x-number']).toBe(String(i));
      expect(answer.body.length).toBe(i * 17);
    });
  });

  it('agree on headers near the limit, in CONTINUATION frames', async () => {
    const value = 'v'.repeat(15_000);
    const pairs = Array.from({ length: 4 }, (_, i) => [`x-long-${i}`, value] as const);
    const answer = await call(pairs, Buffer.from('x'));
    for (const [name] of pairs) expect(answer.head[name]).toBe(value);
  });

  it('change tables and windows in flight', async () => {
    for (const headerTableSize of [4096, 0, 100, 65_536]) {
      await new Promise<void>((resolve) =>
        session.settings({ headerTableSize, initialWindowSize: 70_000 - headerTableSize }, () => resolve()),
      );
      const answer = await call([['x-a', 'b']], pattern(100_000));
      expect(answer.body.length).toBe(100_000);
      expect(answer.head['x-a']).toBe('b');
    }
  });

  it('reset streams, both ways', async () => {
    const stream = session.request({ ':method': 'POST', ':path': '/hang' }); // close() ends it before it resets it
    stream.on('error', () => {});
    stream.write('x');
    await once(stream, 'response');
    const recorder = server.streams.at(-1);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await until(() => recorder?.abort !== undefined, 'the reset arrived');
    expect(recorder?.abort).toMatchObject({ kind: 'reset', code: ERROR_CODE.CANCEL });

    const other = session.request({ ':method': 'POST', ':path': '/a.B/C' });
    other.on('error', () => {});
    other.write('x');
    await once(other, 'response');
    server.streams.at(-1)?.stream?.reset(ERROR_CODE.ENHANCE_YOUR_CALM);
    await until(() => other.closed, 'the stream closed');
    expect(other.rstCode).toBe(ERROR_CODE.ENHANCE_YOUR_CALM);
  });

  it('drain: calls in flight finish, the session closes', async () => {
    const own = http2.connect('http://localhost', { createConnection: () => net.connect(server.path) });
    const stream = own.request({ ':method': 'POST', ':path': '/a.B/C' });
    stream.resume();
    stream.write('x');
    await once(stream, 'response');
    server.connections.at(-1)?.drain();
    await once(own, 'goaway');
    stream.end('y');
    const [tail] = (await once(stream, 'trailers')) as [http2.IncomingHttpHeaders];
    expect(tail['grpc-status']).toBe('0');
    await until(() => own.closed, 'the session closed');
  });
});

describe('our client and a node:http2 server', () => {
  let dir: TempDir;
  let server: http2.Http2Server;
  const sessions = new Set<http2.ServerHttp2Session>();

  beforeAll(async () => {
    dir = await tempDir();
    server = http2.createServer({
      settings: { initialWindowSize: 2000, headerTableSize: 300, maxConcurrentStreams: 50 },
    });
    server.on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      if (headers[':path'] === '/refuse') {
        stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      const echoed = Object.entries(headers).filter(([name]) => name.startsWith('x-'));
      stream.respond({ ':status': 200, ...Object.fromEntries(echoed) }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      if (headers[':path'] === '/hang') stream.write('x');
      else stream.pipe(stream);
    });
    await new Promise<void>((resolve) => server.listen(dir.file('s'), resolve));
  });

  afterAll(async () => {
    for (const session of sessions) session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await dir[Symbol.asyncDispose]();
  });

  function connect() {
    const log = clientLog({ limits: { initialWindowBytes: 70_000, connectionWindowBytes: 100_000 } });
    return { log, client: ClientConnection.connect(dir.file('s'), log) };
  }

  function call(client: ClientConnection, path: string, pairs: readonly Pair[], body: Buffer): Recorder {
    const recorder = new Recorder();
    recorder.stream = client.open(recorder);
    recorder.stream.sendHeaders(
      toFields([
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', path],
        [':authority', 'localhost'],
        ...pairs,
      ]),
      false,
    );
    recorder.stream.sendData(body, 0, body.length, true);
    return recorder;
  }

  it('agree on any headers, in a sequence that fills and empties small tables', async () => {
    const { client } = connect();
    await fc.assert(
      fc.asyncProperty(headerPairs, fc.constantFrom('/a', '/b', '/long/'.repeat(20)), async (pairs, path) => {
        const recorder = call(client, path, pairs, Buffer.from('x'));
        await recorder.whole();
        const head = new Map(recorder.headers[0]);
        for (const [name, value] of pairs) expect(head.get(name)).toBe(value);
      }),
      { numRuns: 100 },
    );
    client.close();
  });

  it('pass bodies of any size through small windows', async () => {
    const { client } = connect();
    for (const size of [0, 1, 2000, 2001, 16_385, 65_536, 3_000_000]) {
      const body = pattern(size);
      const recorder = call(client, '/a', [], body);
      await recorder.whole();
      expect(recorder.body.equals(body)).toBe(true);
      expect(recorder.headers[1]).toEqual([['grpc-status', '0']]);
    }
    client.close();
  });

  it('keep to the limit on streams with many calls', async () => {
    const { client, log } = connect();
    await until(() => log.isReady, 'ready');
    const all = Array.from({ length: 200 }, async (_, i) => {
      while (!client.canOpen()) await new Promise<void>((resolve) => setImmediate(resolve));
      const recorder = call(client, '/a', [['x-i', String(i)]], pattern(i * 11));
      await recorder.whole();
      expect(new Map(recorder.headers[0]).get('x-i')).toBe(String(i));
      expect(recorder.body.length).toBe(i * 11);
    });
    await Promise.all(all);
    client.close();
  });

  it('hear of a refused stream that it was not processed', async () => {
    const { client } = connect();
    const recorder = call(client, '/refuse', [], Buffer.from('x'));
    await until(() => recorder.abort !== undefined, 'refused');
    expect(recorder.abort).toMatchObject({
      kind: 'reset',
      code: ERROR_CODE.REFUSED_STREAM,
      processed: false,
    });
    client.close();
  });

  it('survive GOAWAY: what is in flight finishes', async () => {
    const { client, log } = connect();
    await until(() => log.isReady, 'ready');
    const recorder = new Recorder();
    recorder.stream = client.open(recorder);
    recorder.stream.sendHeaders(
      toFields([
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/a'],
        [':authority', 'x'],
      ]),
      false,
    );
    await until(() => recorder.headers.length === 1, 'the call is in flight');
    for (const session of sessions) session.close();
    await until(() => log.goaways === 1, 'GOAWAY came');
    recorder.stream.sendData(Buffer.from('rest'), 0, 4, true);
    await recorder.whole();
    expect(recorder.body.toString()).toBe('rest');
    await until(() => log.closed !== undefined, 'closed');
  });

  it('hear of a destroyed session', async () => {
    const { client, log } = connect();
    const recorder = call(client, '/hang', [], Buffer.from('x'));
    await until(() => recorder.body.length === 1, 'the call is in flight');
    for (const session of sessions) session.destroy();
    await until(() => log.closed !== undefined, 'closed');
    expect(recorder.abort).toMatchObject({ processed: true });
  });
});

describe('@grpc/grpc-js', () => {
  const identity = (bytes: Buffer) => bytes;
  const method = {
    requestStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  const service = {
    Echo: { ...method, path: '/t.T/Echo', responseStream: false },
    Fail: { ...method, path: '/t.T/Fail', responseStream: false },
    Count: { ...method, path: '/t.T/Count', responseStream: true },
  };

  it('is content with our server: unary, errors, streams, deadlines', async () => {
    await using server = await recordingServer({}, (recorder, stream) => {
      let path = '';
      const onHeaders = recorder.onHeaders.bind(recorder);
      recorder.onHeaders = (fields, endStream) => {
        path = fields.find((f) => f.known === KNOWN.path)?.value ?? '';
        onHeaders(fields, endStream);
      };
      recorder.onEnd = () => {
        if (path.endsWith('Hang')) return;
        if (path.endsWith('Fail')) {
          stream.sendHeaders(
            [...toFields([[':status', '200']]), TYPE, ...trailers('NOT_FOUND', 'keine Größe')],
            true,
          );
          return;
        }
        stream.sendHeaders([...toFields([[':status', '200']]), TYPE], false);
        const times = path.endsWith('Count') ? 50 : 1;
        for (let i = 0; i < times; i++) stream.sendData(recorder.body, 0, recorder.body.length, false);
        stream.sendHeaders(trailers('OK', ''), true);
      };
    });
    const client = new grpc.Client(`unix:${server.path}`, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    const unary = (path: string, body: Buffer, deadline = Date.now() + 10_000) =>
      new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(path, identity, identity, body, { deadline }, (error, reply) =>
          error === null ? resolve(reply as Buffer) : reject(error),
        );
      });
    for (const size of [0, 10, 100_000, 6_000_000]) {
      expect((await unary('/t.T/Echo', pattern(size))).equals(pattern(size))).toBe(true);
    }
    await expect(unary('/t.T/Fail', pattern(3))).rejects.toMatchObject({ code: 5, details: 'keine Größe' });
    await expect(unary('/t.T/Hang', pattern(3), Date.now() + 100)).rejects.toMatchObject({ code: 4 });
    await until(() => server.streams.at(-1)?.abort !== undefined, 'the cancel arrived');
    const messages: Buffer[] = [];
    const stream = client.makeServerStreamRequest('/t.T/Count', identity, identity, pattern(1000));
    stream.on('data', (message: Buffer) => messages.push(message));
    await once(stream, 'end');
    expect(messages.length).toBe(50);
    client.close();
  });

  it('is content with our client: unary, errors, streams', async () => {
    await using dir = await tempDir();
    const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(service, {
      Echo: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) =>
        done(null, call.request),
      Fail: (_: unknown, done: grpc.sendUnaryData<Buffer>) => done({ code: 5, details: 'nix' }),
      Count: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        for (let i = 0; i < 50; i++) call.write(call.request);
        call.end();
      },
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${dir.file('s')}`, grpc.ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    const log = clientLog();
    const client = ClientConnection.connect(dir.file('s'), log);
    const call = async (path: string, message: Buffer) => {
      const recorder = new Recorder();
      recorder.stream = client.open(recorder);
      recorder.stream.sendHeaders(
        [
          ...toFields([
            [':method', 'POST'],
            [':scheme', 'http'],
            [':path', path],
            [':authority', 'localhost'],
            ['te', 'trailers'],
          ]),
          TYPE,
        ],
        false,
      );
      const body = framed(message);
      recorder.stream.sendData(body, 0, body.length, true);
      await recorder.whole();
      return recorder;
    };
    for (const size of [0, 10, 100_000, 6_000_000]) {
      const echo = await call('/t.T/Echo', pattern(size));
      expect(echo.body.equals(framed(pattern(size)))).toBe(true);
      expect(new Map(echo.headers.at(-1)).get('grpc-status')).toBe('0');
    }
    expect(new Map((await call('/t.T/Fail', pattern(3))).headers.at(-1)).get('grpc-status')).toBe('5');
    expect((await call('/t.T/Count', pattern(100))).body.length).toBe(50 * 105);
    const done = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    await until(() => log.goaways === 1, 'GOAWAY came');
    await done;
  });
});
