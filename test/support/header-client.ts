// A gRPC client on our own HTTP/2 that says how long a header list it takes. grpc-js cannot: nghttp2 takes no field over
// 64 KiB, and what it announces is not what it takes.
import { pathFor } from '../../src/cri/versions.ts';
import { framed } from '../../src/grpc/message.ts';
import { backendRequestFields } from '../../src/grpc/metadata.ts';
import { decodeStatusMessage } from '../../src/grpc/status.ts';
import { ClientConnection } from '../../src/http2/client.ts';
import { codecOf, type Request, type Rpc } from './cri-codec.ts';
import { clientLog, Recorder } from './http2-recorder.ts';

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
    const recorder = this.open(rpc, request);
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

  /** Begins a call whose answer need not end. */
  open<R extends Rpc>(rpc: R, request: Request<R>): Recorder {
    const recorder = new Recorder();
    const stream = this.connection.open(recorder);
    recorder.stream = stream;
    const body = framed(codecOf(rpc).encode(request));
    stream.sendHeaders(backendRequestFields(pathFor('RuntimeService', rpc, 'v1'), [], undefined), false);
    stream.sendData(body, 0, body.length, true);
    return recorder;
  }

  [Symbol.dispose](): void {
    this.connection.close();
  }
}
