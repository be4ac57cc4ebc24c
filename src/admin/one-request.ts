// What Node's HTTP server gets in place of a client's connection: one head to read, and a way back for the answer. What
// the client sends behind its head is not read before the answer is sent, and then thrown away.
import type net from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { endSoon } from '../streaming/sockets.ts';

type Done = (error?: Error | null) => void;

/** Ends with the client's socket, and ends it. */
export class OneRequest extends Duplex {
  readonly #socket: net.Socket;
  readonly #clock: Clock;

  /** Of a socket that is paused behind `head`, which is latin1. */
  constructor(socket: net.Socket, clock: Clock, head: string) {
    super();
    this.#socket = socket;
    this.#clock = clock;
    // No end follows: for Node that would be a client that has left.
    this.push(head, 'latin1');
    socket.once('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done): void {
    const last = chunks.pop();
    this.#socket.cork();
    for (const { chunk } of chunks) this.#socket.write(chunk);
    this.#socket.write(last?.chunk ?? '', done);
    this.#socket.uncork();
  }

  override _final(done: Done): void {
    endSoon(this.#socket, this.#clock);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    endSoon(this.#socket, this.#clock);
    done(error);
  }
}
