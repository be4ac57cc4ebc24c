// A connection's outgoing bytes. Frames are written into one buffer and leave in one write; batch.ts says when.
import type { Socket } from 'node:net';
import { beginBatch, endBatch, type Flushable, flushLater } from './batch.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { copyBytes } from './copy-bytes.ts';
import { FLAG, FRAME, HEAD_BYTES, writeHead, writeUint32 } from './frame.ts';
import { type FrameMemory, giveBackFrameMemory, takeFrameMemory } from './frame-memory.ts';
import type { Http2Limits } from './limits.ts';

const NO_BUFFER: Buffer = Buffer.alloc(0);

/** Who owns an output. */
export interface OutputOwner {
  /** There is room for DATA again after a time without. */
  onRoom(): void;
  /** So many bytes more, or fewer, wait in the socket; false when they are more than this peer may leave unread. */
  countUnsent(changeBytes: number): boolean;
  /** The peer does not read and too much waits. */
  onOverflow(error: ConnectionError): void;
}

type OutputLimits = Pick<Http2Limits, 'unsentBytes' | 'unsentCutOffBytes'>;

/** Frames on their way into one socket. */
export class Output implements Flushable {
  /** The buffer being filled, and how far. Only written to behind reserve(). */
  buffer: Buffer = NO_BUFFER;
  at = 0;

  /** How many frames were written; acks of PINGs do not count. */
  frameCount = 0;

  private readonly socket: Socket;
  private readonly owner: OutputOwner;
  private readonly limits: OutputLimits;
  private readonly fullBytes: number; // no less than what makes the socket say 'drain'
  private from = 0; // buffer[from, at) is not in the socket yet
  private readonly ranges: Buffer[] = []; // what goes before buffer[from, at)
  private rangeBytes = 0;
  private memory: FrameMemory | undefined; // that `buffer` is of
  private readonly full: FrameMemory[] = []; // the socket may still read from it
  private waiters: (() => void)[] = [];
  private isDirty = false;
  private countedBytes = 0; // of those in the socket
  private isSocketEmpty = true; // when false, look: it may have been emptied since
  private wasFull = false;
  private isClosed = false;

  constructor(socket: Socket, owner: OutputOwner, limits: OutputLimits) {
    this.socket = socket;
    this.owner = owner;
    this.limits = limits;
    this.fullBytes = Math.max(limits.unsentBytes, socket.writableHighWaterMark);
    socket.on('drain', () => {
      this.release();
      this.countUnsent(this.socketBytes());
      beginBatch();
      this.announceRoom();
      endBatch();
    });
  }

  /** Bytes that the socket has not taken to the kernel yet. */
  get unsentBytes(): number {
    return this.socketBytes() + this.rangeBytes + this.at - this.from;
  }

  /** Whether DATA has to wait; onRoom() follows when not any more. */
  isFull(): boolean {
    if (this.unsentBytes < this.fullBytes) return false;
    this.wasFull = true;
    return true;
  }

  /** Makes `sizeBytes` (at most 32 KiB) of `buffer` writable from `at` on. */
  reserve(sizeBytes: number): void {
    if (this.at + sizeBytes > this.buffer.length) this.changeBuffer();
    if (!this.isDirty) this.markDirty();
  }

  /**
   * Writes a frame's head and makes room for `copyBytes` of its payload, which the caller writes next
   * (0 when it goes by reference).
   */
  head(payloadBytes: number, type: number, flags: number, streamId: number, copyBytes = payloadBytes): void {
    this.reserve(HEAD_BYTES + copyBytes);
    this.frameCount++;
    this.at = writeHead(this.buffer, this.at, payloadBytes, type, flags, streamId);
  }

  /** Copies payload bytes behind a head. */
  copy(source: Buffer, start: number, end: number): void {
    this.at = copyBytes(source, start, end, this.buffer, this.at);
  }

  /** Passes bytes by reference; they must not change any more. */
  reference(source: Buffer, start: number, end: number): void {
    this.cutRange();
    this.ranges.push(source.subarray(start, end));
    this.rangeBytes += end - start;
    if (!this.isDirty) this.markDirty();
  }

  /**
   * Calls `done` once the kernel has taken all that was written up to now; never, when the connection ends before.
   * Only before more is written, as it is told with the next flush.
   */
  afterWritten(done: () => void): void {
    this.waiters.push(done);
  }

