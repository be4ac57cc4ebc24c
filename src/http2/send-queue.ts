// DATA of one stream that waits for a window. Small parts are collected, so that a stream of many small messages
// holds little more than their bytes; buffers that were given away are kept by reference.

// Copied parts share buffers once there are several: twice as large as what waits already, within these bounds.
const SMALLEST_COLLECTOR_BYTES = 256;
const LARGEST_COLLECTOR_BYTES = 16_384;

interface Part {
  readonly buffer: Buffer;
  start: number;
  end: number;
  readonly isOwned: boolean;
}

/** A queue of bytes. */
export class SendQueue {
  /** How many bytes wait. */
  sizeBytes = 0;

  private readonly parts: Part[] = [];
  private first = 0; // parts before it are gone

  /** The part at the front; only while sizeBytes > 0. */
  front(): Readonly<Part> {
    return this.parts[this.first] as Part;
  }

  /** Appends bytes: a copy, unless the caller gives the buffer away (`isOwned`). */
  push(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    this.sizeBytes += end - start;
    if (isOwned) this.parts.push({ buffer, start, end, isOwned });
    else this.pushCopy(buffer, start, end);
  }

  /** Removes bytes from the front part, at most all of it. */
  shift(sizeBytes: number): void {
    const part = this.parts[this.first] as Part;
    part.start += sizeBytes;
    this.sizeBytes -= sizeBytes;
    if (part.start < part.end) return;
    this.first++;
    // Moves the rest down now and then, not each time.
    if (this.first * 2 >= this.parts.length) {
      this.parts.splice(0, this.first);
      this.first = 0;
    }
  }

  private pushCopy(buffer: Buffer, start: number, end: number): void {
    const size = end - start;
    const last = this.parts.at(-1);
    if (last !== undefined && !last.isOwned && last.buffer.length - last.end >= size) {
      buffer.copy(last.buffer, last.end, start, end);
      last.end += size;
      return;
    }
    const isAlone = this.first === this.parts.length;
    const collectorBytes = Math.min(
      Math.max(2 * this.sizeBytes, SMALLEST_COLLECTOR_BYTES),
      LARGEST_COLLECTOR_BYTES,
    );
    const copy = Buffer.allocUnsafeSlow(isAlone ? size : Math.max(size, collectorBytes));
    buffer.copy(copy, 0, start, end);
    this.parts.push({ buffer: copy, start: 0, end: size, isOwned: false });
  }
}
