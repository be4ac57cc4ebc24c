// One HTTP/2 connection over a socket (RFC 9113), the part that both roles share: frames in, checks, settings,
// windows, errors, the end. server.ts and client.ts add who opens streams.
import type { Socket } from 'node:net';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { ConnectionError, ERROR_CODE, errorCodeName, toConnectionError } from './connection-error.ts';
import type { Field } from './field.ts';
import { ReceiveWindow, ResetMemory, WaitingStreams } from './flow-control.ts';
import * as frame from './frame.ts';
import { FLAG, FRAME, SETTING } from './frame.ts';
import { FrameReader, type FrameReceiver, paddingStart } from './frame-reader.ts';
import { HeaderBlock } from './header-block.ts';
import { trailersFault } from './header-rules.ts';
import { Decoder } from './hpack-decoder.ts';
import { Encoder, encodedBlock } from './hpack-encoder.ts';
import { DEFAULT_LIMITS, type Http2Limits, RateLimit } from './limits.ts';
import { beginBatch, endBatch, Output, type OutputOwner } from './output.ts';
import { readSettings, settingsPayload } from './settings.ts';
import { resetByPeer, type Stream, type StreamAbort, type StreamHost } from './stream.ts';

/** What both roles are told and tell. */
export interface ConnectionOptions {
  readonly limits?: Partial<Http2Limits>;
  readonly clock?: Clock;
  /**
   * The connection serves nothing any more; all its streams were aborted before. Called once. `error` only when the
   * peer broke the protocol or a limit (or we have a bug: INTERNAL_ERROR), not when it just left.
   */
  readonly onClose: (reason: string, error: ConnectionError | undefined) => void;
  /** A receiver threw; its stream was reset. Without this the error is dropped. */
  readonly onError?: (error: unknown) => void;
}

const PROBE_ACK_DELAY_MS = 2;
const LINGER_MS = 1000;
const fields: Field[] = []; // of the header list at hand, shared because one is handled at a time

const protocolError = (message: string) => new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, message);
const frameSizeError = (what: string) =>
  new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, `a ${what} frame has a wrong length`);
const tooMany = (what: string) =>
  new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, `too many ${what} in a second`);

/** Base of both roles. Methods named on... are for the reader, the output and the streams. */
export abstract class Connection implements FrameReceiver, StreamHost, OutputOwner {
  readonly output: Output;
  sendWindowBytes: number = frame.DEFAULT_WINDOW_BYTES;
  queuedDataBytes = 0;
  readonly receiveWindowBytes: number;

  protected readonly socket: Socket;
  protected readonly limits: Http2Limits;
  protected readonly clock: Clock;
  protected readonly streams = new Map<number, Stream>();
  protected readonly resets = new ResetMemory();
  protected peerInitialWindowBytes: number = frame.DEFAULT_WINDOW_BYTES;
  protected isClosed = false;

  private readonly options: ConnectionOptions;
  private readonly reader: FrameReader;
  private readonly decoder: Decoder;
  private readonly encoder = new Encoder();
  private readonly receiveWindow: ReceiveWindow;
  private readonly waiting = new WaitingStreams();
  private readonly settingsRate: RateLimit;
  private readonly pingRate: RateLimit;
  private readonly emptyRate: RateLimit;
  private hasPeerSettings = false;
  private areSettingsAcked = false;
  private block: HeaderBlock | undefined;
  private dataStream: Stream | undefined;
  private dataEndsStream = false;
  private paddedBytes = 0;
  private probeTimer: Timer | undefined;
  private lingerTimer: Timer | undefined;

  constructor(socket: Socket, options: ConnectionOptions, expectsPreface: boolean) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.socket = socket;
    this.options = options;
    this.limits = limits;
    this.clock = options.clock ?? systemClock;
    this.receiveWindowBytes = limits.initialWindowBytes;
    this.output = new Output(socket, this, limits);
    this.reader = new FrameReader(this, expectsPreface);
    this.decoder = new Decoder(limits, limits.headerTableBytes);
    this.receiveWindow = new ReceiveWindow(limits.connectionWindowBytes);
    this.settingsRate = new RateLimit(limits.settingsPerSecond);
    this.pingRate = new RateLimit(limits.pingsPerSecond);
    this.emptyRate = new RateLimit(limits.emptyFramesPerSecond);
    socket.on('error', (error: Error) => this.terminate(error.message, undefined));
    socket.on('end', () => this.terminate('the peer closed the connection', undefined));
    socket.on('close', () => {
      this.terminate('the connection was closed', undefined);
      this.lingerTimer?.cancel();
      this.output.close();
    });
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** Bytes that wait here for the peer: queued DATA of all streams and what the socket has not sent. */
  get queuedBytes(): number {
    return this.queuedDataBytes + this.output.unsentBytes;
  }

