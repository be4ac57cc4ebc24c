// Windows of a whole connection: what the peer may still send us, and who waits until we may send again.
import { DEFAULT_WINDOW_BYTES, FRAME } from './frame.ts';
import type { Output } from './output.ts';
import type { Stream } from './stream.ts';

/**
 * The connection's receive window. It is credited on receipt, so no peer can be caught going over it:
 * only a stream's own window holds a peer back.
 */
export class ReceiveWindow {
  private readonly sizeBytes: number;
  private usedBytes = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = Math.max(sizeBytes, DEFAULT_WINDOW_BYTES);
  }

  /** Announces the size; a connection begins with the default. */
  open(output: Output): void {
    const increment = this.sizeBytes - DEFAULT_WINDOW_BYTES;
    if (increment > 0) output.numberFrame(FRAME.WINDOW_UPDATE, 0, increment);
  }

  /** Counts received DATA. */
  take(sizeBytes: number, output: Output): void {
    this.usedBytes += sizeBytes;
    if (this.usedBytes * 2 < this.sizeBytes) return;
    output.numberFrame(FRAME.WINDOW_UPDATE, 0, this.usedBytes);
    this.usedBytes = 0;
  }
}

/** Streams with queued DATA that wait for the connection's window or the socket; they are served in turn. */
export class WaitingStreams {
  private streams: Stream[] = [];

  add(stream: Stream): void {
    if (stream.isWaiting) return;
    stream.isWaiting = true;
    this.streams.push(stream);
  }

  /** Sends one frame of each stream after the other, as long as `hasRoom()`. */
  serve(hasRoom: () => boolean): void {
    while (this.streams.length > 0) {
      const round = this.streams;
      this.streams = [];
      for (let i = 0; i < round.length; i++) {
        if (!hasRoom()) {
          // Those that had no turn come first next time.
          this.streams = round.slice(i).concat(this.streams);
          return;
        }
        const stream = round[i] as Stream;
        stream.isWaiting = false;
        if (stream.queuedBytes > 0) stream.pump(1);
      }
    }
  }

  clear(): void {
    this.streams.length = 0;
  }
}

const REMEMBERED_RESETS = 512;

/** Streams that we reset: the peer may have sent frames for them before it knew. */
export class ResetMemory {
  private readonly ids = new Set<number>();
  private forgottenUpTo = 0;

  add(streamId: number): void {
    this.ids.add(streamId);
    if (this.ids.size <= REMEMBERED_RESETS) return;
    const oldest = this.ids.values().next().value as number;
    this.ids.delete(oldest);
    this.forgottenUpTo = Math.max(this.forgottenUpTo, oldest);
  }

  /** Whether we reset the stream, or may have long ago. */
  has(streamId: number): boolean {
    return this.ids.has(streamId) || streamId <= this.forgottenUpTo;
  }
}
