// HTTP/2 conversations against both roles, in process: valid ones with damage. Nothing but an error of the protocol may come
// of it, what we send stays in order, each stream is told its story to the end, and nothing is kept.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ClientConnection } from '../../../src/http2/client.ts';
import { ConnectionError, ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { Field } from '../../../src/http2/field.ts';
import { HeaderReader } from '../../../src/http2/header-reader.ts';
import { DEFAULT_LIMITS } from '../../../src/http2/limits.ts';
import { ServerConnection } from '../../../src/http2/server.ts';
import type { Stream, StreamReceiver } from '../../../src/http2/stream.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  ACK,
  block,
  END_HEADERS,
  END_STREAM,
  frame,
  PADDED,
  PREFACE,
  PRIORITY,
  REQUEST,
  settings,
  TYPE,
  uint32,
} from '../../support/http2-raw-peer.ts';
import { damage, type Random } from '../random.ts';
import { type FuzzTarget, must } from '../target.ts';

const HEAD_BYTES = 9;
const DEFAULT_WINDOW_BYTES = 65_535;
const MAX_PAYLOAD_BYTES = 16_384;
const QUEUED_AT_MOST_BYTES = 1024 * 1024;
const CLIENT_STREAMS = 4;
const toFields = (pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([name, value]) => new Field(name, value));
const REPLY = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;
const REQUEST_BLOCK = block(...REQUEST);
const REPLY_BLOCK = block(...REPLY);
const TRAILER_BLOCK = block(['grpc-status', '0']);

/** A socket that takes all it is given and remembers it. */
class SilentSocket extends Duplex {
  readonly connecting = false;
  readonly written: Buffer[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    done();
  }
}

/** Knows what a stream may still be told. */
class Story implements StreamReceiver {
  stream: Stream | undefined;
  private hasHeaders = false;
  private isOver = false;
  private isAborted = false;
  private readonly answers: boolean;

  constructor(answers: boolean) {
    this.answers = answers;
  }

  get isTold(): boolean {
    return this.isOver;
  }

  onHeaders(_: readonly Field[], endStream: boolean): void {
    must(!this.isOver, 'headers behind the end of a stream');
    this.hasHeaders = true;
    if (endStream) this.end();
  }

  onData(_: Buffer, start: number, end: number, endStream: boolean): void {
    must(!this.isOver && this.hasHeaders, 'DATA where none may be');
    must(end >= start, 'DATA of a negative size');
    this.stream?.consume(end - start);
    if (endStream) this.end();
  }

  onDrain(): void {
    // After the end of what is received, what is sent may still wait.
  }

  onAborted(): void {
    // A server may be told behind the request's end, while its answer is not sent.
    must(!this.isAborted && (this.answers || !this.isOver), 'a stream was aborted twice, or after its end');
    this.isAborted = true;
    this.isOver = true;
  }

  private end(): void {
    this.isOver = true;
    if (!this.answers || this.stream === undefined) return;
    this.stream.sendHeaders(toFields(REPLY), false);
    this.stream.sendData(Buffer.alloc(300), 0, 300, false);
    this.stream.sendHeaders(toFields([['grpc-status', '0']]), true);
  }
}

/** The input: its first byte says which role it is sent to (even: our server), its second how it is cut; the rest is sent. */
export const frames: FuzzTarget = {
  name: 'frames',
  make(random) {
    const isForServer = random.once(2);
    const talk = Array.from({ length: 1 + random.below(24) }, () => someFrame(random, isForServer));
    const start = isForServer
      ? [PREFACE, settings([4, random.pick([0, 100, 65_535])])]
      : [settings([3, 100])];
    const whole = Buffer.concat([...start, ...talk]);
    const bytes = damage(random, whole, random.below(5));
    return Buffer.concat([Buffer.from([isForServer ? 0 : 1, random.below(256)]), bytes]);
  },
  check(input) {
    const [role = 0, cut = 0] = input;
    converse(role % 2 === 0, cut, input.subarray(2));
  },
};