  /** Ends the connection: GOAWAY with `code`, every stream aborted. */
  close(code: number = ERROR_CODE.NO_ERROR, message = ''): void {
    this.end(code, message, message === '' ? 'closed by us' : message, undefined);
  }

  // ---- what the roles fill in

  /** The highest id of a stream that the peer opened and we took. */
  protected abstract lastPeerStreamId(): number;
  /** Whether no stream with this id was ever opened. */
  protected abstract isIdle(streamId: number): boolean;
  /** Headers for a stream that is not open. */
  protected abstract onUnknownHeaders(
    id: number,
    list: readonly Field[],
    endStream: boolean,
    fits: boolean,
  ): void;
  /** The first headers of a stream that is open: a response. Returns a fault. */
  protected abstract onFirstHeaders(
    stream: Stream,
    list: readonly Field[],
    endStream: boolean,
  ): string | undefined;
  protected abstract onStreamGone(stream: Stream): void;
  protected abstract onPeerSettings(isFirst: boolean): void;
  protected abstract onMaxStreams(count: number): void;
  protected abstract onGoaway(lastStreamId: number, code: number, debug: string): void;
  protected abstract onPingAck(): void;
  /** Counts a reset that the peer caused; throws when it is one too many. */
  protected abstract countReset(): void;
  abstract register(stream: Stream): void;
  abstract onEndSent(stream: Stream): void;

  // ---- start and end

  /** First words of either side, behind the client's preface. */
  protected hello(settings: readonly (readonly [number, number])[]): void {
    const payload = settingsPayload(settings);
    this.output.head(payload.length, FRAME.SETTINGS, 0, 0);
    this.output.copy(payload, 0, payload.length);
    this.receiveWindow.open(this.output);
  }

  /** Takes the first bytes of the shared read buffer. */
  protected takeShared(sizeBytes: number): void {
    this.take(undefined, sizeBytes);
  }

  /** Takes a chunk that the socket allocated. */
  protected takeChunk(chunk: Buffer): void {
    this.take(chunk, 0);
  }

  private take(chunk: Buffer | undefined, sizeBytes: number): void {
    if (this.isClosed) return;
    beginBatch();
    try {
      if (chunk === undefined) this.reader.readShared(sizeBytes);
      else this.reader.read(chunk);
    } catch (error: unknown) {
      this.fail(toConnectionError(error));
    }
    endBatch();
  }

  private fail(error: ConnectionError): void {
    this.end(error.code, error.message, `${errorCodeName(error.code)}: ${error.message}`, error);
  }

  private end(code: number, message: string, reason: string, error: ConnectionError | undefined): void {
    if (this.isClosed) return;
    this.writeGoaway(this.lastPeerStreamId(), code, message);
    this.output.flush();
    this.socket.end();
    this.lingerTimer = this.clock.after(LINGER_MS, () => this.socket.destroy());
    this.terminate(reason, error);
  }

  protected writeGoaway(lastStreamId: number, code: number, message: string): void {
    const debug = Buffer.from(message.slice(0, 200), 'latin1');
    this.output.head(8 + debug.length, FRAME.GOAWAY, 0, 0);
    this.output.at = frame.writeUint32(this.output.buffer, this.output.at, lastStreamId);
    this.output.at = frame.writeUint32(this.output.buffer, this.output.at, code);
    this.output.copy(debug, 0, debug.length);
  }

  private terminate(reason: string, error: ConnectionError | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.reader.stop();
    this.output.close();
    this.probeTimer?.cancel();
    this.waiting.clear();
    beginBatch();
    this.abortAll(reason);
    this.options.onClose(reason, error);
    endBatch();
  }

  protected abortAll(reason: string): void {
    for (const stream of [...this.streams.values()]) {
      this.abort(stream, { kind: 'connection', message: reason, processed: true });
    }
  }

  // ---- streams

  writeHeaders(streamId: number, list: readonly Field[], endStream: boolean): void {
    const size = this.encoder.encode(list);
    const block = encodedBlock();
    const output = this.output;
    const endFlag = endStream ? FLAG.END_STREAM : 0;
    this.pingRate.reset();
    if (size <= frame.MAX_PAYLOAD_BYTES) {
      output.head(size, FRAME.HEADERS, endFlag | FLAG.END_HEADERS, streamId);
      output.copy(block, 0, size);
      return;
    }
    for (let at = 0; at < size; at += frame.MAX_PAYLOAD_BYTES) {
      const to = Math.min(at + frame.MAX_PAYLOAD_BYTES, size);
      const flags = (at === 0 ? endFlag : 0) | (to === size ? FLAG.END_HEADERS : 0);
      output.head(to - at, at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION, flags, streamId);
      output.copy(block, at, to);
    }
  }

  waitForRoom(stream: Stream): void {
    this.waiting.add(stream);
  }

