// A stream's receiver that keeps what it gets, and a server on a socket of its own whose streams record.
import net from 'node:net';
import type { ClientOptions } from '../../src/http2/client.ts';
import type { ConnectionError } from '../../src/http2/connection-error.ts';
import { Field } from '../../src/http2/field.ts';
import { ServerConnection, type ServerOptions } from '../../src/http2/server.ts';
import type { Stream, StreamAbort, StreamReceiver } from '../../src/http2/stream.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

export type Pair = readonly [name: string, value: string];

export function toFields(pairs: readonly Pair[]): Field[] {
  return pairs.map(([name, value]) => new Field(name, value));
}

/** Records a stream; credits DATA at once unless told not to. */
export class Recorder implements StreamReceiver {
  stream: Stream | undefined;
  readonly headers: Pair[][] = [];
  readonly chunks: Buffer[] = [];
  isEnded = false;
  drains = 0;
  abort: StreamAbort | undefined;
  consumes = true;
  onEnd: (() => void) | undefined;

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onHeaders(fields: readonly Field[], endStream: boolean): void {
    this.headers.push(fields.map(({ name, value }) => [name, value] as const));
    if (endStream) this.end();
  }

  onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    this.chunks.push(Buffer.from(buffer.subarray(start, end)));
    if (this.consumes) this.stream?.consume(end - start);
    if (endStream) this.end();
  }

  onDrain(): void {
    this.drains++;
  }

  onAborted(reason: StreamAbort): void {
    this.abort = reason;
  }

  /** Waits until the peer ended the stream. */
  async whole(): Promise<void> {
    await until(() => this.isEnded || this.abort !== undefined, 'a stream ended');
    if (this.abort !== undefined) throw new Error(`aborted: ${JSON.stringify(this.abort)}`);
  }

  private end(): void {
    this.isEnded = true;
    this.onEnd?.();
  }
}

/** A server of ours on a unix socket. */
export interface RecordingServer extends AsyncDisposable {
  readonly path: string;
  readonly connections: ServerConnection[];
  /** In the order in which they were opened, over all connections. */
  readonly streams: Recorder[];
  readonly closes: { readonly reason: string; readonly error: ConnectionError | undefined }[];
  readonly errors: unknown[];
}

/** `onStream` may change the recorder before it gets the request's headers. */
export async function recordingServer(
  options: Partial<ServerOptions> = {},
  onStream: (recorder: Recorder, stream: Stream) => void = () => {},
): Promise<RecordingServer> {
  const dir = await tempDir();
  const path = dir.file('s');
  const connections: ServerConnection[] = [];
  const streams: Recorder[] = [];
  const closes: RecordingServer['closes'] = [];
  const errors: unknown[] = [];
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    connections.push(
      ServerConnection.accept(socket, {
        accept: (stream) => {
          const recorder = new Recorder();
          recorder.stream = stream;
          streams.push(recorder);
          onStream(recorder, stream);
          return recorder;
        },
        onClose: (reason, error) => closes.push({ reason, error }),
        onError: (error) => errors.push(error),
        ...options,
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    connections,
    streams,
    closes,
    errors,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Options of a client that records what it is told. */
export interface ClientLog extends ClientOptions {
  isReady: boolean;
  slots: number;
  goaways: number;
  closed: { reason: string; error: ConnectionError | undefined } | undefined;
}

export function clientLog(options: Partial<ClientOptions> = {}): ClientLog {
  const log: ClientLog = {
    isReady: false,
    slots: 0,
    goaways: 0,
    closed: undefined,
    onReady: () => {
      log.isReady = true;
    },
    onSlot: () => {
      log.slots++;
    },
    onGoaway: () => {
      log.goaways++;
    },
    onClose: (reason, error) => {
      log.closed = { reason, error };
    },
    ...options,
  };
  return log;
}
