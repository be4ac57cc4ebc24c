// Header blocks on their way in: cut out of a HEADERS frame, or put together from CONTINUATION frames within bounds,
// and decoded. One reader per connection.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import type { Field } from './field.ts';
import { FLAG } from './frame.ts';
import { paddingStart } from './frame-reader.ts';
import { Decoder } from './hpack-decoder.ts';
import { type Http2Limits, type ListLimits, openListLimits } from './limits.ts';

const FIRST_BLOCK_BYTES = 1024;

// Of the block at hand; shared because one is handled at a time.
const fields: Field[] = [];

/** Turns HEADERS and CONTINUATION frames into header lists. */
export class HeaderReader {
  /** Of the last block that was complete: its stream, END_STREAM, and whether its list is within the limits. */
  streamId = 0;
  endStream = false;
  fits = true;

  private readonly limits: Http2Limits;
  private readonly openLimits: ListLimits;
  private readonly decoder: Decoder;
  private block: Buffer | undefined; // while CONTINUATION frames are awaited: what has come, and room to grow
  private blockBytes = 0;
  private continuations = 0;

  constructor(limits: Http2Limits) {
    this.limits = limits;
    this.openLimits = openListLimits(limits);
    this.decoder = new Decoder(limits, limits.headerTableBytes);
  }

  /** Whether a block is incomplete: nothing but CONTINUATION may come. */
  get isWithinBlock(): boolean {
    return this.block !== undefined;
  }

  /** The fields of the block that was complete last. The array is used again for the next block of any connection. */
  get list(): readonly Field[] {
    return fields;
  }

  /** Takes the payload of a HEADERS frame; true when the block is complete. Throws ConnectionError. */
  begin(flags: number, streamId: number, buffer: Buffer, start: number, end: number): boolean {
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      to = paddingStart(buffer, start, end);
      from++;
    }
    if ((flags & FLAG.PRIORITY) !== 0) from += 5;
    if (from > to)
      throw new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, 'a HEADERS frame has a wrong length');
    this.streamId = streamId;
    this.endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.decode(buffer, from, to);
      return true;
    }
    this.blockBytes = 0;
    this.continuations = 0;
    this.block = Buffer.allocUnsafeSlow(FIRST_BLOCK_BYTES);
    this.keep(this.block, buffer, from, to);
    return false;
  }

  /** Takes the payload of a CONTINUATION frame; true when the block is complete. Throws ConnectionError. */
  continue(flags: number, streamId: number, buffer: Buffer, start: number, end: number): boolean {
    const { block } = this;
    if (block === undefined || streamId !== this.streamId) {
      throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, 'a CONTINUATION frame out of place');
    }
    this.continuations++;
    const kept = this.keep(block, buffer, start, end);
    if ((flags & FLAG.END_HEADERS) === 0) return false;
    this.block = undefined;
    this.decode(kept, 0, this.blockBytes);
    return true;
  }

  private decode(buffer: Buffer, start: number, end: number): void {
    // Not by setting its length: that is a call out of JavaScript, and gives the memory away.
    while (fields.length > 0) fields.pop();
    const limits = this.endStream ? this.limits : this.openLimits;
    this.fits = this.decoder.decode(buffer, start, end, fields, limits);
  }

  // In one buffer, so that a block of many small frames holds little more than its bytes.
  private keep(block: Buffer, buffer: Buffer, start: number, end: number): Buffer {
    const sizeBytes = this.blockBytes + end - start;
    const { headerBlockBytes, continuationFrames } = this.limits;
    if (this.continuations > continuationFrames || sizeBytes > headerBlockBytes) {
      throw new ConnectionError(
        ERROR_CODE.ENHANCE_YOUR_CALM,
        `a header block has more than ${headerBlockBytes} bytes or ${continuationFrames} CONTINUATION frames`,
      );
    }
    let kept = block;
    if (sizeBytes > block.length) {
      kept = Buffer.allocUnsafeSlow(Math.min(2 * sizeBytes, headerBlockBytes));
      block.copy(kept, 0, 0, this.blockBytes);
      this.block = kept;
    }
    buffer.copy(kept, this.blockBytes, start, end);
    this.blockBytes = sizeBytes;
    return kept;
  }
}