  /** A frame whose payload is one 32-bit number. */
  numberFrame(type: number, streamId: number, value: number): void {
    this.head(4, type, 0, streamId);
    this.at = writeUint32(this.buffer, this.at, value);
  }

  /** The ack of a PING with these eight bytes. */
  pingAck(high: number, low: number): void {
    this.reserve(HEAD_BYTES + 8);
    this.at = writeHead(this.buffer, this.at, 8, FRAME.PING, FLAG.ACK, 0);
    this.at = writeUint32(this.buffer, this.at, high);
    this.at = writeUint32(this.buffer, this.at, low);
  }

  /** Drops what is not in the socket; writes nothing any more. */
  close(): void {
    this.isClosed = true;
    this.discard();
  }

  /** Hands all that was written to the socket. Called by the batch; only close-down calls it by itself. */
  flush(): void {
    this.isDirty = false;
    if (this.isClosed) {
      this.discard();
      return;
    }
    const socket = this.socket;
    const unreadBytes = this.socketBytes();
    if (this.ranges.length === 0) {
      if (this.memory !== undefined && this.at > this.from) {
        socket.write(this.memory.view(this.from, this.at), this.takeWaiters());
      }
    } else {
      this.cutRange();
      socket.cork();
      const last = this.ranges.length - 1;
      for (let i = 0; i < last; i++) socket.write(this.ranges[i] as Buffer);
      socket.write(this.ranges[last] as Buffer, this.takeWaiters());
      socket.uncork();
      this.ranges.length = 0;
      this.rangeBytes = 0;
    }
    this.from = this.at;
    this.isSocketEmpty = false;
    const waiting = this.socketBytes();
    const isAllowed = this.countUnsent(waiting) || unreadBytes === 0;
    if (waiting === 0) this.release();
    else if (!isAllowed || unreadBytes > this.limits.unsentCutOffBytes) {
      // What was written just now does not count: one long header block may be more than that.
      this.owner.onOverflow(
        new ConnectionError(
          ERROR_CODE.ENHANCE_YOUR_CALM,
          `the peer does not read: ${unreadBytes} bytes wait for it`,
        ),
      );
      return;
    }
    if (waiting < this.fullBytes) this.announceRoom();
  }

  private countUnsent(waitingBytes: number): boolean {
    const changeBytes = waitingBytes - this.countedBytes;
    if (changeBytes === 0) return true;
    this.countedBytes = waitingBytes;
    return this.owner.countUnsent(changeBytes) || changeBytes < 0;
  }

  // Asking the socket is a call through several getters of Node, and this is asked several times for each small call.
  private socketBytes(): number {
    if (this.isSocketEmpty) return 0;
    const sizeBytes = this.socket.writableLength;
    this.isSocketEmpty = sizeBytes === 0;
    return sizeBytes;
  }

  private discard(): void {
    this.ranges.length = 0;
    this.rangeBytes = 0;
    this.from = this.at;
    this.waiters = [];
    this.release();
  }

  /** The callback of a write that has all the rest before it. */
  private takeWaiters(): ((error?: Error | null) => void) | undefined {
    const { waiters } = this;
    if (waiters.length === 0) return undefined;
    this.waiters = [];
    return (error) => {
      if (!error) for (const done of waiters) done();
    };
  }

  private announceRoom(): void {
    if (!this.wasFull || this.isClosed) return;
    this.wasFull = false;
    this.owner.onRoom();
  }

  private markDirty(): void {
    this.isDirty = true;
    flushLater(this);
  }

  private cutRange(): void {
    if (this.at === this.from) return;
    this.ranges.push(this.buffer.subarray(this.from, this.at));
    this.rangeBytes += this.at - this.from;
    this.from = this.at;
  }

  private changeBuffer(): void {
    this.cutRange();
    if (this.memory !== undefined) this.full.push(this.memory);
    this.memory = takeFrameMemory();
    this.buffer = this.memory.buffer;
    this.from = 0;
    this.at = 0;
  }

  // Once the socket is empty, the buffers may be used again.
  private release(): void {
    if (this.ranges.length > 0 || (this.socketBytes() !== 0 && !this.socket.destroyed)) return;
    while (this.full.length > 0) giveBackFrameMemory(this.full.pop() as FrameMemory);
    if (this.at === this.from && this.memory !== undefined) {
      giveBackFrameMemory(this.memory);
      this.memory = undefined;
      this.buffer = NO_BUFFER;
      this.from = 0;
      this.at = 0;
    }
  }
}
