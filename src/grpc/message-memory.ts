// Memory for long messages that are put together from pieces, used again and again: lists come every second, and fresh
// megabytes for each cost more in page faults and garbage collections than all that is done with them.
// Nobody has to take part: a message that is never released is left to the garbage collector.

const SMALLEST_BYTES = 16 * 1024;
const PAGE_BYTES = 4 * 1024;
/** How much lies ready at most. */
const SPARE_BYTES = 16 * 1024 * 1024;
/** Memory that was not wanted while others were taken so often is given up. */
const UNWANTED_TAKES = 64;

/** What lies ready, longest first; `sinceTake` is the value of `takes` when it was released. */
const spare: { readonly memory: Buffer; readonly sinceTake: number }[] = [];
let spareBytes = 0;
let takes = 0;
/** Holders of the memory that is in use. */
const holders = new WeakMap<ArrayBufferLike, number>();

/** Memory of at least `sizeBytes`, with the caller as its one holder. It is not cleared. */
export function takeMemory(sizeBytes: number): Buffer {
  if (sizeBytes < SMALLEST_BYTES) return Buffer.allocUnsafe(sizeBytes);
  const spareMemory = takeSpareMemory(sizeBytes);
  if (spareMemory !== undefined) return spareMemory;
  takes++;
  const memory = Buffer.allocUnsafeSlow(withReserve(sizeBytes));
  holders.set(memory.buffer, 1);
  return memory;
}

/** As takeMemory, but only what lies ready; undefined when nothing fits. */
export function takeSpareMemory(sizeBytes: number): Buffer | undefined {
  const index = spare.length === 0 ? -1 : bestSpare(sizeBytes);
  if (index < 0) return undefined;
  const memory = spare.splice(index, 1)[0]?.memory;
  if (memory === undefined) return undefined;
  takes++;
  spareBytes -= memory.length;
  holders.set(memory.buffer, 1);
  return memory;
}

/** One more holder of the memory in which `message` lies: it stays as it is until all have let go of it. */
export function holdMemory(message: Buffer): void {
  const count = holders.get(message.buffer);
  if (count !== undefined) holders.set(message.buffer, count + 1);
}

/**
 * One holder less. When it was the last, the memory is used for other messages from now on: no view of it may be read
 * any more, and none may wait in a socket. Memory that does not come from here is left alone.
 */
export function releaseMemory(message: Buffer): void {
  const memory = message.buffer;
  const count = holders.get(memory);
  if (count === undefined) return;
  if (count > 1) {
    holders.set(memory, count - 1);
    return;
  }
  holders.delete(memory);
  spare.push({ memory: Buffer.from(memory), sinceTake: takes });
  spareBytes += memory.byteLength;
  while (spareBytes > SPARE_BYTES || takes - (spare[0]?.sinceTake ?? takes) > UNWANTED_TAKES) {
    spareBytes -= spare.shift()?.memory.length ?? spareBytes;
  }
}

/** The smallest that fits and is not far too large, of several the last released; -1 when there is none. */
function bestSpare(sizeBytes: number): number {
  let best = -1;
  let bestBytes = 2 * sizeBytes;
  for (let index = 0; index < spare.length; index++) {
    const { length } = (spare[index] as (typeof spare)[number]).memory;
    if (length < sizeBytes || length > bestBytes) continue;
    best = index;
    bestBytes = length;
  }
  return best;
}

/** The next list is often a little longer. */
function withReserve(sizeBytes: number): number {
  return Math.ceil((sizeBytes * 9) / 8 / PAGE_BYTES) * PAGE_BYTES;
}
