// Copying for the way of every call.

/** From here on whole words are copied. */
const WORDS_FROM_BYTES = 24;
/** From here on the system's copy is faster, although it leaves JavaScript and makes a view of the source. */
const NATIVE_FROM_BYTES = 640;
/** Buffers of this size are there to stay, for every call: it is worth while to keep a view of the last ones. */
const STANDING_BYTES = 16 * 1024;

let lastSource: Uint8Array = new Uint8Array(0);
let sourceView = new DataView(lastSource.buffer);
let lastTarget = lastSource;
let targetView = sourceView;

/** Copies source[start, end) to target[at]; returns the place behind it. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  const sizeBytes = end - start;
  if (sizeBytes < WORDS_FROM_BYTES) return copySingly(source, start, end, target, at);
  const areStanding = source.length >= STANDING_BYTES && target.length >= STANDING_BYTES;
  if (areStanding && sizeBytes < NATIVE_FROM_BYTES) return copyWords(source, start, end, target, at);
  target.set(source.subarray(start, end), at);
  return at + sizeBytes;
}

function copyWords(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  if (source !== lastSource) {
    lastSource = source;
    sourceView = viewOf(source);
  }
  if (target !== lastTarget) {
    lastTarget = target;
    targetView = viewOf(target);
  }
  const [from, to] = [sourceView, targetView];
  const lastPair = end - 8;
  let next = start;
  let place = at;
  for (; next <= lastPair; next += 8, place += 8) {
    to.setInt32(place, from.getInt32(next));
    to.setInt32(place + 4, from.getInt32(next + 4));
  }
  return copySingly(source, next, end, target, place);
}

function copySingly(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let place = at;
  for (let next = start; next < end; next++) target[place++] = source[next] as number;
  return place;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
