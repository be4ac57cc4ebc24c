// A header block that comes in several frames (HEADERS, then CONTINUATION), put together within bounds.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import type { Http2Limits } from './limits.ts';

/** Collects the parts of one block. */
export class HeaderBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  private readonly parts: Buffer[] = [];
  private sizeBytes = 0;

  constructor(streamId: number, endStream: boolean) {
    this.streamId = streamId;
    this.endStream = endStream;
  }

  /** Copies a part. Throws ConnectionError when the block has too many parts or bytes. */
  add(buffer: Buffer, start: number, end: number, limits: Http2Limits): void {
    this.sizeBytes += end - start;
    if (this.parts.length > limits.continuationFrames || this.sizeBytes > limits.headerListSizeBytes) {
      throw new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, 'a header block is over its limits');
    }
    this.parts.push(Buffer.from(buffer.subarray(start, end)));
  }

  /** The whole block. */
  join(): Buffer {
    return Buffer.concat(this.parts, this.sizeBytes);
  }
}
