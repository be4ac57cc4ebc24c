// One stream of a connection, the same for both roles: what a call is to HTTP/2. Sending obeys the windows of
// stream and connection and waits in a queue where they end; receiving is credited by consume().
import type { Field } from './field.ts';
import { FLAG, FRAME, MAX_PAYLOAD_BYTES } from './frame.ts';
import { SendQueue } from './send-queue.ts';
import type { StreamHost } from './stream-host.ts';
import type { StreamLine } from './stream-line.ts';

/**
 * Why a stream ended early. `reset`: RST_STREAM with that code, from the peer, or from us because the peer broke a
 * rule on this stream. `oversize`: we reset it because its headers are over our limits. `processed: false`: the peer
 * surely did nothing for it, so it may be tried again.
 */
export type StreamAbort =
  | { readonly kind: 'reset'; readonly code: number; readonly message: string; readonly processed: boolean }
  | { readonly kind: 'oversize'; readonly message: string; readonly processed: true }
  | { readonly kind: 'connection'; readonly message: string; readonly processed: boolean };

/** Who gets what a stream receives. A throw resets the stream with INTERNAL_ERROR and goes to `onError`. */
export interface StreamReceiver {
  /** Request or response headers, but no 1xx, or trailers. The array is reused after the call; the fields may be kept. */
  onHeaders(fields: readonly Field[], endStream: boolean): void;
  /** DATA in buffer[start, end), valid only until the return. Empty only with `endStream`. */
  onData(buffer: Buffer, start: number, end: number, endStream: boolean): void;
  /** All DATA given to sendData and sendOwned is in frames, after a time when some waited. */
  onDrain(): void;
  /** The stream ended other than by END_STREAM from the peer, or by reset(): the last call. */
  onAborted(reason: StreamAbort): void;
}

// From this size on a part of an owned buffer is written where it lies instead of copied.
const REFERENCE_BYTES = 4096;

/** One stream. Every method does nothing once the stream is closed. */
export class Stream {
  /** 0 until the first headers of a client's stream are sent. */
  id: number;
  receiver: StreamReceiver;

  /** For the connection: what the peer lets us send, less its INITIAL_WINDOW_SIZE, so that a change of that visits nobody. */
  windowOffsetBytes = 0;
  /** For the connection: received and not credited yet. */
  uncreditedBytes = 0;
  /** For the connection: END_STREAM came. */
  isRemoteEnded = false;
  /** For the connection: END_STREAM is sent. */
  isEndSent = false;
  /** For the connection: final headers (not 1xx) came, so the next are trailers. */
  hasHeaders = false;
  /** For the connection: how much DATA is yet to come by the content-length; below zero when nothing was announced. */
  announcedBytes = -1;
  /** For StreamLine alone: the line in which it waits, and its neighbours there. */
  line: StreamLine | undefined;
  ahead: Stream | undefined;
  behind: Stream | undefined;

  private readonly host: StreamHost;
  private closed = false;
  private isEndAccepted = false;
  private consumedBytes = 0;
  private queue: SendQueue | undefined; // while DATA waits
  private trailers: Field[] | undefined;
  private waiters: (() => void)[] | undefined; // for the queue's last byte to be written

  constructor(host: StreamHost, id: number, receiver: StreamReceiver) {
    this.host = host;
    this.id = id;
    this.receiver = receiver;
  }

  /** What the peer lets us send; below zero after it made its window smaller. */
  get sendWindowBytes(): number {
    return this.host.windows.initialBytes + this.windowOffsetBytes;
  }

  /** DATA accepted but not in a frame yet. */
  get queuedBytes(): number {
    return this.queue?.sizeBytes ?? 0;
  }

  /** The longest header list that the peer takes, or NO_LIST_LIMIT_BYTES; who sends a longer one may lose the peer. */
  get peerHeaderListBytes(): number {
    return this.host.peerHeaderListBytes;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Sends headers, or trailers (with `endStream`), which wait behind queued DATA by themselves. */
  sendHeaders(fields: readonly Field[], endStream: boolean): void {
    if (this.closed || this.isEndAccepted) return;
    if (this.id === 0) this.host.register(this);
    this.isEndAccepted = endStream;
    if (this.queue !== undefined) {
      this.trailers = fields.slice();
      return;
    }
    this.host.writeHeaders(this.id, fields, endStream);
    if (endStream) this.endSent();
  }

  /** Sends DATA as far as the windows allow; the rest is copied and queued. */
  sendData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    const size = end - start;
    if (
      this.queue === undefined &&
      size <= MAX_PAYLOAD_BYTES &&
      size <= this.sendWindowBytes &&
      !this.isEndAccepted &&
      !this.closed &&
      (size > 0 ? size <= this.room() : endStream)
    ) {
      this.isEndAccepted = endStream;
      this.writeData(buffer, start, size, endStream, false);
      if (endStream) this.endSent();
    } else this.sendParts(buffer, start, end, endStream, false);
  }

