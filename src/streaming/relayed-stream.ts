// One stream through the relay: the client's request goes to the backend with another path, and from then on bytes go
// both ways as they are. Only the heads are read; what follows, SPDY, WebSocket or a plain body, is not looked at.
import net from 'node:net';
import tls from 'node:tls';
import type { Clock } from '../clock.ts';
import { isLoopback } from '../config/address.ts';
import { excerpt } from '../quote.ts';
import { ownResponse, parseStatus, toLastResponse } from './head.ts';
import { breakOff, endSoon, isComplete, type ReadHead, readHead } from './sockets.ts';
import type { StreamTarget } from './stream-url.ts';

/** Longest head, either way. */
export const HEAD_AT_MOST_BYTES = 32 * 1024;
const CONNECT_MS = 10_000;
/** Finds peers that vanished without a word; a peer that is silent stays. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

export interface RelayedStreamOptions {
  readonly client: net.Socket;
  readonly target: StreamTarget;
  readonly backend: string;
  readonly clock: Clock;
  /** The request's head for the backend. */
  readonly head: string;
  /** What the client sent behind it. */
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
    const timer = clock.after(CONNECT_MS, () => {
      this.#trouble = `no connection within ${CONNECT_MS / 1_000} s`;
      upstream.destroy();
    });
    const onSettled = () => timer.cancel();
    upstream.once(options.target.isSecure ? 'secureConnect' : 'connect', onSettled).once('close', onSettled);
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
    const { client, head, rest } = this.#options;
    const upstream = this.#upstream;
    upstream.write(head, 'latin1');
    if (rest.length > 0) upstream.write(rest);
    client.pipe(upstream);
    for (;;) {
      const response = await readHead(upstream, HEAD_AT_MOST_BYTES);
      if (response.kind !== 'head') return this.#fail(response.kind);
      const status = parseStatus(response.head);
      if (status === undefined) return this.#fail('no-http');
      if (status === 101) {
        this.#couple(response.head, response.rest);
        return { kind: 'upgraded' };
      }
      if (status >= 200) {
        this.#answer(response.head, response.rest);
        return { kind: 'answered', status };
      }
      // 100 and the like: the answer is still to come.
      client.write(response.head, 'latin1');
      if (response.rest.length > 0) upstream.unshift(response.rest);
    }
  }

  /** From here on the stream belongs to its two ends: each direction ends by itself, none is ever cut for silence. */
  #couple(head: string, rest: Buffer): void {
    const { client } = this.#options;
    const upstream = this.#upstream;
    upstream.once('close', () => {
      if (!isComplete(upstream)) breakOff(client);
    });
    client.write(head, 'latin1');
    if (rest.length > 0) client.write(rest);
    upstream.pipe(client);
  }

  /**
   * Any other answer is the last on this connection, for the path of a second request would be another stream's. The
   * backend learns that no request follows, and closes behind its answer.
   */
  #answer(head: string, rest: Buffer): void {
    const { client, clock } = this.#options;
    const upstream = this.#upstream;
    client.unpipe(upstream);
    client.resume();
    client.write(toLastResponse(head), 'latin1');
    if (rest.length > 0) client.write(rest);
    upstream.pipe(client, { end: false });
    upstream.once('close', () => {
      if (isComplete(upstream)) endSoon(client, clock);
      else breakOff(client);
    });
    upstream.end();
  }

  #fail(why: Exclude<ReadHead['kind'], 'head'> | 'no-http'): StreamStart {
    const { client, clock, backend, target } = this.#options;
    if (client.destroyed) return { kind: 'left' };
    const reason = this.#trouble ?? FAULTS[why];
    this.#upstream.destroy();
    client.unpipe(this.#upstream);
    const text = `backend ${backend} does not answer at ${excerpt(target.authority)}: ${reason}. Ask for a new stream, or look at its log`;
    endSoon(client, clock, ownResponse(502, text));
    return { kind: 'failed', reason };
  }
}

const FAULTS = {
  ended: 'it closed the connection without an answer',
  'too-long': `the head of its answer has no end within ${HEAD_AT_MOST_BYTES / 1024} KiB`,
  'no-http': 'its answer is not HTTP/1.1',
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
