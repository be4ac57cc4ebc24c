// The life of a connection: its socket, its input as batches, its end. What the bytes mean is above, in
// connection.ts and stream-table.ts.
import type { Socket } from 'node:net';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { beginBatch, endBatch } from './batch.ts';
import { type ConnectionError, ERROR_CODE, errorCodeName, toConnectionError } from './connection-error.ts';
import { FRAME, writeUint32 } from './frame.ts';
import { FrameReader, type FrameReceiver } from './frame-reader.ts';
import { DEFAULT_LIMITS, type Http2Limits } from './limits.ts';
import type { ListenerBudget } from './listener-budget.ts';
import { Output, type OutputOwner } from './output.ts';

/** What both roles are told and tell. */
export interface ConnectionOptions {
  readonly limits?: Partial<Http2Limits>;
  readonly clock?: Clock;
  /** What it shares with the other connections of its listener. Default: nothing. */
  readonly budget?: ListenerBudget;
  /**
   * The connection serves nothing any more; all its streams were aborted before. Called once. `error` only when the
   * peer broke the protocol or a limit (or we have a bug: INTERNAL_ERROR), not when it just left.
   */
  readonly onClose: (reason: string, error: ConnectionError | undefined) => void;
  /** A receiver threw; its stream was reset. Without this the error is dropped. */
  readonly onError?: (error: unknown) => void;
}

// How long a closed connection's socket may take to send its last bytes.
const LINGER_MS = 1000;
const MAX_DEBUG_BYTES = 200;

/** A socket that carries frames, until it is closed by either side. */
export abstract class Transport implements OutputOwner {
  /** For streams: where frames go. */
  readonly output: Output;
  /** Chunks of input so far: while it stays as it is, the peer is silent. */
  readCount = 0;

  protected readonly socket: Socket;
  protected readonly limits: Http2Limits;
  protected readonly clock: Clock;
  protected isClosed = false;

  private readonly options: ConnectionOptions;
  private reader: FrameReader | undefined;
  private lingerTimer: Timer | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket;
    this.options = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.clock = options.clock ?? systemClock;
    this.output = new Output(socket, this, this.limits);
    socket.on('error', (error: Error) => this.terminate(error.message, undefined));
    socket.on('end', () => this.terminate('the peer closed the connection', undefined));
    socket.on('close', () => {
      this.terminate('the connection was closed', undefined);
      this.lingerTimer?.cancel();
      this.output.close();
    });
  }

  /** Ends the connection: GOAWAY with `code`, every stream aborted. Does nothing when it has ended. */
  close(code: number = ERROR_CODE.NO_ERROR, message = ''): void {
    this.end(code, message, message === '' ? 'closed by us' : message, undefined);
  }

  /** For the output: there is room for DATA again. */
  abstract onRoom(): void;

  /** For the output: bytes wait in the socket. */
  countUnsent(_changeBytes: number): boolean {
    return true;
  }

  /** For the output: the peer does not read. */
  onOverflow(error: ConnectionError): void {
    this.terminate(error.message, error);
    this.socket.destroy(); // GOAWAY would wait behind all the rest
  }

  /** The highest id of a stream that the peer opened and we took. */
  protected abstract lastPeerStreamId(): number;
  /** The connection is over: tells every stream. */
  protected abstract abortAll(reason: string): void;

  /** Begins to take input: a server's begins with the client's preface. */
  protected startReading(receiver: FrameReceiver, expectsPreface: boolean): void {
    this.reader = new FrameReader(receiver, expectsPreface);
  }

  /** Takes a chunk of input, or the first `sharedBytes` of the shared read buffer, as one batch. */
  protected take(chunk: Buffer | undefined, sharedBytes: number): void {
    if (this.isClosed || this.reader === undefined) return;
    this.readCount++;
    beginBatch();
    try {
      if (chunk === undefined) this.reader.readShared(sharedBytes);
      else this.reader.read(chunk);
    } catch (thrown: unknown) {
      const error = toConnectionError(thrown);
      this.end(error.code, error.message, `${errorCodeName(error.code)}: ${error.message}`, error);
    }
    endBatch();
  }

  protected writeGoaway(lastStreamId: number, code: number, message: string): void {
    const output = this.output;
    const debug = Buffer.from(message.slice(0, MAX_DEBUG_BYTES), 'latin1');
    output.head(8 + debug.length, FRAME.GOAWAY, 0, 0);
    output.at = writeUint32(output.buffer, output.at, lastStreamId);
    output.at = writeUint32(output.buffer, output.at, code);
    output.copy(debug, 0, debug.length);
  }

  protected reportError(error: unknown): void {
    this.options.onError?.(error);
  }

  private end(code: number, message: string, reason: string, error: ConnectionError | undefined): void {
    if (this.isClosed) return;
    this.writeGoaway(this.lastPeerStreamId(), code, message);
    this.output.flush();
    this.socket.end();
    this.lingerTimer = this.clock.after(LINGER_MS, () => this.socket.destroy());
    this.terminate(reason, error);
  }

  private terminate(reason: string, error: ConnectionError | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.reader?.stop();
    this.output.close();
    beginBatch(); // streams of other connections may write
    this.abortAll(reason);
    this.options.onClose(reason, error);
    endBatch();
  }
}
