// The streams of a connection: who they are, what they receive, how they end, and the windows of both directions.
import type { Socket } from 'node:net';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import type { Field } from './field.ts';
import { ReceiveWindow, ResetMemory } from './flow-control.ts';
import { FLAG, FRAME, MAX_PAYLOAD_BYTES, MAX_WINDOW_BYTES } from './frame.ts';
import { Encoder, encodedBlock } from './hpack-encoder.ts';
import { NO_LIST_LIMIT_BYTES, openListLimits } from './limits.ts';
import { PeerRates } from './peer-rates.ts';
import { SendWindows } from './send-windows.ts';
import { type Settings, settingsPayload } from './settings.ts';
import type { Stream, StreamAbort } from './stream.ts';
import type { StreamHost } from './stream-host.ts';
import { StreamSlots } from './stream-slots.ts';
import { type ConnectionOptions, Transport } from './transport.ts';

/** A transport with streams on it. */
export abstract class StreamTable extends Transport implements StreamHost {
  readonly windows: SendWindows;
  readonly receiveWindowBytes: number;
  peerHeaderListBytes: number = NO_LIST_LIMIT_BYTES;

  /** DATA that waits on all streams together. */
  protected queuedDataBytes = 0;
  /** Open streams whose peer has sent its END_STREAM. */
  protected remoteEnded = 0;
  protected readonly streams = new StreamSlots();
  protected readonly resets = new ResetMemory();
  protected readonly rates: PeerRates;
  protected readonly encoder = new Encoder();
  protected readonly receiveWindow: ReceiveWindow;

  constructor(socket: Socket, options: ConnectionOptions) {
    super(socket, options);
    this.receiveWindowBytes = this.limits.initialWindowBytes;
    this.receiveWindow = new ReceiveWindow(this.limits.connectionWindowBytes);
    this.rates = new PeerRates(this.limits, this.clock, options.budget);
    this.windows = new SendWindows(this.streams, this.output, this.rates);
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** Bytes that wait here for the peer: queued DATA of all streams and what the socket has not sent. */
  get queuedBytes(): number {
    return this.queuedDataBytes + this.output.unsentBytes;
  }

  /** First words of either side, behind the client's preface. */
  protected hello(settings: Settings): void {
    const payload = settingsPayload(settings);
    this.output.head(payload.length, FRAME.SETTINGS, 0, 0);
    this.output.copy(payload, 0, payload.length);
    this.receiveWindow.open(this.output);
  }

  // ---- what streams ask for

  abstract register(stream: Stream): void;
  abstract onEndSent(stream: Stream): void;

  writeHeaders(streamId: number, fields: readonly Field[], endStream: boolean): void {
    const size = this.encoder.encode(fields);
    const block = encodedBlock();
    const output = this.output;
    const endFlag = endStream ? FLAG.END_STREAM : 0;
    if (size <= MAX_PAYLOAD_BYTES) {
      output.head(size, FRAME.HEADERS, endFlag | FLAG.END_HEADERS, streamId);
      output.copy(block, 0, size);
      return;
    }
    for (let at = 0; at < size; at += MAX_PAYLOAD_BYTES) {
      const to = Math.min(at + MAX_PAYLOAD_BYTES, size);
      const flags = (at === 0 ? endFlag : 0) | (to === size ? FLAG.END_HEADERS : 0);
      output.head(to - at, at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION, flags, streamId);
      output.copy(block, at, to);
    }
  }

  addQueued(sizeBytes: number): void {
    if (this.queuedDataBytes === 0) this.onDataWaits();
    this.queuedDataBytes += sizeBytes;
  }

  override onRoom(): void {
    this.windows.serve();
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
    if (stream.isRemoteEnded) this.remoteEnded--;
    if (wasReset) this.resets.add(stream.id);
    this.onStreamGone(stream);
  }

  // ---- what the roles fill in

  /** Whether no stream with this id was ever opened. */
  protected abstract isIdle(streamId: number): boolean;
  /** DATA begins to wait, and none did before. */
  protected abstract onDataWaits(): void;
  protected abstract onStreamGone(stream: Stream): void;
  /** Counts a reset that the peer caused; throws when it is one too many. */
  protected abstract countReset(): void;

  /** Counts an empty DATA frame for a stream that we have reset; throws when it is one too many. */
  protected abstract countLate(): void;

  /** The peer's END_STREAM was delivered. */
  protected onRemoteEnded(stream: Stream): void {
    if (stream.isEndSent) stream.close(false);
  }

  // ---- what streams receive

  protected deliverHeaders(stream: Stream, fields: readonly Field[], endStream: boolean): void {
    if (endStream) this.endRemote(stream);
    try {
      stream.receiver.onHeaders(fields, endStream);
    } catch (error: unknown) {
      this.receiverFailed(stream, error);
    }
    if (endStream) this.onRemoteEnded(stream);
  }

  protected deliverData(
    stream: Stream,
    buffer: Buffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    if (endStream) this.endRemote(stream);
    try {
      stream.receiver.onData(buffer, start, end, endStream);
    } catch (error: unknown) {
      this.receiverFailed(stream, error);
    }
    if (endStream) this.onRemoteEnded(stream);
  }

  private endRemote(stream: Stream): void {
    stream.isRemoteEnded = true;
    this.remoteEnded++;
  }

  protected receiverFailed(stream: Stream, error: unknown): void {
    stream.reset(ERROR_CODE.INTERNAL_ERROR);
    this.reportError(error);
  }

  /** DATA for a stream that is not open: what was under way when we reset it is ignored. */
  protected onStrayData(streamId: number, sizeBytes: number): void {
    if (this.isIdle(streamId))
      throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, 'a DATA frame for a stream that was never opened');
    if (!this.resets.has(streamId))
      throw new ConnectionError(ERROR_CODE.STREAM_CLOSED, 'a DATA frame for a closed stream');
    if (sizeBytes === 0) this.countLate();
  }

