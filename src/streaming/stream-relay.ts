// The relay: one TCP port whose URLs stand for the streams of all backends. app.ts starts it when the config asks for
// it; a client's Exec, Attach or PortForward is answered with a URL of it, and the client's connection arrives here.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Clock } from '../clock.ts';
import { toHostPort } from '../config/address.ts';
import type { BackendConfig, TcpAddress } from '../config/config.ts';
import type { StreamKind } from '../cri/methods.ts';
import { StartError } from '../errors.ts';
import type { ConnectionLimit, LimitedConnection } from '../listeners/connection-limit.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type OwnStatus, ownResponse, parseRequest, redirectRequest } from './head.ts';
import { HEAD_AT_MOST_BYTES, KEEP_ALIVE, RelayedStream } from './relayed-stream.ts';
import { endSoon, readHead } from './sockets.ts';
import { type StreamTarget, toTarget, toWholeUrl } from './stream-url.ts';
import type { Streams } from './streams.ts';
import { Tokens } from './tokens.ts';

/** How long a client may take to send the head of its request. */
const HEAD_MS = 10_000;
/** Connections that have not sent it yet; then the oldest goes, so that idle ones keep nobody out. */
const WAITING_AT_MOST = 100;
const STREAMS_AT_MOST = 1_000;

export interface StreamRelayOptions {
  readonly address: TcpAddress;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counts: Pick<Metrics, 'streamRequested' | 'streamOpened' | 'streamClosed'>;
  /** Connections that clients may have. */
  readonly limit: ConnectionLimit;
  /** Streams open at once; default 1000. */
  readonly streamsAtMost?: number;
}

/** A stream that a client may open. */
interface Ticket {
  readonly kind: StreamKind;
  readonly backend: string;
  readonly target: StreamTarget;
}

/** Starts it. Throws StartError when the address cannot be had. */
export async function startStreamRelay(options: StreamRelayOptions): Promise<StreamRelay> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true, ...KEEP_ALIVE });
  const { host, port } = options.address;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new StartError(
          `the relay of streams cannot listen on ${toHostPort(options.address)}: ${error.message}`,
          {
            hint: 'Change streamingAddress in the config, or end the program that holds the address',
            cause: error,
          },
        ),
      ),
    );
    server.listen({ host, port }, resolve);
  });
  return new StreamRelay(server, options);
}

/** The running relay. */
export class StreamRelay implements Streams {
  /** host:port, with the real port when 0 was asked for. */
  readonly address: string;
  readonly #server: net.Server;
  readonly #options: StreamRelayOptions;
  readonly #tokens: Tokens<Ticket>;
  readonly #clients = new Set<net.Socket>();
  /** Those whose request has not come. */
  readonly #waiting = new Set<net.Socket>();
  readonly #streams = new Set<RelayedStream>();

