// The reply half of a call: what goes to the client.
import { sendFramed } from '../grpc/message.ts';
import type { Field } from '../http2/field.ts';
import type { Stream } from '../http2/stream.ts';

/** A stream on which a client is answered. */
export class CallReply {
  readonly stream: Stream;
  replyBytes = 0;
  /** True once reply headers have gone out: from then on only trailers can tell of trouble. */
  hasReplyHeaders = false;
  /** Called when all queued reply bytes have left. */
  onReplyDrained: (() => void) | undefined;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  onDrain(): void {
    this.onReplyDrained?.();
  }

  sendHeaders(fields: readonly Field[]): void {
    this.hasReplyHeaders = true;
    this.stream.sendHeaders(fields, false);
  }

  /** DATA bytes as they came from a backend, prefix and all; they are copied if they have to wait. */
  sendData(buffer: Buffer, start: number, end: number): void {
    this.replyBytes += end - start;
    this.stream.sendData(buffer, start, end, false);
  }

  /** One message made of `parts`, which become the stream's. */
  sendMessage(parts: readonly Buffer[]): void {
    this.replyBytes += sendFramed(this.stream, parts);
  }
}