  // ---- how streams end

  /** Ends the stream without a frame and tells its receiver, as the last thing, why. */
  protected abort(stream: Stream, reason: StreamAbort): void {
    if (stream.isClosed) return;
    stream.close(false);
    this.notifyAborted(stream, reason);
  }

  /** The peer broke a rule on one stream: that one ends, the others go on. */
  protected streamError(stream: Stream, code: number, message: string): void {
    stream.reset(code);
    this.notifyAborted(stream, { kind: 'reset', code, message, processed: true });
    this.countReset();
  }

  /** Its headers are over our limits: the stream ends, the others go on. */
  protected oversized(stream: Stream, endStream: boolean): void {
    const { headerListSizeBytes, headerFields } = endStream ? this.limits : openListLimits(this.limits);
    stream.reset(ERROR_CODE.ENHANCE_YOUR_CALM);
    const where = endStream ? '' : ' without ending the stream';
    const message = `its headers have more than ${headerListSizeBytes} bytes or ${headerFields} fields${where}`;
    this.notifyAborted(stream, { kind: 'oversize', message, processed: true });
    this.countReset();
  }

  protected override abortAll(reason: string): void {
    for (const stream of this.streams.all()) {
      this.abort(stream, { kind: 'connection', message: reason, processed: true });
    }
  }

  private notifyAborted(stream: Stream, reason: StreamAbort): void {
    try {
      stream.receiver.onAborted(reason);
    } catch (error: unknown) {
      this.reportError(error);
    }
  }

  // ---- send windows

  protected onWindowUpdate(streamId: number, increment: number): void {
    const stream = this.streams.get(streamId);
    if (streamId === 0) this.windows.widenConnection(increment);
    else if (stream !== undefined) this.updateStreamWindow(stream, increment);
    else if (this.isIdle(streamId)) this.rates.strayFrame();
  }

  private updateStreamWindow(stream: Stream, increment: number): void {
    if (increment === 0) this.streamError(stream, ERROR_CODE.PROTOCOL_ERROR, 'a WINDOW_UPDATE of nothing');
    else if (stream.sendWindowBytes + increment > MAX_WINDOW_BYTES) {
      this.streamError(stream, ERROR_CODE.FLOW_CONTROL_ERROR, 'a WINDOW_UPDATE makes the window too large');
    } else this.windows.widenStream(stream, increment);
  }
}
