// The client side of Exec over SPDY/3.1, as kubectl and the kubelet speak it: a stream for each of stdin, stdout, stderr
// and the final status inside one connection. Written for tests: it reads what it needs of the answers and no more.
import { once } from 'node:events';
import type net from 'node:net';
import { openStream } from './stream-client.ts';

const SYN_STREAM = 1;
const PING = 6;
const FIN = 1;
/** Of one compressed block; longer ones would have to be split. */
const STORED_AT_MOST_BYTES = 0xffff;

export type SpdyChannel = 'error' | 'stdin' | 'stdout' | 'stderr';

/** An open connection with its streams. */
export class SpdyStream implements Disposable {
  readonly #socket: net.Socket;
  /** By stream id: the client's have odd ones. */
  readonly #channels: readonly SpdyChannel[];
  readonly #received = new Map<number, Buffer[]>();
  #held: Buffer;
  #hasHeaders = false;

  private constructor(socket: net.Socket, channels: readonly SpdyChannel[], rest: Buffer) {
    this.#socket = socket;
    this.#channels = channels;
    this.#held = rest;
    for (const [at, channel] of channels.entries()) this.#open(1 + 2 * at, { streamtype: channel });
    this.#read();
    socket.on('data', (chunk: Buffer) => {
      this.#held = Buffer.concat([this.#held, chunk]);
      this.#read();
    });
    socket.resume();
  }

  /** Opens the channels at a URL of ExecResponse or AttachResponse. Throws when the answer is not 101. */
  static async open(url: string, channels: readonly SpdyChannel[]): Promise<SpdyStream> {
    const { socket, head, rest } = await openStream(url);
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no stream: ${head}${rest}`);
    if (!/^x-stream-protocol-version: v4\.channel\.k8s\.io\r$/im.test(head)) throw new Error(head);
    return new SpdyStream(socket, channels, rest);
  }

  /** What came so far on a channel. */
  bytes(channel: SpdyChannel): Buffer {
    return Buffer.concat(this.#received.get(this.#idOf(channel)) ?? []);
  }

  /** Sends bytes on a channel, at the pace of the other side; `isLast` ends it and leaves the others open. */
  async send(channel: SpdyChannel, bytes: Uint8Array, isLast = false): Promise<void> {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(this.#idOf(channel), 0);
    head.writeUInt32BE(((isLast ? FIN : 0) << 24) | bytes.length, 4);
    if (!this.#socket.write(Buffer.concat([head, bytes]))) await once(this.#socket, 'drain');
  }

  /** Resolves when the other side has closed the connection, which a server does once it has given the status. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('end', resolve).once('close', () => resolve());
      if (this.#socket.readableEnded || this.#socket.destroyed) resolve();
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #idOf(channel: SpdyChannel): number {
    return 1 + 2 * this.#channels.indexOf(channel);
  }

  #open(id: number, headers: Readonly<Record<string, string>>): void {
    const words: Buffer[] = [number32(Object.keys(headers).length)];
    for (const text of Object.entries(headers).flat()) words.push(number32(text.length), Buffer.from(text));
    const block = this.#stored(Buffer.concat(words));
    // Stream, no parent, priority 0.
    const body = Buffer.concat([number32(id), number32(0), Buffer.alloc(2), block]);
    this.#socket.write(control(SYN_STREAM, body));
  }

  /**
   * A block of the connection's zlib stream that holds its bytes as they are: no dictionary, nothing to compress. The
   * empty block behind it lets the server read it at once.
   */
  #stored(bytes: Buffer): Buffer {
    if (bytes.length > STORED_AT_MOST_BYTES) throw new Error('too long for one block');
    const start = this.#hasHeaders ? [] : [0x78, 0x01];
    this.#hasHeaders = true;
    const sizes = Buffer.alloc(4);
    sizes.writeUInt16LE(bytes.length, 0);
    sizes.writeUInt16LE(~bytes.length & 0xffff, 2);
    return Buffer.concat([Buffer.of(...start, 0), sizes, bytes, Buffer.of(0, 0, 0, 0xff, 0xff)]);
  }

  /** Takes all whole frames off what is held. */
  #read(): void {
    while (this.#held.length >= 8) {
      const first = this.#held.readUInt32BE(0);
      const sizeBytes = this.#held.readUInt32BE(4) & 0xffffff;
      if (this.#held.length < 8 + sizeBytes) return;
      const frame = this.#held.subarray(0, 8 + sizeBytes);
      this.#held = this.#held.subarray(8 + sizeBytes);
      const isControl = first >= 0x80000000;
      if (!isControl) {
        const chunks = this.#received.get(first) ?? [];
        this.#received.set(first, [...chunks, frame.subarray(8)]);
      } else if ((first & 0xffff) === PING) this.#socket.write(frame);
    }
  }
}

function control(type: number, body: Buffer): Buffer {
  return Buffer.concat([number32(0x80030000 + type), number32(body.length), body]);
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
