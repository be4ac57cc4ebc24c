// Memory for outgoing frames. A connection has some only while it writes, so idle connections hold none.

/** Size of each. */
const MEMORY_BYTES = 128 * 1024;
const KEPT_MEMORIES = 16;
/** Up to this size the views that are written are kept: small calls write the same sizes again and again. */
const KEPT_VIEW_BYTES = 1024;

/** A buffer, and views of its beginning. */
export class FrameMemory {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(MEMORY_BYTES);
  /** By their size. */
  private readonly views = new Array<Buffer | undefined>(KEPT_VIEW_BYTES + 1).fill(undefined);

  /** buffer[start, end). */
  view(start: number, end: number): Buffer {
    if (start > 0 || end > KEPT_VIEW_BYTES) return this.buffer.subarray(start, end);
    let view = this.views[end];
    if (view === undefined) {
      view = this.buffer.subarray(0, end);
      this.views[end] = view;
    }
    return view;
  }
}

const kept: FrameMemory[] = [];

/** Memory to fill. It is not cleared. */
export function takeFrameMemory(): FrameMemory {
  return kept.pop() ?? new FrameMemory();
}

/** Gives it back; nobody may read from it any more. */
export function giveBackFrameMemory(memory: FrameMemory): void {
  if (kept.length < KEPT_MEMORIES) kept.push(memory);
}