function converse(isServer: boolean, cut: number, bytes: Buffer): void {
  const socket = new SilentSocket();
  const clock = new FakeClock();
  const stories: Story[] = [];
  const thrown: unknown[] = [];
  let ending: ConnectionError | 'closed' | undefined;
  const options = {
    clock,
    onError: (error: unknown) => thrown.push(error),
    onClose: (_: string, error: ConnectionError | undefined) => {
      must(ending === undefined, 'a connection ended twice');
      ending = error ?? 'closed';
    },
  };
  let connection: ServerConnection | ClientConnection;
  if (isServer) {
    const accept = (stream: Stream) => {
      const story = new Story(true);
      story.stream = stream;
      stories.push(story);
      return story;
    };
    connection = new ServerConnection(socket as unknown as Socket, { ...options, accept });
  } else {
    const client = new ClientConnection(socket as unknown as Socket, {
      ...options,
      onReady: () => {},
      onSlot: () => {},
      onGoaway: () => {},
    });
    connection = client;
    for (let nth = 0; nth < CLIENT_STREAMS; nth++) {
      const story = new Story(false);
      stories.push(story);
      story.stream = client.open(story);
      story.stream.sendHeaders(toFields(REQUEST), false);
      story.stream.sendData(Buffer.alloc(100), 0, 100, nth % 2 === 0);
    }
  }
  const size = cut === 0 ? bytes.length : cut;
  for (let at = 0; at < bytes.length; at += size)
    socket.emit('data', Buffer.from(bytes.subarray(at, at + size)));
  if (ending === undefined)
    must(connection.queuedBytes <= QUEUED_AT_MOST_BYTES, 'too much waits for the peer');
  clock.advance(1_000);
  socket.emit('close');
  must(ending !== undefined, 'the connection did not end with its socket');
  must(
    !(ending instanceof ConnectionError) || ending.code !== ERROR_CODE.INTERNAL_ERROR,
    `internal error: ${String((ending as Error).cause ?? ending)}`,
  );
  if (thrown.length > 0) throw thrown[0];
  must(connection.streamCount === 0, 'streams were kept');
  must(
    stories.every((story) => story.isTold),
    'a stream was not told of its end',
  );
  const written = Buffer.concat(socket.written);
  checkOutput(written, isServer);
  if (isServer) checkWindows(written, bytes.subarray(PREFACE.length));
}

/** We sent no more DATA than the peer's windows allowed, as they were at their largest. */
function checkWindows(written: Buffer, received: Buffer): void {
  let [connectionBytes, initialBytes] = [DEFAULT_WINDOW_BYTES, 0];
  const updates = new Map<number, number>();
  let isFirst = true;
  for (const { type, streamId, payload } of framesOf(received)) {
    if (type === TYPE.settings) {
      if (isFirst) initialBytes = windowIn(payload) ?? DEFAULT_WINDOW_BYTES;
      else initialBytes = Math.max(initialBytes, windowIn(payload) ?? 0);
    }
    isFirst = false;
    if (type !== TYPE.windowUpdate || payload.length < 4) continue;
    const increment = payload.readUInt32BE(0) & 0x7fffffff;
    if (streamId === 0) connectionBytes += increment;
    else updates.set(streamId, (updates.get(streamId) ?? 0) + increment);
  }
  for (const { type, streamId, payload } of framesOf(written)) {
    if (type !== TYPE.data) continue;
    connectionBytes -= payload.length;
    updates.set(streamId, (updates.get(streamId) ?? 0) - payload.length);
    must(connectionBytes >= 0, 'more DATA was sent than the window of the connection allows');
    must(
      initialBytes + (updates.get(streamId) ?? 0) >= 0,
      `more DATA was sent than stream ${streamId} allows`,
    );
  }
}

/** The largest initial window that SETTINGS name. */
function windowIn(payload: Buffer): number | undefined {
  let largest: number | undefined;
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    if (payload.readUInt16BE(at) === 4) largest = Math.max(largest ?? 0, payload.readUInt32BE(at + 2));
  }
  return largest;
}