  /** Of a server that listens. */
  constructor(server: net.Server, options: StreamRelayOptions) {
    const { host } = options.address;
    this.address = toHostPort({ host, port: (server.address() as net.AddressInfo).port });
    this.#server = server;
    this.#options = options;
    this.#tokens = new Tokens({
      clock: options.clock,
      newToken: () => randomBytes(24).toString('base64url'),
    });
    server.on('error', (error) => options.log.error({ err: error }, 'the relay of streams has an error'));
    server.on('connection', (client) => {
      client.on('error', () => client.destroy());
      if (!this.#admit(client)) return;
      this.#accept(client).catch((error: unknown) => {
        options.log.error({ err: error }, 'unexpected error in a stream');
        client.destroy();
      });
    });
  }

  /** A URL of the relay that is good for one connection within a minute. An empty one stays empty: there is no stream. */
  urlOf(kind: StreamKind, backend: BackendConfig, url: string, client: object): string {
    if (url === '') return url;
    const target = toTarget(toWholeUrl(url, backend.streamingBase, backend.name), backend.name);
    const token = this.#tokens.issue(kind, { kind, backend: backend.name, target }, client);
    return `http://${this.address}/${kind}/${token}`;
  }

  async drain(): Promise<void> {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
    while (this.#streams.size > 0) await Promise.all([...this.#streams].map((stream) => stream.ended));
  }

  close(): void {
    this.#server.close();
    for (const stream of this.#streams) stream.cut();
    for (const socket of this.#clients) socket.destroy();
  }

  #admit(client: net.Socket): boolean {
    const { limit } = this.#options;
    if (!limit.makeRoom()) {
      client.destroy();
      return false;
    }
    const waiting = this.#waiting;
    const connection: LimitedConnection = {
      get standing() {
        if (client.destroyed || client.writableEnded) return 'leaving';
        return waiting.has(client) ? 'silent' : 'busy';
      },
      dismiss: () => client.destroy(),
    };
    client.once('close', () => {
      this.#clients.delete(client);
      limit.delete(connection);
    });
    this.#clients.add(client);
    limit.add(connection);
    return true;
  }

  async #accept(client: net.Socket): Promise<void> {
    const { clock } = this.#options;
    const [oldest] = this.#waiting;
    if (this.#waiting.size >= WAITING_AT_MOST) oldest?.destroy();
    this.#waiting.add(client);
    const timer = clock.after(HEAD_MS, () =>
      this.#refuse(client, 408, `no request came within ${HEAD_MS / 1_000} s`),
    );
    const request = await readHead(client, HEAD_AT_MOST_BYTES);
    timer.cancel();
    this.#waiting.delete(client);
    if (client.writableEnded) return;
    if (request.kind === 'head') await this.#open(client, request.head, request.rest);
    else if (request.kind === 'ended') client.destroy();
    else {
      const text = `the head of the request is longer than ${HEAD_AT_MOST_BYTES / 1024} KiB`;
      this.#refuse(client, 431, text);
    }
  }

  async #open(client: net.Socket, head: string, rest: Buffer): Promise<void> {
    const line = parseRequest(head);
    if (line.kind === 'refused') {
      this.#refuse(client, line.status, line.why);
      return;
    }
    const [, kind = '', token = ''] = /^\/(exec|attach|portforward)\/([\w-]+)$/.exec(line.path) ?? [];
    const ticket = this.#tokens.take(kind, token);
    if (ticket === undefined) {
      this.#refuse(client, 404, UNKNOWN_TOKEN, kind);
      return;
    }
    const { clock, streamsAtMost = STREAMS_AT_MOST } = this.#options;
    if (this.#streams.size >= streamsAtMost) {
      this.#refuse(client, 503, `${streamsAtMost} streams are open, which is the most`, kind);
      return;
    }
    const { target, backend } = ticket;
    const path = line.query === '' ? target.path : `${target.path}${withQuery(target.path, line.query)}`;
    const toBackend = redirectRequest(head, path, target.authority);
    await this.#watch(new RelayedStream({ client, target, backend, clock, head: toBackend, rest }), ticket);
  }

  async #watch(stream: RelayedStream, { kind, backend }: Ticket): Promise<void> {
    const { counts, log, clock } = this.#options;
    const sinceMs = clock.now();
    this.#streams.add(stream);
    const start = await stream.started;
    counts.streamRequested(kind, backend, start.kind);
    if (start.kind === 'upgraded') {
      counts.streamOpened(kind, backend);
      log.info({ kind, backend }, 'stream opened');
    } else if (start.kind !== 'left') log.warn({ backend, ...start, kind }, 'a backend opened no stream');
    await stream.ended;
    this.#streams.delete(stream);
    if (start.kind !== 'upgraded') return;
    counts.streamClosed(kind, backend);
    log.info({ kind, backend, ms: Math.round(clock.now() - sinceMs), ...stream.bytes }, 'stream ended');
  }

  #refuse(client: net.Socket, status: OwnStatus, text: string, kind = ''): void {
    const { counts, log, clock } = this.#options;
    counts.streamRequested(kind === '' ? 'none' : kind, 'none', 'refused');
    log.debug({ kind, status }, 'a request for a stream was refused');
    endSoon(client, clock, ownResponse(status, text));
  }
}

const UNKNOWN_TOKEN =
  'there is no such stream: its URL was used before, is older than a minute, or was given out before a restart. Ask for a new one with Exec, Attach or PortForward';

/** A client's own query goes behind that of the backend's URL. */
function withQuery(path: string, query: string): string {
  return path.includes('?') ? `&${query.slice(1)}` : query;
}