  /** As sendData, but the caller gives the buffer away: large parts are not copied. */
  sendOwned(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    this.sendParts(buffer, start, end, endStream, true);
  }

  /**
   * Calls `done` once the kernel has taken all that was sent so far: what was given to sendOwned is not read any more.
   * Never called when the stream is reset or the connection ends before. Call it before the stream's end is sent.
   */
  afterWritten(done: () => void): void {
    if (this.closed) return;
    if (this.queue === undefined) this.host.output.afterWritten(done);
    else {
      this.waiters ??= [];
      this.waiters.push(done);
    }
  }

  /** The receiver is done with so many bytes of received DATA: the peer may send as many again. */
  consume(sizeBytes: number): void {
    if (this.closed || this.isRemoteEnded) return;
    this.consumedBytes += sizeBytes;
    if (this.consumedBytes * 2 < this.host.receiveWindowBytes) return;
    this.host.output.numberFrame(FRAME.WINDOW_UPDATE, this.id, this.consumedBytes);
    this.uncreditedBytes -= this.consumedBytes;
    this.consumedBytes = 0;
  }

  /** Ends the stream with RST_STREAM. The receiver is not called any more. */
  reset(code: number): void {
    if (this.closed) return;
    if (this.id !== 0) this.host.output.numberFrame(FRAME.RST_STREAM, this.id, code);
    this.close(true);
  }

  /** For the connection: frames of queued DATA, at most `maxFrames`, as far as the windows allow. */
  pump(maxFrames: number): void {
    const queue = this.queue;
    if (queue === undefined) return;
    let framesLeft = maxFrames;
    while (queue.sizeBytes > 0) {
      const room = Math.min(this.room(), this.sendWindowBytes, MAX_PAYLOAD_BYTES);
      if (room <= 0 || framesLeft-- === 0) {
        this.host.windows.wait(this);
        return;
      }
      const { buffer, start, end, isOwned } = queue.front();
      const size = Math.min(end - start, room);
      queue.shift(size);
      this.host.addQueued(-size);
      const isLast = queue.sizeBytes === 0 && this.isEndAccepted && this.trailers === undefined;
      this.writeData(buffer, start, size, isLast, isOwned);
      if (isLast) this.endSent();
    }
    this.queue = undefined;
    for (const done of this.waiters ?? []) this.host.output.afterWritten(done);
    this.waiters = undefined;
    this.afterDrain();
  }

  /** For the connection: closes without a frame; the receiver is not told. */
  close(wasReset: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.line?.remove(this);
    if (this.queue !== undefined) this.host.addQueued(-this.queue.sizeBytes);
    this.queue = undefined;
    this.trailers = undefined;
    this.waiters = undefined;
    this.host.forget(this, wasReset);
  }

  private room(): number {
    return this.host.output.isFull() ? 0 : this.host.windows.connectionBytes;
  }

  private sendParts(buffer: Buffer, start: number, end: number, endStream: boolean, isOwned: boolean): void {
    if (this.closed || this.isEndAccepted) return;
    const size = end - start;
    if (size === 0 && !endStream) return;
    this.isEndAccepted = endStream;
    if (this.queue !== undefined) {
      if (size > 0) this.enqueue(buffer, start, end, isOwned);
      return;
    }
    let at = start;
    do {
      const part = size === 0 ? 0 : Math.min(end - at, this.room(), this.sendWindowBytes, MAX_PAYLOAD_BYTES);
      if (part <= 0 && size > 0) break;
      const isLast = endStream && at + part === end;
      this.writeData(buffer, at, part, isLast, isOwned);
      at += part;
      if (isLast) this.endSent();
    } while (at < end);
    if (at === end) return;
    this.enqueue(buffer, at, end, isOwned);
    this.host.windows.wait(this);
  }

  private enqueue(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    this.queue ??= new SendQueue();
    this.queue.push(buffer, start, end, isOwned);
    this.host.addQueued(end - start);
  }

  private afterDrain(): void {
    if (this.closed) return;
    const trailers = this.trailers;
    if (trailers !== undefined) {
      this.trailers = undefined;
      this.host.writeHeaders(this.id, trailers, this.isEndAccepted);
      if (this.isEndAccepted) this.endSent();
    }
    if (!this.closed) this.host.notifyDrained(this);
  }

  private writeData(buffer: Buffer, start: number, size: number, endStream: boolean, isOwned: boolean): void {
    const output = this.host.output;
    const byReference = isOwned && size >= REFERENCE_BYTES;
    this.windowOffsetBytes -= size;
    this.host.windows.connectionBytes -= size;
    output.head(size, FRAME.DATA, endStream ? FLAG.END_STREAM : 0, this.id, byReference ? 0 : size);
    if (byReference) output.reference(buffer, start, start + size);
    else if (size > 0) output.copy(buffer, start, start + size);
  }

  private endSent(): void {
    this.isEndSent = true;
    this.host.onEndSent(this);
  }
}
