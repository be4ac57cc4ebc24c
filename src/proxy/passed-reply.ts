// A relayed reply for one who keeps it: shown when it has gone on to the client and turned out to be OK. Nearly all come in
// one piece, with their trailers; these are looked at where they lie, behind the flush, and never copied.
import type { Backend } from '../backends/backend.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';
import { type BehindFlush, doBehindFlush } from '../http2/batch.ts';
import type { Call } from './call.ts';

/** Keeps what a backend answers, to answer for it while it is absent. */
export interface LastReplies {
  /** The message of a reply lies in [start, end); only for as long as this takes. Must not throw. */
  see(backend: Backend, buffer: Buffer, start: number, end: number): void;
  /** The same for a reply too long to be kept, of which only the beginning is here. */
  glimpse(backend: Backend, head: Buffer): void;
  /** The backend has said that there is no such object. Not on the way of calls that succeed. */
  deny(backend: Backend, call: Call): void;
  /** Answers a call in the place of its backend; false when there is nothing to answer. */
  answer(call: Call, backend: Backend): boolean;
}

/** Of longer ones only so much is shown: they are not worth a copy. */
const LIMIT_BYTES = 256 * 1024;

export class PassedReply implements BehindFlush {
  private readonly keeper: LastReplies;
  private readonly backend: Backend;
  /** The reply, prefix and all, while it lies in memory that others use again: buffer[start, end). */
  private buffer: Buffer | undefined;
  private start = 0;
  private end = 0;
  /** Copies of its parts, when it does not come as most do. */
  private pieces: Buffer[] | undefined;
  private piecesBytes = 0;
  private isOk = false;

  constructor(keeper: LastReplies, backend: Backend) {
    this.keeper = keeper;
    this.backend = backend;
  }

  /** These bytes of it have gone on. */
  pass(buffer: Buffer, start: number, end: number): void {
    if (this.buffer === undefined && this.pieces === undefined && isWhole(buffer, start, end)) {
      this.buffer = buffer;
      this.start = start;
      this.end = end;
      doBehindFlush(this);
      return;
    }
    this.copyFirst();
    this.copy(buffer, start, end);
  }

  /** The backend has ended it with OK. */
  finish(): void {
    this.isOk = true;
    if (this.pieces !== undefined) doBehindFlush(this);
  }

  behindFlush(): void {
    const { keeper, backend, buffer, pieces } = this;
    if (!this.isOk) {
      this.copyFirst();
      return;
    }
    this.buffer = undefined;
    this.pieces = undefined;
    if (buffer !== undefined) keeper.see(backend, buffer, this.start + PREFIX_BYTES, this.end);
    else if (pieces !== undefined) {
      const whole = Buffer.concat(pieces);
      if (isWhole(whole, 0, whole.length)) keeper.see(backend, whole, PREFIX_BYTES, whole.length);
      else if (whole.length > PREFIX_BYTES && whole[0] === 0)
        keeper.glimpse(backend, whole.subarray(PREFIX_BYTES));
    }
  }

  private copyFirst(): void {
    const { buffer } = this;
    this.buffer = undefined;
    if (buffer !== undefined) this.copy(buffer, this.start, this.end);
  }

  private copy(buffer: Buffer, start: number, end: number): void {
    this.pieces ??= [];
    const to = Math.min(end, start + LIMIT_BYTES - this.piecesBytes);
    if (to <= start) return;
    this.piecesBytes += to - start;
    this.pieces.push(Buffer.from(buffer.subarray(start, to)));
  }
}

/** Whether this is one message, and not compressed. */
function isWhole(buffer: Buffer, start: number, end: number): boolean {
  const sizeBytes = end - start - PREFIX_BYTES;
  return sizeBytes >= 0 && buffer[start] === 0 && buffer.readUInt32BE(start + 1) === sizeBytes;
}
