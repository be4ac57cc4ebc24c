// Gives every id a small number, which it finds by the id's text or by its bytes where they lie in a message: nearly
// all ids of a list are known, and looking those up makes no string. The ground of the ledger's tables.
// Runtimes make ids of 64 random hex digits. Ids of any other form work too, by their text alone.

const ID_BYTES = 64;
const ID_WORDS = ID_BYTES / 4;
/** Ids are compared as numbers of eight characters: that is twice as fast as by words of four. */
const ID_NUMBERS = ID_BYTES / 8;
const FIRST_SLOTS = 128;
/**
 * So far from its place an id may stand in the hash table: random ids stand within a few slots. A runtime that makes ids up
 * could have them all in one place; those that do not find room are looked up by their text, in a Map with a secret hash.
 */
const MOST_STEPS = 64;
/** Stands in the words of free numbers, because no ASCII id has it. As one of eight bytes it is NaN, so equal to none. */
const NO_WORD = -1;

/** Ids and their numbers. Numbers count from 0; that of a deleted id is given to a new one. */
export class IdIndex {
  private readonly ids: (string | undefined)[] = [];
  private readonly free: number[] = [];
  /** Ids that are not 64 ASCII characters, or have a NUL among them, or found no room. */
  private readonly others = new Map<string, number>();
  /** The characters of all the others, four in a word; ID_WORDS for each number. */
  private words = new Int32Array((FIRST_SLOTS / 2) * ID_WORDS).fill(NO_WORD);
  /** The same memory. */
  private numbers = new Float64Array(this.words.buffer);
  /** A hash table with open addressing, at most half full: an id's number + 1, or 0. */
  private slots = new Int32Array(FIRST_SLOTS);
  private likelyNext = 0;

  /** How many ids there are. */
  get size(): number {
    return this.ids.length - this.free.length;
  }

  /** The number of an id; -1 when it is not here. */
  find(id: string): number {
    if (id.length === ID_BYTES) {
      const { slots, ids } = this;
      const mask = slots.length - 1;
      let slot = hashOfText(id) & mask;
      for (let steps = 0; slots[slot] !== 0 && steps <= MOST_STEPS; steps++, slot = (slot + 1) & mask) {
        const number = (slots[slot] as number) - 1;
        if (ids[number] === id) return number;
      }
    }
    return this.others.size === 0 ? -1 : (this.others.get(id) ?? -1);
  }

  /**
   * The number of the id that lies in [start, end) of `view`. -1 when it is not here, or has an unusual form: then
   * find() can tell. Costs least when ids are asked for in the order in which they were added, as lists often are.
   */
  findBytes(view: DataView, start: number, end: number): number {
    if (end - start !== ID_BYTES) return -1;
    let number = this.likelyNext;
    if (!this.hasBytes(number, view, start)) {
      const { slots } = this;
      const mask = slots.length - 1;
      let slot = hashOfBytes(view, start) & mask;
      for (let steps = 0; ; steps++) {
        number = (slots[slot] as number) - 1;
        if (number < 0 || steps > MOST_STEPS) return -1;
        if (this.hasBytes(number, view, start)) break;
        slot = (slot + 1) & mask;
      }
    }
    this.likelyNext = number + 1;
    return number;
  }

  /** The id that has this number; undefined when none has. */
  idOf(number: number): string | undefined {
    return this.ids[number];
  }

  /** Numbers an id that is not here yet. */
  add(id: string): number {
    const number = this.free.pop() ?? this.ids.length;
    this.ids[number] = id;
    if (!isUsual(id)) {
      this.others.set(id, number);
      return number;
    }
    this.makeRoom(number);
    const { words } = this;
    for (let word = 0; word < ID_WORDS; word++) words[number * ID_WORDS + word] = wordOfText(id, word);
    this.insert(number);
    return number;
  }

  /** Takes the id of this number out. */
  delete(number: number): void {
    const id = this.ids[number];
    if (id === undefined) return;
    if (!this.others.delete(id)) this.remove(number);
    this.ids[number] = undefined;
    this.free.push(number);
  }

