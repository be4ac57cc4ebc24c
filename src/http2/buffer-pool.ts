// Buffers for outgoing frames. A connection has one only while it writes, so idle connections hold none.

/** Size of each. */
const BUFFER_BYTES = 128 * 1024;
const KEPT_BUFFERS = 16;
const kept: Buffer[] = [];

/** A buffer to fill. It is not cleared. */
export function takeBuffer(): Buffer {
  return kept.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
}

/** Gives a buffer from takeBuffer() back; nobody may read from it any more. */
export function giveBackBuffer(buffer: Buffer): void {
  if (kept.length < KEPT_BUFFERS) kept.push(buffer);
}
