// One backend's share of a streamed list: its messages one by one, held back while the client reads slowly.
import type { Backend } from '../backends/backend.ts';
import { BackendCall } from '../backends/backend-call.ts';
import { foreignAnswer } from '../backends/foreign-answer.ts';
import type { ReplyKeeper } from '../backends/reply-keeper.ts';
import { abortError, statusOf } from '../backends/unary-call.ts';
import { type BackendUnavailableError, MalformedMessageError } from '../errors.ts';
import { MessageReader } from '../grpc/message.ts';
import { releaseMemory } from '../grpc/message-memory.ts';
import type { Field } from '../http2/field.ts';
import type { StreamAbort } from '../http2/stream.ts';

export interface StreamPartEvents {
  /** A whole message without its prefix, valid only now. */
  onMessage(message: Buffer): void;
  /** The stream ended with the backend's own status. */
  onStatus(code: number, text: string): void;
  /** The stream broke, or could not begin. */
  onFailure(error: Error): void;
  /** Whether the stream is given up when the backend hangs. */
  readonly endsOnHang: boolean;
  /** True when the client has room, so that the backend may send more. */
  hasRoom(): boolean;
}

export class StreamPart extends BackendCall {
  private readonly backend: Backend;
  private readonly events: StreamPartEvents;
  private readonly reader: MessageReader;
  private readonly keeper: ReplyKeeper | undefined;
  private heldBytes = 0;
  private hasBegun = false;

  /** `keeper` counts what comes; who does not keep a message takes it off again. */
  constructor(backend: Backend, limitBytes: number, events: StreamPartEvents, keeper?: ReplyKeeper) {
    super();
    this.keeper = keeper;
    this.backend = backend;
    this.events = events;
    this.reader = new MessageReader(limitBytes, `a message of backend ${backend.name}`, 'backend');
  }

  override onHeaders(fields: readonly Field[], endStream: boolean): void {
    if (this.isOver) return;
    const foreign = this.hasBegun ? undefined : foreignAnswer(this.backend.name, fields, endStream);
    this.hasBegun = true;
    if (foreign !== undefined) {
      this.cancel();
      this.events.onFailure(foreign);
    }
    if (!endStream || this.isOver) return;
    this.isOver = true;
    const { code, text } = statusOf(fields);
    this.events.onStatus(code, text);
  }

  override onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    this.keeper?.keep(end - start);
    if (this.isOver) return;
    try {
      this.reader.push(buffer, start, end, (bytes, from, to, isOwned) => {
        this.events.onMessage(bytes.subarray(from, to));
        if (isOwned) releaseMemory(bytes);
      });
    } catch (error) {
      this.cancel();
      this.events.onFailure(error as Error);
      return;
    }
    this.heldBytes += end - start;
    this.release();
    if (endStream && !this.isOver) {
      this.isOver = true;
      this.events.onFailure(
        new MalformedMessageError(`backend ${this.backend.name} ended a stream without trailers`, {
          from: 'backend',
        }),
      );
    }
  }

  override onAborted(reason: StreamAbort): void {
    if (this.isOver) return;
    this.isOver = true;
    this.events.onFailure(abortError(this.backend.name, 'broke off a stream', reason));
  }

  override onRefused(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.events.onFailure(error);
  }

  override onHang(error: BackendUnavailableError): void {
    if (!this.events.endsOnHang) return;
    this.cancel();
    this.events.onFailure(error);
  }

  /** Gives the backend credit for what the client has taken. */
  release(): void {
    if (this.heldBytes === 0 || this.isOver || !this.events.hasRoom()) return;
    this.stream?.consume(this.heldBytes);
    this.heldBytes = 0;
  }
}