  notifyDrained(stream: Stream): void {
    try {
      stream.receiver.onDrain();
    } catch (error: unknown) {
      this.receiverFailed(stream, error);
    }
  }

  forget(stream: Stream, wasReset: boolean): void {
    this.streams.delete(stream.id);
    if (wasReset) this.resets.add(stream.id);
    this.onStreamGone(stream);
  }

  onRoom(): void {
    this.waiting.serve(this.hasRoom);
  }

  private readonly hasRoom = () => this.sendWindowBytes > 0 && !this.output.isFull();

  onOverflow(error: ConnectionError): void {
    this.terminate(error.message, error);
    this.socket.destroy();
  }

  /** Tells the receiver, as the last thing, why the stream ended. */
  protected abort(stream: Stream, reason: StreamAbort): void {
    if (stream.isClosed) return;
    stream.close(false);
    this.notifyAborted(stream, reason);
  }

  private notifyAborted(stream: Stream, reason: StreamAbort): void {
    try {
      stream.receiver.onAborted(reason);
    } catch (error: unknown) {
      this.options.onError?.(error);
    }
  }

  protected receiverFailed(stream: Stream, error: unknown): void {
    stream.reset(ERROR_CODE.INTERNAL_ERROR);
    this.options.onError?.(error);
  }

  /** The peer broke a rule on one stream: that stream ends, the others go on. */
  protected streamError(stream: Stream, code: number): void {
    stream.reset(code);
    this.notifyAborted(stream, { kind: 'reset', code, processed: true });
    this.countReset();
  }

  protected deliverHeaders(stream: Stream, list: readonly Field[], endStream: boolean): void {
    if (endStream) stream.isRemoteEnded = true;
    try {
      stream.receiver.onHeaders(list, endStream);
    } catch (error: unknown) {
      this.receiverFailed(stream, error);
    }
    if (endStream) this.onRemoteEnded(stream);
  }

