// What the peer lets us send: the window of the connection, those of its streams, and who waits for which. Nothing that the
// peer says here costs a walk over its open streams, only over those that have DATA waiting, and those are counted.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { DEFAULT_WINDOW_BYTES, MAX_WINDOW_BYTES } from './frame.ts';
import type { Output } from './output.ts';
import type { PeerRates } from './peer-rates.ts';
import type { Stream } from './stream.ts';
import { StreamLine } from './stream-line.ts';
import type { StreamSlots } from './stream-slots.ts';

/** The windows of one connection. */
export class SendWindows {
  /** What may be sent on all streams together. */
  connectionBytes: number = DEFAULT_WINDOW_BYTES;
  /** The peer's INITIAL_WINDOW_SIZE: a stream's window is this and its own windowOffsetBytes. */
  initialBytes: number = DEFAULT_WINDOW_BYTES;

  private readonly streams: StreamSlots;
  private readonly output: Output;
  private readonly rates: PeerRates;
  /** For the connection's window or the socket: they are served in turn. */
  private readonly waiting = new StreamLine();
  /** For their own window. */
  private readonly stalled = new StreamLine();
  /** No stream's windowOffsetBytes is above this. */
  private highestOffsetBytes = 0;

  constructor(streams: StreamSlots, output: Output, rates: PeerRates) {
    this.streams = streams;
    this.output = output;
    this.rates = rates;
  }

  /** The stream has DATA for which there is no room: it is pumped when there is some. */
  wait(stream: Stream): void {
    if (stream.sendWindowBytes > 0) this.waiting.add(stream);
    else this.stalled.add(stream);
  }

  /** Sends one frame of each stream that waits after the other, as far as there is room. */
  serve(): void {
    while (this.waiting.first !== undefined && this.connectionBytes > 0 && !this.output.isFull()) {
      this.waiting.shift()?.pump(1);
    }
  }

  /** A WINDOW_UPDATE for the connection. Throws ConnectionError. */
  widenConnection(increment: number): void {
    if (increment === 0) throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, 'a WINDOW_UPDATE of nothing');
    this.connectionBytes += increment;
    if (this.connectionBytes > MAX_WINDOW_BYTES) {
      throw new ConnectionError(ERROR_CODE.FLOW_CONTROL_ERROR, 'a WINDOW_UPDATE makes the window too large');
    }
    this.serve();
  }

  /** A WINDOW_UPDATE that the stream's window can take. */
  widenStream(stream: Stream, increment: number): void {
    stream.windowOffsetBytes += increment;
    this.highestOffsetBytes = Math.max(this.highestOffsetBytes, stream.windowOffsetBytes);
    if (stream.line !== this.stalled) return;
    this.stalled.remove(stream);
    stream.pump(Number.POSITIVE_INFINITY);
  }

  /** INITIAL_WINDOW_SIZE changed: every open stream's window moves along, below zero even. Throws ConnectionError. */
  changeInitial(sizeBytes: number): void {
    const isWider = sizeBytes > this.initialBytes;
    this.initialBytes = sizeBytes;
    if (!isWider) return;
    if (sizeBytes + this.highestOffsetBytes > MAX_WINDOW_BYTES) this.checkStreams();
    if (this.stalled.size > 0) this.pumpStalled();
  }

  private checkStreams(): void {
    this.rates.streamVisits(this.streams.size);
    this.highestOffsetBytes = this.streams.highestOffsetBytes();
    if (this.initialBytes + this.highestOffsetBytes <= MAX_WINDOW_BYTES) return;
    throw new ConnectionError(ERROR_CODE.FLOW_CONTROL_ERROR, 'SETTINGS make a window too large');
  }

  private pumpStalled(): void {
    const { stalled } = this;
    this.rates.streamVisits(stalled.size);
    // As many as there are now: those whose window is still shut stand in line again.
    for (let left = stalled.size; left > 0; left--) stalled.shift()?.pump(Number.POSITIVE_INFINITY);
  }
}
