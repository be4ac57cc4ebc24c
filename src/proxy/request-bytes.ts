// The bytes of one call's request, framed: 5 bytes of prefix, then the message. Nearly all come whole in one read and go
// on at once; copying such a request first would take longer than all that is looked up in it.
import { Buffer } from 'node:buffer';
import { copyBytes } from '../http2/copy-bytes.ts';

const NONE = Buffer.alloc(0);

/** `buffer[start, end)` is the request. It may lie where it was read, and change, from the end of the batch on: see own(). */
export class RequestBytes {
  buffer: Buffer = NONE;
  start = 0;
  end = 0;
  private more: Buffer[] | undefined;
  private moreBytes = 0;
  private isBorrowed = false;

  get sizeBytes(): number {
    return this.end - this.start + this.moreBytes;
  }

  /** The whole request lies here. */
  borrow(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.isBorrowed = true;
  }

  /** Copies a part of the request. */
  append(buffer: Buffer, start: number, end: number): void {
    const part = Buffer.allocUnsafe(end - start);
    copyBytes(buffer, start, end, part, 0);
    if (this.end === 0) {
      this.buffer = part;
      this.end = part.length;
    } else {
      this.more ??= [];
      this.more.push(part);
      this.moreBytes += part.length;
    }
  }

  /** All parts have come. */
  complete(): void {
    if (this.more !== undefined) this.set(Buffer.concat([this.buffer, ...this.more]));
  }

  /** Gives up what came. */
  drop(): void {
    this.set(NONE);
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

  private set(bytes: Buffer): void {
    this.buffer = bytes;
    this.start = 0;
    this.end = bytes.length;
    this.more = undefined;
    this.moreBytes = 0;
    this.isBorrowed = false;
  }
}
