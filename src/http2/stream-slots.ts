// The open streams of a connection by their ids. Not a Map: under load its tables are replaced all the time, each points
// to the next, and so one that the collector has promoted keeps all later ones alive with the streams and calls they
// held, until the next full collection. This one table is written in place.
import type { Stream } from './stream.ts';

const FIRST_SLOTS = 16;

/** A table with open addressing, at most half full. An id must stay as it is while its stream is here. */
export class StreamSlots {
  private slots: (Stream | undefined)[] = emptySlots(FIRST_SLOTS);
  private count = 0;

  /** How many streams there are. */
  get size(): number {
    return this.count;
  }

  /** The stream with this id. */
  get(id: number): Stream | undefined {
    return this.slots[this.find(id)];
  }

  /** Adds a stream whose id is not here. */
  add(stream: Stream): void {
    if (2 * ++this.count > this.slots.length) this.grow();
    this.slots[this.find(stream.id)] = stream;
  }

  /** Takes the stream with this id out, if it is here. */
  delete(id: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let gap = this.find(id);
    if (slots[gap] === undefined) return;
    this.count--;
    // Whoever was put behind the gap because of its occupant moves up, as an empty slot ends a search.
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at];
      if (stream === undefined) break;
      if (((at - hashOf(stream.id)) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = stream;
      gap = at;
    }
    slots[gap] = undefined;
  }

  /** All streams, oldest first. They may come and go while the array is read. */
  all(): Stream[] {
    return this.slots.filter((stream) => stream !== undefined).sort((a, b) => a.id - b.id);
  }

  /** The largest of all streams' windowOffsetBytes, and at least 0. */
  highestOffsetBytes(): number {
    let highest = 0;
    for (const stream of this.slots) {
      if (stream !== undefined && stream.windowOffsetBytes > highest) highest = stream.windowOffsetBytes;
    }
    return highest;
  }

  /** The slot of this id, or the empty one where it belongs. */
  private find(id: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = hashOf(id) & mask;
    for (;;) {
      const stream = slots[at];
      if (stream === undefined || stream.id === id) return at;
      at = (at + 1) & mask;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = emptySlots(2 * old.length);
    for (const stream of old) if (stream !== undefined) this.slots[this.find(stream.id)] = stream;
  }
}

function emptySlots(count: number): undefined[] {
  return new Array<undefined>(count).fill(undefined);
}

// A peer chooses ids, by leaving some out, and could make all meet in one place if it knew where they go: every process
// has a factor of its own.
const FACTOR = Math.floor(Math.random() * 2 ** 32) | 1;

function hashOf(id: number): number {
  const hash = Math.imul(id, FACTOR);
  return hash ^ (hash >>> 15);
}
