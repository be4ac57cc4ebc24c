// The reply half of a call: what goes to the client, and what is kept until it can.
import type { ReplyKeeper } from '../backends/reply-keeper.ts';
import { OverloadedError } from '../errors.ts';
import { sendFramed } from '../grpc/message.ts';
import type { Field } from '../http2/field.ts';
import type { Stream } from '../http2/stream.ts';
import type { ClientSide } from './call-host.ts';

/** Why a client gets no more replies for now. */
export const UNREAD =
  'replies that clients have not read use up the memory for them, and this connection has its part of it';

const COLLECTED =
  'replies that are collected for clients use up the memory for them, and this connection has its part of it';

/** A reply up to this size is counted, and never refused: it may tell of something that the backend has done. */
const SMALL_BYTES = 16 * 1024;

/** A stream on which a client is answered. */
export abstract class CallReply implements ReplyKeeper {
  readonly stream: Stream;
  /** The connection it came on. */
  readonly client: ClientSide;
  replyBytes = 0;
  /** Of backends' replies, what is kept for it. */
  collectedBytes = 0;
  /** True when the last of the answer was handed to the stream, or the client has left. */
  isOver = false;
  /** True once reply headers have gone out: from then on only trailers can tell of trouble. */
  hasReplyHeaders = false;
  /** Called when all queued reply bytes have left. */
  onReplyDrained: (() => void) | undefined;
  /** What it has of the client's share for what is collected: the most that was reserved or kept. */
  private heldBytes = 0;

  constructor(stream: Stream, client: ClientSide) {
    this.stream = stream;
    this.client = client;
  }

  /** Too much waits for the client: the call ends here, without what is left of its reply. */
  protected abstract cutOff(): void;

  /** Ends the call with an error. */
  abstract fail(error: unknown): void;

  /** Takes room for what will be collected, asked or not. */
  reserve(sizeBytes: number): void {
    this.heldBytes += sizeBytes;
    this.client.replies.take(sizeBytes);
  }

  /** More of backends' replies is kept for it, or less; it fails when that finds no room. */
  keep(sizeBytes: number): void {
    if (this.isOver) return; // who still collects has bounds of their own: late-lists.ts
    this.collectedBytes += sizeBytes;
    const moreBytes = this.collectedBytes - this.heldBytes;
    if (moreBytes <= 0) return;
    if (this.collectedBytes <= SMALL_BYTES || this.client.replies.allows(moreBytes)) this.reserve(moreBytes);
    else
      this.fail(
        new OverloadedError(COLLECTED, { hint: 'Make fewer such calls at once, and read their replies' }),
      );
  }

  /** Gives back what it has of the client's share. */
  protected giveBack(): void {
    if (this.heldBytes > 0) this.reserve(-this.heldBytes);
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
    if (this.stream.queuedBytes > 0) this.checkRoom();
  }

  /** One message made of `parts`, which become the stream's. */
  sendMessage(parts: readonly Buffer[]): void {
    this.replyBytes += sendFramed(this.stream, parts);
    if (this.stream.queuedBytes > 0) this.checkRoom();
  }

  /** As sendMessage, of what was collected: its room goes with it, so it is not cut off because others have come since. */
  sendCollected(parts: readonly Buffer[]): void {
    const sizeBytes = sendFramed(this.stream, parts);
    this.replyBytes += sizeBytes;
    const roomBytes = Math.min(sizeBytes, this.heldBytes);
    if (roomBytes > 0) this.reserve(-roomBytes);
    if (roomBytes < sizeBytes && this.stream.queuedBytes > 0) this.checkRoom();
  }

  // What waits on this stream has room when it is no more than what the call holds, as of a streamed list that is kept.
  // Also for calls that were let in while there was room: each may bring the longest of lists.
  private checkRoom(): void {
    if (this.stream.queuedBytes > this.heldBytes && !this.client.hasReplyRoom) this.cutOff();
  }
}
