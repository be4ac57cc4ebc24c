// One HTTP/2 connection (RFC 9113), the part that both roles share: each frame checked and given to whom it
// concerns. server.ts and client.ts add who opens streams.
import type { Socket } from 'node:net';
import { ConnectionError, ERROR_CODE, errorCodeName, goawayReason } from './connection-error.ts';
import type { Field } from './field.ts';
import { DEFAULT_WINDOW_BYTES, FLAG, FRAME, readUint31, readUint32, SETTING } from './frame.ts';
import type { FrameReceiver } from './frame-reader.ts';
import { HeaderReader } from './header-reader.ts';
import { trailersFault } from './header-rules.ts';
import { NO_LIST_LIMIT_BYTES } from './limits.ts';
import { PingAnswer } from './ping-answer.ts';
import { readSettings } from './settings.ts';
import type { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import type { ConnectionOptions } from './transport.ts';

const LENGTH_LIE = 'DATA of another length than its content-length';
const protocolError = (message: string) => new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, message);

function checkLength(isRight: boolean, what: string): void {
  if (!isRight) throw new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, `a ${what} frame has a wrong length`);
}

/** Base of both roles. Methods named on... are for the frame reader and the layers below. */
export abstract class Connection extends StreamTable implements FrameReceiver {
  private readonly headers: HeaderReader;
  private readonly pings: PingAnswer;
  protected hasPeerSettings = false;
  private areSettingsAcked = false;
  private dataStream: Stream | undefined; // of the DATA frame at hand; undefined when it is ignored
  private dataEndsStream = false;
  private paddedBytes = 0;

  constructor(socket: Socket, options: ConnectionOptions) {
    super(socket, options);
    const limits = this.limits;
    this.headers = new HeaderReader(limits);
    this.pings = new PingAnswer(this.output, this.clock, limits.pingsPerSecond);
  }

  // ---- what the roles fill in

  /** Headers for a stream that is not open. `fits`: the list is within its limits. */
  protected abstract onUnknownHeaders(
    id: number,
    list: readonly Field[],
    endStream: boolean,
    fits: boolean,
  ): void;
  /** The first headers on a stream that is open: a response. Returns what is wrong with them. */
  protected abstract onFirstHeaders(
    stream: Stream,
    list: readonly Field[],
    endStream: boolean,
  ): string | undefined;
  protected abstract onPeerSettings(isFirst: boolean): void;
  protected abstract onMaxStreams(count: number): void;
  protected abstract onGoaway(lastStreamId: number, reason: string): void;
  protected abstract onPingAck(): void;

  // ---- DATA

