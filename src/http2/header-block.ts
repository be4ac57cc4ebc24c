// A header block on its way in: cut out of its HEADERS frame, or put together from several frames within bounds.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { FLAG } from './frame.ts';
import { paddingStart } from './frame-reader.ts';
import type { Http2Limits } from './limits.ts';

/** Where a block's bytes begin in the payload of a HEADERS frame, and where they end. */
export interface BlockRange {
  start: number;
  end: number;
}

/** Takes padding and priority off a HEADERS frame's payload; the result goes to `range`. Throws ConnectionError. */
export function cutHeaderBlock(
  flags: number,
  buffer: Buffer,
  start: number,
  end: number,
  range: BlockRange,
): void {
  range.start = start;
  range.end = end;
  if ((flags & FLAG.PADDED) !== 0) {
    range.end = paddingStart(buffer, start, end);
    range.start++;
  }
  if ((flags & FLAG.PRIORITY) !== 0) range.start += 5;
  if (range.start > range.end) {
    throw new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, 'a HEADERS frame has a wrong length');
  }
}

/** A block that began without END_HEADERS: CONTINUATION frames follow. */
export class HeaderBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  private readonly limits: Http2Limits;
  private readonly parts: Buffer[] = [];
  private sizeBytes = 0;

  constructor(streamId: number, endStream: boolean, limits: Http2Limits) {
    this.streamId = streamId;
    this.endStream = endStream;
    this.limits = limits;
  }

  /** Copies a part. Throws ConnectionError when the block has too many parts or bytes. */
  add(buffer: Buffer, start: number, end: number): void {
    this.sizeBytes += end - start;
    if (
      this.parts.length > this.limits.continuationFrames ||
      this.sizeBytes > this.limits.headerListSizeBytes
    ) {
      throw new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, 'a header block is over its limits');
    }
    this.parts.push(Buffer.from(buffer.subarray(start, end)));
  }

  /** The whole block. */
  join(): Buffer {
    return Buffer.concat(this.parts, this.sizeBytes);
  }
}
