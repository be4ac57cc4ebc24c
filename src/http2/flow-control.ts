// What the peer may still send us: the window of the whole connection, and what may yet come for streams we reset.
import { DEFAULT_WINDOW_BYTES, FRAME } from './frame.ts';
import type { Output } from './output.ts';

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
