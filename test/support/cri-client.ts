// A CRI client on @grpc/grpc-js over a unix socket: an implementation of HTTP/2 and gRPC that shares no code with the
// proxy. Typed calls by RPC name, and raw calls by path and bytes, in both API versions.
import {
  Client,
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type StatusObject,
  type status as statusCodes,
} from '@grpc/grpc-js';
import { codecOf, type Request, type Response, type Rpc } from './cri-codec.ts';

/** What a call may carry beside its request. */
export interface CallOptions {
  /** How long the call may take; 60 s unless told. Sent as grpc-timeout. */
  readonly deadlineMs?: number;
  readonly metadata?: Readonly<Record<string, string | Buffer>>;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Told of each message of a raw call when it arrives. */
  readonly onMessage?: (message: Buffer) => void;
}

/** All of a reply, whatever its status. */
export interface RawReply {
  /** The messages of the reply: one for a unary call that went well. */
  readonly messages: Buffer[];
  /** The only message; throws when there is another number of them. */
  readonly bytes: Buffer;
  readonly headers: Metadata;
  readonly trailers: Metadata;
  readonly code: statusCodes;
  readonly details: string;
}

/** Thrown by typed calls: the status that the server sent. */
export class CriError extends Error {
  readonly code: statusCodes;
  readonly details: string;
  readonly trailers: Metadata;

  constructor(rpc: string, code: statusCodes, details: string, trailers: Metadata) {
    super(`${rpc}: code ${code}: ${details}`);
    this.code = code;
    this.details = details;
    this.trailers = trailers;
  }
}

export interface CriClientOptions {
  /** The package the paths name; v1 unless told. The messages are the same. */
  readonly version?: 'v1' | 'v1alpha2';
  /** The `:authority` of the calls; `localhost` unless told, as a current kubelet sends. */
  readonly authority?: string;
  /** Further channel options of grpc-js. */
  readonly channel?: ClientOptions;
}

const identity = (bytes: Buffer) => bytes;

/** One connection to a CRI socket. Close it, or declare it with `using`. */
export class CriClient implements Disposable {
  private readonly client: Client;
  private readonly version: 'v1' | 'v1alpha2';
  private readonly endedBy = new WeakMap<AbortSignal, Set<ClientReadableStream<Buffer>>>();

  constructor(socket: string, options: CriClientOptions = {}) {
    this.version = options.version ?? 'v1';
    this.client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.default_authority': options.authority ?? 'localhost',
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Without it grpc-js shares one connection between clients of the same socket.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 200,
      'grpc.enable_http_proxy': 0,
      ...options.channel,
    });
  }

  /** Resolves when the connection stands; throws when it does not within `timeoutMs`. */
  ready(timeoutMs = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      this.client.waitForReady(Date.now() + timeoutMs, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The path of an RPC in this client's API version. */
  pathOf(rpc: Rpc): string {
    return `/runtime.${this.version}.${codecOf(rpc).service}/${rpc}`;
  }

  /** Makes a unary call; throws CriError unless the status is OK. */
  async call<R extends Rpc>(rpc: R, request: Request<R>, options: CallOptions = {}): Promise<Response<R>> {
    const codec = codecOf(rpc);
    const reply = await this.rawCall(this.pathOf(rpc), codec.encode(request), options);
    if (reply.code !== 0) throw new CriError(rpc, reply.code, reply.details, reply.trailers);
    return codec.decode(reply.bytes);
  }

  /** Makes a server-streaming call: yields its messages, throws CriError unless it ends OK. Leaving the loop cancels. */
  async *stream<R extends Rpc>(
    rpc: R,
    request: Request<R>,
    options: CallOptions = {},
  ): AsyncGenerator<Response<R>, void, undefined> {
    const codec = codecOf(rpc);
    const call = this.open(this.pathOf(rpc), codec.encode(request), options);
    const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    try {
      // The status tells the error; the iteration would throw it once more.
      for await (const message of ignoringErrors(call)) yield codec.decode(message);
      const status = await ended;
      if (status.code !== 0) throw new CriError(rpc, status.code, status.details, status.metadata);
    } finally {
      call.cancel();
    }
  }

  /** Makes any call by path, with request bytes as they are, and gives all of its reply. Never throws for a status. */
  rawCall(path: string, request: Uint8Array, options: CallOptions = {}): Promise<RawReply> {
    return new Promise((resolve) => {
      const call = this.open(path, request, options);
      const messages: Buffer[] = [];
      let headers = new Metadata();
      call.on('metadata', (metadata) => {
        headers = metadata;
      });
      call.on('data', (message: Buffer) => {
        messages.push(message);
        options.onMessage?.(message);
      });
      call.on('error', () => undefined); // the same as the status
      call.on('status', (status) =>
        resolve({
          messages,
          get bytes() {
            const [only] = messages;
            if (only === undefined || messages.length > 1) {
              throw new Error(
                `${path} replied ${messages.length} messages, code ${status.code}: ${status.details}`,
              );
            }
            return only;
          },
          headers,
          trailers: status.metadata,
          code: status.code,
          details: status.details,
        }),
      );
    });
  }

  /** Ends the connection; calls in flight are cancelled. */
  close(): void {
    this.client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // On the wire a unary call is a stream of one message, so one way of opening serves both.
  private open(path: string, request: Uint8Array, options: CallOptions) {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    const call = this.client.makeServerStreamRequest(
      path,
      identity,
      identity,
      Buffer.from(request),
      metadata,
      {
        deadline: Date.now() + (options.deadlineMs ?? 60_000),
      },
    );
    if (options.signal !== undefined) this.cancelWith(options.signal, call);
    return call;
  }

  /** One listener for all calls that a signal ends: a signal with a listener for each is taken for a leak by Node. */
  private cancelWith(signal: AbortSignal, call: ClientReadableStream<Buffer>): void {
    const known = this.endedBy.get(signal);
    const calls = known ?? new Set();
    calls.add(call);
    call.on('status', () => calls.delete(call));
    if (known !== undefined) return;
    this.endedBy.set(signal, calls);
    signal.addEventListener('abort', () => {
      for (const each of calls) each.cancel();
    });
  }
}

async function* ignoringErrors(messages: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* messages;
  } catch {
    return;
  }
}