function* framesOf(bytes: Buffer): Generator<{ type: number; streamId: number; payload: Buffer }> {
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3);
    const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    yield { type: bytes[at + 3] as number, streamId, payload: bytes.subarray(at + HEAD_BYTES, end) };
    at = end;
  }
}

/** What we sent: whole frames of allowed sizes, header blocks that decode, nothing behind the end of a stream. */
function checkOutput(written: Buffer, isServer: boolean): void {
  const headers = new HeaderReader(DEFAULT_LIMITS);
  const ended = new Set<number>();
  let at = isServer ? 0 : PREFACE.length;
  while (at < written.length) {
    must(at + HEAD_BYTES <= written.length, 'half a frame was sent');
    const payload = at + HEAD_BYTES;
    const end = payload + written.readUIntBE(at, 3);
    const [type, flags] = [written[at + 3] as number, written[at + 4] as number];
    const streamId = written.readUInt32BE(at + 5);
    must(end - payload <= MAX_PAYLOAD_BYTES && end <= written.length, 'a frame has a wrong length');
    if (type === TYPE.data || type === TYPE.headers)
      must(!ended.has(streamId), `more was sent on stream ${streamId}`);
    if (type === TYPE.headers) headers.begin(flags, streamId, written, payload, end);
    if (type === TYPE.reset) must(!ended.has(-streamId), `stream ${streamId} was reset twice`);
    if ((flags & END_STREAM) !== 0 && type <= TYPE.headers) ended.add(streamId);
    if (type === TYPE.reset) ended.add(streamId).add(-streamId);
    at = end;
  }
}

/** A frame as a peer may send it, on a stream that may be there. */
function someFrame(random: Random, isForServer: boolean): Buffer {
  const streamId = random.pick(isForServer ? [1, 3, 5, 7, 9, 2] : [1, 3, 5, 7, 9, 2, 0]);
  const end = random.once(3) ? END_STREAM : 0;
  const headers = random.pick([
    isForServer ? REQUEST_BLOCK : REPLY_BLOCK,
    TRAILER_BLOCK,
    block([':status', '100']),
  ]);
  switch (random.below(13)) {
    case 0:
    case 1:
      return frame(TYPE.headers, END_HEADERS | end, streamId, headers);
    case 2: {
      const at = random.below(headers.length);
      return Buffer.concat([
        frame(TYPE.headers, end, streamId, headers.subarray(0, at)),
        frame(TYPE.continuation, END_HEADERS, streamId, headers.subarray(at)),
      ]);
    }
    case 3:
      return frame(
        TYPE.headers,
        END_HEADERS | PRIORITY | end,
        streamId,
        Buffer.concat([Buffer.alloc(5), headers]),
      );
    case 4:
    case 5:
      return frame(TYPE.data, end, streamId, random.bytes(random.below(300)));
    case 6:
      return frame(
        TYPE.data,
        PADDED | end,
        streamId,
        Buffer.concat([Buffer.from([random.below(20)]), random.bytes(20)]),
      );
    case 7:
      return frame(TYPE.reset, 0, streamId, uint32(random.below(16)));
    case 8:
      return settings([random.below(7), random.pick([0, 1, 100, 16_384, 65_535, 2 ** 31 - 1, 2 ** 31])]);
    case 9:
      return frame(
        random.pick([TYPE.settings, TYPE.ping]),
        ACK,
        0,
        random.once(2) ? Buffer.alloc(8) : undefined,
      );
    case 10:
      return frame(TYPE.ping, 0, 0, random.bytes(8));
    case 11:
      return frame(
        TYPE.windowUpdate,
        0,
        random.pick([0, streamId]),
        uint32(random.pick([0, 1, 1000, 2 ** 31 - 1])),
      );
    default:
      return random.once(3)
        ? frame(TYPE.goaway, 0, 0, Buffer.concat([uint32(random.below(12)), uint32(0)]))
        : frame(random.below(16), random.below(256), streamId, random.bytes(random.below(20)));
  }
}
