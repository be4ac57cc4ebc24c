// Copying for the way of every call.

/** Below this a loop is faster than Buffer.copy, which leaves JavaScript and makes a view of the source. */
const NATIVE_FROM_BYTES = 128;

/** Copies source[start, end) to target[at]; returns the place behind it. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Buffer,
  at: number,
): number {
  if (end - start >= NATIVE_FROM_BYTES) {
    target.set(source.subarray(start, end), at);
    return at + end - start;
  }
  let to = at;
  for (let from = start; from < end; from++) target[to++] = source[from] as number;
  return to;
}
