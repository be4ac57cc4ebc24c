// The bytes of one call's request, framed: 5 bytes of prefix, then the message. Nearly all come whole in one read and go
// on at once; copying such a request first would take longer than all that is looked up in it.
import { Buffer } from 'node:buffer';
import { PREFIX_BYTES } from '../grpc/message.ts';
import { copyBytes } from '../http2/copy-bytes.ts';
import { readUint32 } from '../http2/frame.ts';
import type { BudgetShare } from '../http2/shared-budget.ts';

const NONE: Buffer = Buffer.alloc(0);
/** What a request in parts gets at first, whatever its prefix says: that would let a client claim memory for five bytes. */
const FIRST_BYTES = 4096;
/**
 * From here on a request holds all that its prefix says: one for which there is no room is refused when little of it has
 * come, not after it grew for long beside others, which would leave memory behind faster than it is collected.
 */
const WHOLE_FROM_BYTES = 64 * 1024;
/** Longer headers count: 20,000 streams, as many as are open at most, hold 20 MB without. A kubelet's are shorter. */
const SHORT_HEADERS_BYTES = 1024;

/** `buffer[start, end)` is the request. It may lie where it was read, and change, from the end of the batch on: see own(). */
export class RequestBytes {
  buffer = NONE;
  start = 0;
  end = 0;
  private isBorrowed = false;
  private share: BudgetShare | undefined; // of what is held for a request in parts, and for long headers
  private countedBytes = 0;

  get sizeBytes(): number {
    return this.end - this.start;
  }

  /** The whole request lies here. */
  borrow(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.isBorrowed = true;
  }

  /** Copies the next part of the request, in memory that is counted in `share`. False when that has no room. */
  append(buffer: Buffer, start: number, end: number, share: BudgetShare): boolean {
    const neededBytes = this.end + end - start;
    if (neededBytes > this.buffer.length) {
      const capacityBytes = this.capacityFor(neededBytes, buffer, start, end);
      const moreBytes = capacityBytes - this.buffer.length;
      if (!this.count(moreBytes, share)) return false;
      const larger = Buffer.allocUnsafe(capacityBytes);
      this.buffer.copy(larger, 0, 0, this.end);
      this.buffer = larger;
    }
    copyBytes(buffer, start, end, this.buffer, this.end);
    this.end = neededBytes;
    return true;
  }

  /** Counts the request's headers, unless they are as short as most are. False when `share` has no room for them. */
  countHeaders(sizeBytes: number, share: BudgetShare): boolean {
    return sizeBytes <= SHORT_HEADERS_BYTES || this.count(sizeBytes, share);
  }

  /** All parts have come. */
  complete(): void {
    if (!this.isBorrowed && this.buffer.length > this.end) this.buffer = this.buffer.subarray(0, this.end);
  }

  /** Gives up what came. */
  drop(): void {
    this.set(NONE);
    this.settle();
  }

  /** The call is over: its request counts no longer. Who still works on it may keep it. */
  settle(): void {
    if (this.countedBytes === 0) return;
    this.share?.take(-this.countedBytes);
    this.countedBytes = 0;
  }

  /** Makes the bytes this call's own, if they were borrowed: to be used at any time, and by reference. Returns them. */
  own(): Buffer {
    if (this.isBorrowed) {
      const bytes = Buffer.allocUnsafe(this.end - this.start);
      copyBytes(this.buffer, this.start, this.end, bytes, 0);
      this.set(bytes);
    }
    return this.buffer;
  }

  private count(moreBytes: number, share: BudgetShare): boolean {
    if (!share.allows(moreBytes)) return false;
    share.take(moreBytes);
    this.share = share;
    this.countedBytes += moreBytes;
    return true;
  }

  // Twice as much each time, then the whole; what the prefix says at most, unless it says less than has come.
  private capacityFor(neededBytes: number, buffer: Buffer, start: number, end: number): number {
    const doubledBytes = Math.max(neededBytes, 2 * this.buffer.length, FIRST_BYTES);
    let saidBytes = 0;
    if (this.end >= PREFIX_BYTES) saidBytes = PREFIX_BYTES + readUint32(this.buffer, 1);
    else if (this.end === 0 && end - start >= PREFIX_BYTES)
      saidBytes = PREFIX_BYTES + readUint32(buffer, start + 1);
    if (saidBytes < neededBytes) return doubledBytes;
    return neededBytes > WHOLE_FROM_BYTES ? saidBytes : Math.min(doubledBytes, saidBytes);
  }

  private set(bytes: Buffer): void {
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
    this.isBorrowed = false;
  }
}
