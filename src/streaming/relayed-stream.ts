// One stream through the relay: the client's request goes to the backend with another path. Only behind a 101 bytes go
// both ways, as they are and unread; until then nothing but this one request reaches the backend.
import net from 'node:net';
import tls from 'node:tls';
import type { Clock, Timer } from '../clock.ts';
import { isLoopback } from '../config/address.ts';
import { excerpt } from '../quote.ts';
import { AnswerBody, type BodyLength, parseAnswer } from './answer.ts';
import { ownResponse, toLastResponse } from './head.ts';
import { breakOff, endSoon, isComplete, readHead } from './sockets.ts';
import type { StreamTarget } from './stream-url.ts';

/** Longest head, either way. */
export const HEAD_AT_MOST_BYTES = 32 * 1024;
const CONNECT_MS = 10_000;
/** For the 101, or for all of another answer: as long as a token lives. A runtime answers before it runs anything. */
const ANSWER_MS = 60_000;
/** Answers with a status below 200 before the one that counts. */
const FIRST_LINES_AT_MOST = 8;
/** Finds peers that vanished without a word; a peer that is silent stays. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

export interface RelayedStreamOptions {
  readonly client: net.Socket;
  readonly target: StreamTarget;
  readonly backend: string;
  readonly clock: Clock;
  /** The request's head for the backend. */
  readonly head: string;
  /** What the client sent behind it: for the other end of the stream, once there is one. */
  readonly rest: Buffer;
}

/** How the backend took the request. */
export type StreamStart =
  | { readonly kind: 'upgraded' }
  /** With an answer of its own, which the client has got. */
  | { readonly kind: 'answered'; readonly status: number }
  /** Not at all; the client was told. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It is not known: the client left before. */
  | { readonly kind: 'left' };

export class RelayedStream {
  /** Settles when it is known how the backend takes the request. */
  readonly started: Promise<StreamStart>;
  /** Settles when both connections are gone. */
  readonly ended: Promise<void>;
  readonly #options: RelayedStreamOptions;
  readonly #upstream: net.Socket;
  readonly #answerTimer: Timer;
  #trouble: string | undefined;

  constructor(options: RelayedStreamOptions) {
    const { client, clock } = options;
    this.#options = options;
    const upstream = connect(options.target);
    this.#upstream = upstream;
    upstream.on('error', (error) => {
      this.#trouble ??= error.message;
      // A TLS connection that was never made reports an error and does not always close.
      upstream.destroy();
    });
    const giveUpAfter = (delayMs: number, what: string) =>
      clock.after(delayMs, () => {
        this.#trouble ??= `no ${what} within ${delayMs / 1_000} s`;
        upstream.destroy();
      });
    const connecting = giveUpAfter(CONNECT_MS, 'connection');
    this.#answerTimer = giveUpAfter(ANSWER_MS, 'answer');
    upstream.once(options.target.isSecure ? 'secureConnect' : 'connect', () => connecting.cancel());
    upstream.once('close', () => {
      connecting.cancel();
      this.#answerTimer.cancel();
    });
    client.once('close', () => {
      if (!isComplete(client)) breakOff(upstream);
    });
    this.ended = Promise.all([closed(client), closed(upstream)]).then(() => undefined);
    this.started = this.#start();
  }

  /** Bytes that went each way, heads included. */
  get bytes(): { readonly toBackendBytes: number; readonly toClientBytes: number } {
    return {
      toBackendBytes: this.#options.client.bytesRead,
      toClientBytes: this.#options.client.bytesWritten,
    };
  }

