// One HTTP/2 connection (RFC 9113), the part that both roles share: each frame checked and given to whom it
// concerns. server.ts and client.ts add who opens streams.
import type { Socket } from 'node:net';
import { ConnectionError, ERROR_CODE, errorCodeName } from './connection-error.ts';
import type { Field } from './field.ts';
import { DEFAULT_WINDOW_BYTES, FLAG, FRAME, readUint31, readUint32, SETTING } from './frame.ts';
import type { FrameReceiver } from './frame-reader.ts';
import { type BlockRange, cutHeaderBlock, HeaderBlock } from './header-block.ts';
import { trailersFault } from './header-rules.ts';
import { Decoder } from './hpack-decoder.ts';
import { RateLimit } from './limits.ts';
import { PingAnswer } from './ping-answer.ts';
import { readSettings, type Settings, settingsPayload } from './settings.ts';
import type { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import type { ConnectionOptions } from './transport.ts';

// Of the header list at hand; shared because one is handled at a time.
const fields: Field[] = [];
const blockRange: BlockRange = { start: 0, end: 0 };

const protocolError = (message: string) => new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, message);
const tooMany = (what: string) =>
  new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, `too many ${what} in a second`);

function checkLength(isRight: boolean, what: string): void {
  if (!isRight) throw new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, `a ${what} frame has a wrong length`);
}

/** Base of both roles. Methods named on... are for the frame reader and the layers below. */
export abstract class Connection extends StreamTable implements FrameReceiver {
  private readonly decoder: Decoder;
  private readonly settingsRate: RateLimit;
  private readonly pings: PingAnswer;
  private readonly emptyRate: RateLimit;
  private hasPeerSettings = false;
  private areSettingsAcked = false;
  private block: HeaderBlock | undefined; // whose CONTINUATION frames are awaited
  private dataStream: Stream | undefined; // of the DATA frame at hand; undefined when it is ignored
  private dataEndsStream = false;
  private paddedBytes = 0;

  constructor(socket: Socket, options: ConnectionOptions) {
    super(socket, options);
    const limits = this.limits;
    this.decoder = new Decoder(limits, limits.headerTableBytes);
    this.settingsRate = new RateLimit(limits.settingsPerSecond);
    this.pings = new PingAnswer(this.output, this.clock, limits.pingsPerSecond);
    this.emptyRate = new RateLimit(limits.emptyFramesPerSecond);
  }

  // ---- what the roles fill in

  /** Whether no stream with this id was ever opened. */
  protected abstract isIdle(streamId: number): boolean;
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

  /** First words of either side, behind the client's preface. */
  protected hello(settings: Settings): void {
    const payload = settingsPayload(settings);
    this.output.head(payload.length, FRAME.SETTINGS, 0, 0);
    this.output.copy(payload, 0, payload.length);
    this.receiveWindow.open(this.output);
  }

  // ---- DATA

  onDataHead(streamId: number, payloadBytes: number, flags: number): void {
    this.dataStream = undefined;
    this.checkOrder(FRAME.DATA, flags);
    if (streamId === 0) throw protocolError('a DATA frame without a stream');
    this.receiveWindow.take(payloadBytes, this.output);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolError('a DATA frame for a stream that was never opened');
      if (this.resets.has(streamId)) return;
      throw new ConnectionError(ERROR_CODE.STREAM_CLOSED, 'a DATA frame for a closed stream');
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
    if (start === end && !endStream) this.countEmptyFrame();
    else this.deliverData(stream, buffer, start, end, endStream);
  }

  // Until the peer has acked our SETTINGS it may go by the default.
  private allowedBytes(): number {
    return this.areSettingsAcked
      ? this.receiveWindowBytes
      : Math.max(this.receiveWindowBytes, DEFAULT_WINDOW_BYTES);
  }