  /** The numbers of all ids that start with `prefix` and are longer. */
  *extensionsOf(prefix: string): Generator<number> {
    for (const [id, number] of this.others) {
      if (id.length > prefix.length && id.startsWith(prefix)) yield number;
    }
    // Whole ids are looked up in vain again and again when their objects are gone: no need to go through all for them.
    if (prefix.length >= ID_BYTES) return;
    for (const [number, id] of this.ids.entries()) {
      if (id?.length === ID_BYTES && id.startsWith(prefix) && !this.others.has(id)) yield number;
    }
  }

  private hasBytes(number: number, view: DataView, start: number): boolean {
    const { numbers } = this;
    let at = number * ID_NUMBERS;
    const end = at + ID_NUMBERS;
    if (end > numbers.length) return false;
    for (let offset = start; at < end; at++, offset += 8) {
      if (numbers[at] !== view.getFloat64(offset, true)) return false;
    }
    return true;
  }

  private hashOf(number: number): number {
    const { words } = this;
    const at = number * ID_WORDS;
    return mix(
      words[at] as number,
      words[at + 5] as number,
      words[at + 10] as number,
      words[at + 15] as number,
    );
  }

  private insert(number: number): void {
    const { slots, words } = this;
    const mask = slots.length - 1;
    let slot = this.hashOf(number) & mask;
    for (let steps = 0; steps <= MOST_STEPS; steps++, slot = (slot + 1) & mask) {
      if (slots[slot] !== 0) continue;
      slots[slot] = number + 1;
      return;
    }
    words.fill(NO_WORD, number * ID_WORDS, (number + 1) * ID_WORDS);
    this.others.set(this.ids[number] as string, number);
  }

  private remove(number: number): void {
    const { slots, words } = this;
    const mask = slots.length - 1;
    let gap = this.hashOf(number) & mask;
    while (slots[gap] !== number + 1) gap = (gap + 1) & mask;
    // Whoever was put behind the gap because of its occupant moves up, as an empty slot ends a search.
    // Nobody stands further from its place than MOST_STEPS.
    for (
      let slot = (gap + 1) & mask;
      slots[slot] !== 0 && ((slot - gap) & mask) <= MOST_STEPS;
      slot = (slot + 1) & mask
    ) {
      const home = this.hashOf((slots[slot] as number) - 1) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      slots[gap] = slots[slot] as number;
      gap = slot;
    }
    slots[gap] = 0;
    words.fill(NO_WORD, number * ID_WORDS, (number + 1) * ID_WORDS);
  }

  private makeRoom(number: number): void {
    const oldWords = this.words;
    const capacity = oldWords.length / ID_WORDS;
    if (number < capacity) return;
    this.words = new Int32Array(2 * oldWords.length).fill(NO_WORD, oldWords.length);
    this.words.set(oldWords);
    this.numbers = new Float64Array(this.words.buffer);
    this.slots = new Int32Array(2 * this.slots.length);
    for (let known = 0; known < capacity; known++) {
      if (oldWords[known * ID_WORDS] !== NO_WORD) this.insert(known);
    }
  }
}

/** Without NUL, whose eight in a row would be 0 and equal to -0, which other bytes stand for. */
function isUsual(id: string): boolean {
  return id.length === ID_BYTES && Buffer.byteLength(id) === ID_BYTES && !id.includes('\0');
}

/** Four characters of an ASCII id as they lie in memory, the first in the lowest byte. */
function wordOfText(id: string, word: number): number {
  const at = word * 4;
  return (
    id.charCodeAt(at) |
    (id.charCodeAt(at + 1) << 8) |
    (id.charCodeAt(at + 2) << 16) |
    (id.charCodeAt(at + 3) << 24)
  );
}

// Both ends and two places between: ids are random, and those made up for tests differ in their beginning or end.

function hashOfText(id: string): number {
  return mix(wordOfText(id, 0), wordOfText(id, 5), wordOfText(id, 10), wordOfText(id, 15));
}

function hashOfBytes(view: DataView, start: number): number {
  return mix(
    view.getInt32(start, true),
    view.getInt32(start + 20, true),
    view.getInt32(start + 40, true),
    view.getInt32(start + 60, true),
  );
}

function mix(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ 0x2545f491, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ b, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ c, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16) ^ d, 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}
