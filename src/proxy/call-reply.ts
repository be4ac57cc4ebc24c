// The reply half of a call: what goes to the client.
import { sendFramed } from '../grpc/message.ts';
import type { Field } from '../http2/field.ts';
import type { Stream } from '../http2/stream.ts';
import type { ClientSide } from './call-host.ts';

/** Why a client gets no more replies for now. */
export const UNREAD =
  'replies that clients have not read use up the memory for them, and this connection has its part of it';

/** A stream on which a client is answered. */
export abstract class CallReply {
  readonly stream: Stream;
  /** The connection it came on. */
  readonly client: ClientSide;
  replyBytes = 0;
  /** True once reply headers have gone out: from then on only trailers can tell of trouble. */
  hasReplyHeaders = false;
  /** Called when all queued reply bytes have left. */
  onReplyDrained: (() => void) | undefined;

  constructor(stream: Stream, client: ClientSide) {
    this.stream = stream;
    this.client = client;
  }

  /** Too much waits for the client: the call ends here, without what is left of its reply. */
  protected abstract cutOff(): void;

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
    if (this.stream.queuedBytes > 0) this.checkRoom();
  }

  /** One message made of `parts`, which become the stream's. */
  sendMessage(parts: readonly Buffer[]): void {
    this.replyBytes += sendFramed(this.stream, parts);
    if (this.stream.queuedBytes > 0) this.checkRoom();
  }

  // Also for calls that were let in while there was room: each may bring the longest of lists.
  private checkRoom(): void {
    if (!this.client.hasReplyRoom) this.cutOff();
  }
}