  onDataHead(streamId: number, payloadBytes: number, flags: number): void {
    this.dataStream = undefined;
    this.checkOrder(FRAME.DATA, flags);
    if (streamId === 0) throw protocolError('a DATA frame without a stream');
    this.receiveWindow.take(payloadBytes, this.output);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.onStrayData(streamId, payloadBytes);
      return;
    }
    stream.uncreditedBytes += payloadBytes;
    if (stream.isRemoteEnded) {
      this.streamError(stream, ERROR_CODE.STREAM_CLOSED, 'a DATA frame behind the end of its stream');
    } else if (!stream.hasHeaders) {
      this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, 'a DATA frame before any headers');
    } else if (stream.uncreditedBytes > this.allowedBytes()) {
      this.streamError(stream, ERROR_CODE.FLOW_CONTROL_ERROR, 'more DATA than the window allows');
    } else {
      this.dataStream = stream;
      this.dataEndsStream = (flags & FLAG.END_STREAM) !== 0;
      this.paddedBytes = (flags & FLAG.PADDED) === 0 ? 0 : payloadBytes;
    }
  }

  onDataPiece(buffer: Buffer, start: number, end: number, isLast: boolean): void {
    const stream = this.dataStream;
    if (stream === undefined || stream.isClosed) return;
    if (this.paddedBytes > 0) stream.consume(this.paddedBytes - (end - start));
    const endStream = isLast && this.dataEndsStream;
    if (stream.announcedBytes >= 0 && !this.isAsAnnounced(stream, end - start, endStream)) return;
    if (start === end && !endStream) this.rates.emptyFrame();
    else this.deliverData(stream, buffer, start, end, endStream);
  }

  private isAsAnnounced(stream: Stream, sizeBytes: number, endStream: boolean): boolean {
    stream.announcedBytes -= sizeBytes;
    if (stream.announcedBytes === 0 || (stream.announcedBytes > 0 && !endStream)) return true;
    this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, LENGTH_LIE);
    return false;
  }

  // Until the peer has acked our SETTINGS it may go by the default.
  private allowedBytes(): number {
    return this.areSettingsAcked
      ? this.receiveWindowBytes
      : Math.max(this.receiveWindowBytes, DEFAULT_WINDOW_BYTES);
  }

  // ---- all other frames

  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    this.checkOrder(type, flags);
    switch (type) {
      case FRAME.HEADERS:
        this.onHeaders(flags, streamId, buffer, start, end);
        break;
      case FRAME.CONTINUATION:
        this.onContinuation(flags, streamId, buffer, start, end);
        break;
      case FRAME.RST_STREAM:
        this.onReset(streamId, buffer, start, end);
        break;
      case FRAME.SETTINGS:
        this.onSettings(flags, streamId, buffer, start, end);
        break;
      case FRAME.PING:
        this.onPing(flags, streamId, buffer, start, end);
        break;
      case FRAME.GOAWAY:
        if (streamId !== 0) throw protocolError('a GOAWAY frame on a stream');
        checkLength(end - start >= 8, 'GOAWAY');
        this.rates.goaway();
        this.onGoaway(readUint31(buffer, start), goawayReason(buffer, start, end));
        break;
      case FRAME.WINDOW_UPDATE:
        checkLength(end - start === 4, 'WINDOW_UPDATE');
        this.onWindowUpdate(streamId, readUint31(buffer, start));
        break;
      case FRAME.PRIORITY: // checked, but without meaning, as in RFC 9113: a stream may depend on itself
        if (streamId === 0) throw protocolError('a PRIORITY frame without a stream');
        checkLength(end - start === 5, 'PRIORITY');
        break;
      case FRAME.PUSH_PROMISE:
        throw protocolError('a PUSH_PROMISE frame');
      default: // unknown types are to be ignored
    }
  }

  private checkOrder(type: number, flags: number): void {
    if (!this.hasPeerSettings && (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0)) {
      throw protocolError('the first frame is not SETTINGS');
    }
    if (this.headers.isWithinBlock && type !== FRAME.CONTINUATION) {
      throw protocolError('another frame stands within a header block');
    }
  }

  private onHeaders(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError('a HEADERS frame without a stream');
    if (this.headers.begin(flags, streamId, buffer, start, end)) this.onHeaderList();
  }

  private onContinuation(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (start === end) this.rates.emptyFrame();
    if (this.headers.continue(flags, streamId, buffer, start, end)) this.onHeaderList();
  }

  private onHeaderList(): void {
    const { streamId, endStream, fits, list } = this.headers;
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId) || !this.resets.has(streamId)) {
        this.onUnknownHeaders(streamId, list, endStream, fits);
      } else this.countReset(); // as costly as a stream that is opened and reset, and no gRPC client sends trailers
    } else if (stream.isRemoteEnded) {
      this.streamError(stream, ERROR_CODE.STREAM_CLOSED, 'headers behind the end of their stream');
    } else if (!fits) this.oversized(stream, endStream);
    else if (stream.hasHeaders) this.onTrailers(stream, list, endStream);
    else {
      const fault = this.onFirstHeaders(stream, list, endStream);
      if (fault !== undefined) this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, fault);
    }
  }

  private onTrailers(stream: Stream, list: readonly Field[], endStream: boolean): void {
    const lie = stream.announcedBytes > 0 ? LENGTH_LIE : undefined;
    const fault = endStream ? (lie ?? trailersFault(list)) : 'trailers that do not end their stream';
    if (fault === undefined) this.deliverHeaders(stream, list, true);
    else this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, fault);
  }

  private onReset(streamId: number, buffer: Buffer, start: number, end: number): void {
    checkLength(end - start === 4, 'RST_STREAM');
    if (streamId === 0) throw protocolError('a RST_STREAM frame without a stream');
    if (this.isIdle(streamId)) this.rates.strayFrame();
    else this.countReset();
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    const code = readUint32(buffer, start);
    const message = `the peer reset the stream (${errorCodeName(code)})`;
    this.abort(stream, { kind: 'reset', code, message, processed: code !== ERROR_CODE.REFUSED_STREAM });
  }

  private onSettings(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('a SETTINGS frame on a stream');
    if ((flags & FLAG.ACK) !== 0) {
      checkLength(start === end, 'SETTINGS');
      this.areSettingsAcked = true;
      return;
    }
    this.rates.settings();
    const isFirst = !this.hasPeerSettings;
    this.hasPeerSettings = true;
    this.output.head(0, FRAME.SETTINGS, FLAG.ACK, 0);
    readSettings(buffer, start, end, this.applySetting);
    this.onPeerSettings(isFirst);
  }

  private readonly applySetting = (setting: number, value: number) => {
    switch (setting) {
      case SETTING.HEADER_TABLE_SIZE:
        this.encoder.setCapacity(value);
        break;
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.onMaxStreams(value);
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        this.windows.changeInitial(value);
        break;
      case SETTING.MAX_HEADER_LIST_SIZE:
        this.peerHeaderListBytes = Math.min(value, NO_LIST_LIMIT_BYTES);
        break;
      default: // nothing else touches us: our frames are of the size that every peer takes
    }
  };

  protected override onDataWaits(): void {
    this.pings.release();
  }

  private onPing(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('a PING frame on a stream');
    checkLength(end - start === 8, 'PING');
    if ((flags & FLAG.ACK) !== 0) this.onPingAck();
    else this.pings.answer(buffer, start, this.queuedDataBytes > 0);
  }
}
