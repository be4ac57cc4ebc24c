// A gRPC client on our own HTTP/2 that says how long a header list it takes. grpc-js cannot: nghttp2 takes no field over
// 64 KiB, and what it announces is not what it takes.
import { pathFor } from '../../src/cri/versions.ts';
import { framed } from '../../src/grpc/message.ts';
import { backendRequestFields } from '../../src/grpc/metadata.ts';
import { decodeStatusMessage } from '../../src/grpc/status.ts';
import { ClientConnection } from '../../src/http2/client.ts';
import { codecOf, type Request, type Rpc } from './cri-codec.ts';
import { clientLog, type Pair, Recorder, toFields } from './http2-recorder.ts';

/** How a call ended. */
export interface HeaderReply {
  readonly code: number;
  readonly message: string;
  /** Of the last header list, which also carries the two above. */
  readonly trailers: ReadonlyMap<string, string>;
  /** The last header list as RFC 7541 section 4.1 counts it. */
  readonly listBytes: number;
}

export class HeaderClient implements Disposable {
  readonly log = clientLog();
  private readonly connection: ClientConnection;

  /** `limitBytes` is announced and kept: 16 MiB by default, as grpc-go takes. */
  constructor(socket: string, limitBytes?: number) {
    const limits = limitBytes === undefined ? {} : { headerListSizeBytes: limitBytes };
    this.connection = ClientConnection.connect(socket, { ...this.log, limits });
  }

  /** Calls an RPC of the runtime service; throws when its stream is broken off. */
  async call<R extends Rpc>(rpc: R, request: Request<R>): Promise<HeaderReply> {
    return replyOf(this.open(rpc, request));
  }

  /** Begins a call whose answer need not end. */
  open<R extends Rpc>(rpc: R, request: Request<R>): Recorder {
    return this.send(pathFor('RuntimeService', rpc, 'v1'), [], codecOf(rpc).encode(request));
  }

  /** Calls any path, with an empty message. */
  async callPath(path: string, metadata: readonly Pair[] = []): Promise<HeaderReply> {
    return replyOf(this.send(path, metadata, new Uint8Array()));
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }

  private send(path: string, metadata: readonly Pair[], message: Uint8Array): Recorder {
    const recorder = new Recorder();
    const stream = this.connection.open(recorder);
    recorder.stream = stream;
    const body = framed(message);
    stream.sendHeaders(backendRequestFields(path, toFields(metadata), undefined), false);
    stream.sendData(body, 0, body.length, true);
    return recorder;
  }
}

async function replyOf(recorder: Recorder): Promise<HeaderReply> {
  await recorder.whole();
  const pairs = recorder.headers.at(-1) ?? [];
  const trailers = new Map(pairs);
  return {
    code: Number(trailers.get('grpc-status')),
    message: decodeStatusMessage(trailers.get('grpc-message') ?? ''),
    trailers,
    listBytes: pairs.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0),
  };
}
