// Cuts a connection's input into frames where they lie. DATA is handed on in the pieces that arrive;
// every other frame whole. Only an unfinished frame's beginning is copied, until the rest is there.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import {
  FLAG,
  FRAME,
  HEAD_BYTES,
  MAX_PAYLOAD_BYTES,
  PREFACE,
  readPayloadBytes,
  readUint31,
} from './frame.ts';

/** Who takes the frames. Buffers are valid until the call returns. */
export interface FrameReceiver {
  /** A DATA frame begins; `payloadBytes` includes padding. */
  onDataHead(streamId: number, payloadBytes: number, flags: number): void;
  /** Part of the DATA frame that began last, padding removed; `isLast` on its last part, which may be empty. */
  onDataPiece(buffer: Buffer, start: number, end: number, isLast: boolean): void;
  /** Any other frame; the payload is buffer[start, end). */
  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void;
}

const READ_BYTES = 256 * 1024;
const HEADROOM_BYTES = 32 * 1024; // more than the longest frame that can be left over
const shared = Buffer.allocUnsafeSlow(HEADROOM_BYTES + READ_BYTES);

/** The one buffer into which sockets with `onread` read; its bytes must go to readShared() before the next read. */
export const SHARED_READ_BUFFER: Buffer = shared.subarray(HEADROOM_BYTES);

/** Splits bytes into frames for one connection. */
export class FrameReader {
  private readonly receiver: FrameReceiver;
  private isPrefaceAwaited: boolean;
  private leftOver: Buffer | undefined;
  private dataBytesLeft = 0;
  private isStopped = false;

  /** A server's reader first expects the client's preface. */
  constructor(receiver: FrameReceiver, expectsPreface: boolean) {
    this.receiver = receiver;
    this.isPrefaceAwaited = expectsPreface;
  }

  /** No frame is handed on after this. */
  stop(): void {
    this.isStopped = true;
    this.leftOver = undefined;
  }

  /** Takes the first `sizeBytes` of the shared read buffer. Throws ConnectionError. */
  readShared(sizeBytes: number): void {
    const left = this.leftOver;
    let start = HEADROOM_BYTES;
    if (left !== undefined) {
      this.leftOver = undefined;
      start -= left.length;
      left.copy(shared, start);
    }
    this.parse(shared, start, HEADROOM_BYTES + sizeBytes);
  }

  /** Takes bytes that lie anywhere. Throws ConnectionError. */
  read(chunk: Buffer): void {
    if (this.leftOver === undefined) this.parse(chunk, 0, chunk.length);
    else if (chunk.length <= READ_BYTES) {
      chunk.copy(shared, HEADROOM_BYTES);
      this.readShared(chunk.length);
    } else {
      const whole = Buffer.concat([this.leftOver, chunk]);
      this.leftOver = undefined;
      this.parse(whole, 0, whole.length);
    }
  }

  private parse(buffer: Buffer, start: number, end: number): void {
    let at = start;
    if (this.isPrefaceAwaited) {
      const size = Math.min(PREFACE.length, end - at);
      if (buffer.compare(PREFACE, 0, size, at, at + size) !== 0) {
        throw new ConnectionError(
          ERROR_CODE.PROTOCOL_ERROR,
          'the connection does not begin with the HTTP/2 preface',
        );
      }
      if (size === PREFACE.length) {
        this.isPrefaceAwaited = false;
        at += size;
      }
    }
    if (!this.isPrefaceAwaited) at = this.frames(buffer, at, end);
    if (at < end && !this.isStopped) this.leftOver = Buffer.from(buffer.subarray(at, end));
  }

  // Returns the place of the first byte that could not be used yet.
  private frames(buffer: Buffer, start: number, end: number): number {
    const receiver = this.receiver;
    let at = start;
    while (!this.isStopped) {
      if (this.dataBytesLeft > 0) {
        const size = Math.min(this.dataBytesLeft, end - at);
        if (size === 0) return at;
        this.dataBytesLeft -= size;
        receiver.onDataPiece(buffer, at, at + size, this.dataBytesLeft === 0);
        at += size;
        continue;
      }
      if (end - at < HEAD_BYTES) return at;
      const payloadBytes = readPayloadBytes(buffer, at);
      const type = buffer[at + 3] as number;
      const flags = buffer[at + 4] as number;
      const streamId = readUint31(buffer, at + 5);
      if (payloadBytes > MAX_PAYLOAD_BYTES) {
        throw new ConnectionError(
          ERROR_CODE.FRAME_SIZE_ERROR,
          `a frame of ${payloadBytes} bytes is over the limit`,
        );
      }
      if (type === FRAME.DATA && (flags & FLAG.PADDED) === 0) {
        receiver.onDataHead(streamId, payloadBytes, flags);
        at += HEAD_BYTES;
        this.dataBytesLeft = payloadBytes;
        if (payloadBytes === 0 && !this.isStopped) receiver.onDataPiece(buffer, at, at, true);
        continue;
      }
      const payload = at + HEAD_BYTES;
      if (end - payload < payloadBytes) return at;
      at = payload + payloadBytes;
      if (type === FRAME.DATA) this.paddedData(streamId, flags, buffer, payload, at);
      else receiver.onFrame(type, flags, streamId, buffer, payload, at);
    }
    return end;
  }

  private paddedData(streamId: number, flags: number, buffer: Buffer, start: number, end: number): void {
    const dataEnd = paddingStart(buffer, start, end);
    this.receiver.onDataHead(streamId, end - start, flags);
    if (!this.isStopped) this.receiver.onDataPiece(buffer, start + 1, dataEnd, true);
  }
}

/** Where the padding of a PADDED frame's payload begins. Throws ConnectionError when it is longer than the payload. */
export function paddingStart(buffer: Buffer, start: number, end: number): number {
  if (start === end) throw new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, 'a padded frame is empty');
  const dataEnd = end - (buffer[start] as number);
  if (dataEnd <= start)
    throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, 'padding is longer than its frame');
  return dataEnd;
}