  /** The peer's END_STREAM was delivered. */
  protected onRemoteEnded(stream: Stream): void {
    if (stream.isEndSent) stream.close(false);
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
    const window = this.areSettingsAcked
      ? this.receiveWindowBytes
      : Math.max(this.receiveWindowBytes, frame.DEFAULT_WINDOW_BYTES);
    if (stream.isRemoteEnded) this.streamError(stream, ERROR_CODE.STREAM_CLOSED);
    else if (!stream.hasHeaders) this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR);
    else if (stream.uncreditedBytes > window) this.streamError(stream, ERROR_CODE.FLOW_CONTROL_ERROR);
    else {
      this.dataStream = stream;
      this.dataEndsStream = (flags & FLAG.END_STREAM) !== 0;
      this.paddedBytes = (flags & FLAG.PADDED) === 0 ? 0 : payloadBytes;
    }
  }

  onDataPiece(buffer: Buffer, start: number, end: number, isLast: boolean): void {
    const stream = this.dataStream;
    if (stream === undefined || stream.isClosed) return;
    const endStream = isLast && this.dataEndsStream;
    if (start === end && !endStream && this.emptyRate.exceeds(this.clock.now()))
      throw tooMany('empty frames');
    if (this.paddedBytes > 0) stream.consume(this.paddedBytes - (end - start));
    if (start === end && !endStream) return;
    if (endStream) stream.isRemoteEnded = true;
    try {
      stream.receiver.onData(buffer, start, end, endStream);
    } catch (error: unknown) {
      this.receiverFailed(stream, error);
    }
    if (endStream) this.onRemoteEnded(stream);
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
        if (end - start < 8) throw frameSizeError('GOAWAY');
        this.onGoaway(
          frame.readUint31(buffer, start),
          frame.readUint32(buffer, start + 4),
          buffer.toString('latin1', start + 8, Math.min(end, start + 208)),
        );
        break;
      case FRAME.WINDOW_UPDATE:
        this.onWindowUpdate(streamId, buffer, start, end);
        break;
      case FRAME.PRIORITY:
        if (streamId === 0) throw protocolError('a PRIORITY frame without a stream');
        if (end - start !== 5) throw frameSizeError('PRIORITY');
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
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      to = paddingStart(buffer, start, end);
      from++;
    }
    if ((flags & FLAG.PRIORITY) !== 0) from += 5;
    if (from > to) throw frameSizeError('HEADERS');
    const endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) this.onHeaderBlock(streamId, endStream, buffer, from, to);
    else {
      this.block = new HeaderBlock(streamId, endStream);
      this.block.add(buffer, from, to, this.limits);
    }
  }

  private onContinuation(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    const block = this.block;
    if (block === undefined || block.streamId !== streamId)
      throw protocolError('a CONTINUATION frame out of place');
    if (start === end && this.emptyRate.exceeds(this.clock.now())) throw tooMany('empty frames');
    block.add(buffer, start, end, this.limits);
    if ((flags & FLAG.END_HEADERS) === 0) return;
    this.block = undefined;
    const whole = block.join();
    this.onHeaderBlock(streamId, block.endStream, whole, 0, whole.length);
  }

  private onHeaderBlock(
    streamId: number,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    fields.length = 0;
    const fits = this.decoder.decode(buffer, start, end, fields);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.resets.has(streamId) && !this.isIdle(streamId)) return;
      this.onUnknownHeaders(streamId, fields, endStream, fits);
    } else if (stream.isRemoteEnded) this.streamError(stream, ERROR_CODE.STREAM_CLOSED);
    else if (!fits) this.streamError(stream, ERROR_CODE.ENHANCE_YOUR_CALM);
    else if (!stream.hasHeaders) {
      const fault = this.onFirstHeaders(stream, fields, endStream);
      if (fault !== undefined) this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR);
    } else if (!endStream || trailersFault(fields) !== undefined) {
      this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR);
    } else this.deliverHeaders(stream, fields, true);
  }

  private onReset(streamId: number, buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('RST_STREAM');
    if (this.isIdle(streamId)) throw protocolError('a RST_STREAM frame for a stream that was never opened');
    this.countReset();
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.abort(stream, resetByPeer(frame.readUint32(buffer, start)));
  }

  private onSettings(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('a SETTINGS frame on a stream');
    if ((flags & FLAG.ACK) !== 0) {
      if (start !== end) throw frameSizeError('SETTINGS');
      this.areSettingsAcked = true;
      return;
    }
    if (this.settingsRate.exceeds(this.clock.now())) throw tooMany('SETTINGS');
    const isFirst = !this.hasPeerSettings;
    this.hasPeerSettings = true;
    readSettings(buffer, start, end, this.applySetting);
    this.output.head(0, FRAME.SETTINGS, FLAG.ACK, 0);
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
        this.changeWindows(value);
        break;
      default: // nothing else touches us: our frames are of the size that every peer takes
    }
  };

  private changeWindows(sizeBytes: number): void {
    const delta = sizeBytes - this.peerInitialWindowBytes;
    this.peerInitialWindowBytes = sizeBytes;
    for (const stream of [...this.streams.values()]) {
      stream.sendWindowBytes += delta;
      if (stream.sendWindowBytes > frame.MAX_WINDOW_BYTES) {
        throw new ConnectionError(ERROR_CODE.FLOW_CONTROL_ERROR, 'SETTINGS make a window too large');
      }
      if (delta > 0 && stream.queuedBytes > 0) stream.pump(Number.POSITIVE_INFINITY);
    }
  }

  private onPing(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('a PING frame on a stream');
    if (end - start !== 8) throw frameSizeError('PING');
    if ((flags & FLAG.ACK) !== 0) {
      this.onPingAck();
      return;
    }
    if (this.pingRate.exceeds(this.clock.now())) throw tooMany('PINGs');
    const isProbe =
      frame.readUint32(buffer, start) === 0x02041010 && frame.readUint32(buffer, start + 4) === 0x090e0707;
    if (isProbe && this.queuedDataBytes === 0) this.ackProbeLater();
    else {
      this.output.head(8, FRAME.PING, FLAG.ACK, 0);
      this.output.copy(buffer, start, end);
    }
  }

  // grpc-go measures bandwidth with a PING after DATA. An ack of its own would wake the peer once more per call,
  // so it rides with the next write; not when DATA waits, because then the probe is what widens the window.
  private ackProbeLater(): void {
    this.output.addProbeAck();
    if (this.probeTimer !== undefined || this.output.hasUnflushed) return;
    this.probeTimer = this.clock.after(PROBE_ACK_DELAY_MS, () => {
      this.probeTimer = undefined;
      this.output.sendProbeAcks();
    });
  }

  private onWindowUpdate(streamId: number, buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('WINDOW_UPDATE');
    const increment = frame.readUint31(buffer, start);
    if (streamId === 0) {
      if (increment === 0) throw protocolError('a WINDOW_UPDATE of nothing');
      this.sendWindowBytes += increment;
      if (this.sendWindowBytes > frame.MAX_WINDOW_BYTES) {
        throw new ConnectionError(
          ERROR_CODE.FLOW_CONTROL_ERROR,
          'a WINDOW_UPDATE makes the window too large',
        );
      }
      this.onRoom();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolError('a WINDOW_UPDATE for a stream that was never opened');
      return;
    }
    stream.sendWindowBytes += increment;
    if (increment === 0) this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR);
    else if (stream.sendWindowBytes > frame.MAX_WINDOW_BYTES) {
      this.streamError(stream, ERROR_CODE.FLOW_CONTROL_ERROR);
    } else if (stream.queuedBytes > 0 && !stream.isWaiting) stream.pump(Number.POSITIVE_INFINITY);
  }
}
