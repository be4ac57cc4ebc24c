// An HTTP/2 peer that sends exactly the bytes a test tells it to, right or wrong, and shows the frames it gets.
// It is independent of src/http2: its own frame writer, and header blocks without compression.
import { once } from 'node:events';
import net from 'node:net';
import { until } from './until.ts';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 0x20;

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** The bytes of one frame. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function settings(...pairs: (readonly [id: number, value: number])[]): Buffer {
  return frame(
    TYPE.settings,
    0,
    0,
    Buffer.concat(
      pairs.map(([id, value]) => {
        const bytes = Buffer.alloc(6);
        bytes.writeUInt16BE(id);
        bytes.writeUInt32BE(value, 2);
        return bytes;
      }),
    ),
  );
}

/** A header block of literals without indexing and without Huffman coding. */
export function block(...fields: (readonly [name: string, value: string])[]): Buffer {
  const string = (text: string) => {
    const size = text.length;
    if (size < 127) return Buffer.concat([Buffer.from([size]), Buffer.from(text, 'latin1')]);
    const bytes = [127];
    let rest = size - 127;
    for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
    return Buffer.concat([Buffer.from(bytes), Buffer.from(text, 'latin1')]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), string(name), string(value)]));
}

export const REQUEST = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a.B/C'],
  [':authority', 'localhost'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

/** One end of a unix connection, spoken by hand. */
export class RawPeer implements Disposable {
  readonly socket: net.Socket;
  readonly frames: RawFrame[] = [];
  isEnded = false;
  private rest: Buffer = Buffer.alloc(0);
  private isPrefaceAwaited: boolean;

  constructor(socket: net.Socket, options: { readonly expectsPreface: boolean }) {
    this.socket = socket;
    this.isPrefaceAwaited = options.expectsPreface;
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isEnded = true;
    });
    socket.on('end', () => {
      this.isEnded = true;
    });
  }

  /** Connects to a server at `path` and says nothing yet. */
  static async dial(path: string): Promise<RawPeer> {
    const socket = net.connect(path);
    await once(socket, 'connect');
    return new RawPeer(socket, { expectsPreface: false });
  }

  /** Connects to a server at `path` and says the preface and `hello`, by default empty SETTINGS. */
  static async connect(path: string, ...hello: Buffer[]): Promise<RawPeer> {
    const peer = await RawPeer.dial(path);
    peer.send(PREFACE, ...(hello.length > 0 ? hello : [settings()]));
    return peer;
  }

  send(...parts: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  /** Waits for the first frame, from `from` on, that fits. */
  async received(what: string, fits: (frame: RawFrame) => boolean, from = 0): Promise<RawFrame> {
    let found: RawFrame | undefined;
    await until(() => {
      found = this.frames.slice(from).find(fits);
      return found !== undefined || this.isEnded;
    }, `the raw peer got ${what}`);
    if (found === undefined) throw new Error(`the connection ended without ${what}`);
    return found;
  }

  /** Waits for GOAWAY; its error code. */
  async goawayCode(): Promise<number> {
    return (await this.received('GOAWAY', (f) => f.type === TYPE.goaway)).payload.readUInt32BE(4);
  }

  /** Waits for RST_STREAM on a stream; its error code. */
  async resetCode(streamId: number): Promise<number> {
    const isReset = (f: RawFrame) => f.type === TYPE.reset && f.streamId === streamId;
    return (await this.received(`RST_STREAM on ${streamId}`, isReset)).payload.readUInt32BE(0);
  }

  /** Sends a PING and waits for its ack: all that was sent before is handled then. */
  async roundTrip(): Promise<void> {
    const from = this.frames.length;
    this.send(frame(TYPE.ping, 0, 0, Buffer.from('roundabt')));
    await this.received('a PING ack', (f) => f.type === TYPE.ping && f.flags === ACK, from);
  }

  /** The DATA that came for a stream so far. */
  data(streamId: number): Buffer {
    return Buffer.concat(
      this.frames.filter((f) => f.type === TYPE.data && f.streamId === streamId).map((f) => f.payload),
    );
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    if (this.isPrefaceAwaited) {
      if (this.rest.length < PREFACE.length) return;
      if (!this.rest.subarray(0, PREFACE.length).equals(PREFACE)) throw new Error('no preface');
      this.rest = this.rest.subarray(PREFACE.length);
      this.isPrefaceAwaited = false;
    }
    while (this.rest.length >= 9) {
      const end = 9 + this.rest.readUIntBE(0, 3);
      if (this.rest.length < end) return;
      this.frames.push({
        type: this.rest[3] as number,
        flags: this.rest[4] as number,
        streamId: this.rest.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.rest.subarray(9, end)),
      });
      this.rest = this.rest.subarray(end);
    }
  }
}