  /** Ends it on both sides at once. */
  cut(): void {
    breakOff(this.#options.client);
    breakOff(this.#upstream);
  }

  async #start(): Promise<StreamStart> {
    const { client, head } = this.#options;
    const upstream = this.#upstream;
    upstream.write(head, 'latin1');
    for (let firstLines = 0; firstLines <= FIRST_LINES_AT_MOST; firstLines++) {
      const response = await readHead(upstream, HEAD_AT_MOST_BYTES);
      if (response.kind !== 'head') return this.#fail(response.kind);
      const answer = parseAnswer(response.head);
      if (answer === undefined) return this.#fail('no-http');
      if (answer.status === 101) {
        this.#couple(response.head, response.rest);
        return { kind: 'upgraded' };
      }
      if (answer.status >= 200) {
        this.#answer(response.head, response.rest, answer.body);
        return { kind: 'answered', status: answer.status };
      }
      // 100 and the like: the answer is still to come.
      client.write(response.head, 'latin1');
      if (response.rest.length > 0) upstream.unshift(response.rest);
    }
    return this.#fail('too-many');
  }

  /** From here on the stream belongs to its two ends: each direction ends by itself, none is ever cut for silence. */
  #couple(head: string, fromBackend: Buffer): void {
    const { client, rest } = this.#options;
    const upstream = this.#upstream;
    this.#answerTimer.cancel();
    upstream.once('close', () => {
      if (!isComplete(upstream)) breakOff(client);
    });
    client.write(head, 'latin1');
    if (fromBackend.length > 0) client.write(fromBackend);
    upstream.pipe(client);
    if (rest.length > 0) upstream.write(rest);
    client.pipe(upstream);
  }

  /**
   * Any other answer is the last on this connection, for the path of a second request would be another stream's. It
   * ends where it says so; what a backend sends behind it answers nothing that was asked here.
   */
  #answer(head: string, rest: Buffer, length: BodyLength): void {
    const { client, clock } = this.#options;
    const upstream = this.#upstream;
    const body = new AnswerBody(length);
    const settle = (isWhole: boolean) => {
      if (isWhole) endSoon(client, clock);
      else breakOff(client);
      upstream.destroy();
    };
    const onData = (piece: Buffer) => {
      const sizeBytes = body.take(piece);
      if (sizeBytes > 0 && !client.write(piece.subarray(0, sizeBytes))) upstream.pause();
      if (body.end !== 'open') {
        upstream.off('data', onData);
        settle(body.end === 'whole');
      }
    };
    client.resume(); // unread it would make the system cut the connection under the answer
    client.write(toLastResponse(head), 'latin1');
    client.on('drain', () => upstream.resume());
    upstream.once('end', () => settle(length.kind === 'close'));
    upstream.once('close', () => {
      if (!client.writableEnded) breakOff(client);
    });
    onData(rest);
    if (body.end === 'open') upstream.on('data', onData).resume();
  }

  #fail(why: keyof typeof FAULTS): StreamStart {
    const { client, clock, backend, target } = this.#options;
    if (client.destroyed) return { kind: 'left' };
    const reason = this.#trouble ?? FAULTS[why];
    this.#upstream.destroy();
    const text = `backend ${backend} does not answer at ${excerpt(target.authority)}: ${reason}. Ask for a new stream, or look at its log`;
    endSoon(client, clock, ownResponse(502, text));
    return { kind: 'failed', reason };
  }
}

const FAULTS = {
  ended: 'it closed the connection without an answer',
  'too-long': `the head of its answer has no end within ${HEAD_AT_MOST_BYTES / 1024} KiB`,
  'no-http': 'its answer is not HTTP/1.1, or does not say where it ends',
  'too-many': 'it sends first lines of answers and no answer',
} as const;

/**
 * containerd makes itself a certificate that no authority knows. On the loopback address TLS protects from nobody
 * who could not do worse, so it is not asked who signed; on any other it is.
 */
function connect({ isSecure, host, port }: StreamTarget): net.Socket {
  const options = { host, port, allowHalfOpen: true, noDelay: true, ...KEEP_ALIVE };
  if (!isSecure) return net.connect(options);
  const servername = net.isIP(host) === 0 ? host : '';
  return tls.connect({
    ...options,
    servername,
    rejectUnauthorized: !isLoopback(host),
    ALPNProtocols: ['http/1.1'],
  });
}

function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}