  private countEmptyFrame(): void {
    if (this.emptyRate.exceeds(this.clock.now())) throw tooMany('empty frames');
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
      case FRAME.GOAWAY: {
        if (streamId !== 0) throw protocolError('a GOAWAY frame on a stream');
        checkLength(end - start >= 8, 'GOAWAY');
        const debug = buffer.toString('latin1', start + 8, Math.min(end, start + 208));
        const code = errorCodeName(readUint32(buffer, start + 4));
        this.onGoaway(readUint31(buffer, start), debug === '' ? code : `${code}: ${debug}`);
        break;
      }
      case FRAME.WINDOW_UPDATE:
        this.onWindowUpdate(streamId, buffer, start, end);
        break;
      case FRAME.PRIORITY: // checked, and otherwise without meaning
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
    if (this.block !== undefined && type !== FRAME.CONTINUATION) {
      throw protocolError('another frame stands within a header block');
    }
  }

  private onHeaders(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId === 0) throw protocolError('a HEADERS frame without a stream');
    cutHeaderBlock(flags, buffer, start, end, blockRange);
    const endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.onHeaderBlock(streamId, endStream, buffer, blockRange.start, blockRange.end);
    } else {
      this.block = new HeaderBlock(streamId, endStream, this.limits);
      this.block.add(buffer, blockRange.start, blockRange.end);
    }
  }

  private onContinuation(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    const block = this.block;
    if (block === undefined || block.streamId !== streamId) {
      throw protocolError('a CONTINUATION frame out of place');
    }
    if (start === end) this.countEmptyFrame();
    block.add(buffer, start, end);
    if ((flags & FLAG.END_HEADERS) === 0) return;
    this.block = undefined;
    const whole = block.join();
    this.onHeaderBlock(streamId, block.endStream, whole, 0, whole.length);
  }

  private onHeaderBlock(id: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    fields.length = 0;
    const fits = this.decoder.decode(buffer, start, end, fields);
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id) || !this.resets.has(id)) this.onUnknownHeaders(id, fields, endStream, fits);
    } else if (stream.isRemoteEnded) {
      this.streamError(stream, ERROR_CODE.STREAM_CLOSED, 'headers behind the end of their stream');
    } else if (!fits) this.streamError(stream, ERROR_CODE.ENHANCE_YOUR_CALM, 'headers are over their limits');
    else if (stream.hasHeaders) this.onTrailers(stream, endStream);
    else {
      const fault = this.onFirstHeaders(stream, fields, endStream);
      if (fault !== undefined) this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, fault);
    }
  }

  private onTrailers(stream: Stream, endStream: boolean): void {
    const fault = endStream ? trailersFault(fields) : 'trailers that do not end their stream';
    if (fault === undefined) this.deliverHeaders(stream, fields, true);
    else this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, fault);
  }

  private onReset(streamId: number, buffer: Buffer, start: number, end: number): void {
    checkLength(end - start === 4, 'RST_STREAM');
    if (this.isIdle(streamId)) throw protocolError('a RST_STREAM frame for a stream that was never opened');
    this.countReset();
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
    if (this.settingsRate.exceeds(this.clock.now())) throw tooMany('SETTINGS');
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
        this.changeSendWindows(value);
        break;
      default: // nothing else touches us: our frames are of the size that every peer takes
    }
  };

  private onPing(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('a PING frame on a stream');
    checkLength(end - start === 8, 'PING');
    if ((flags & FLAG.ACK) !== 0) {
      this.onPingAck();
      return;
    }
    this.pings.answer(buffer, start, this.queuedDataBytes > 0);
  }

  private onWindowUpdate(streamId: number, buffer: Buffer, start: number, end: number): void {
    checkLength(end - start === 4, 'WINDOW_UPDATE');
    const increment = readUint31(buffer, start);
    if (streamId === 0) {
      this.widenConnection(increment);
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.updateStreamWindow(stream, increment);
    else if (this.isIdle(streamId)) {
      throw protocolError('a WINDOW_UPDATE for a stream that was never opened');
    }
  }
}
