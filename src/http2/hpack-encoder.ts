// Header compression (RFC 7541): fields -> a header block. One encoder per connection; the bytes land in one
// scratch buffer that all share, because a block is copied into its frame at once.
import { type Field, KNOWN } from './field.ts';
import { huffmanSizeBytes, writeHuffman } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

const DEFAULT_TABLE_BYTES = 4096;
const RING_MASK = DEFAULT_TABLE_BYTES / 32 - 1; // no more entries fit

const STATIC_BY_NAME = new Map<string, number>();
const STATIC_BY_FIELD = new Map<string, number>();
STATIC_TABLE.forEach(([name, value], i) => {
  if (!STATIC_BY_NAME.has(name)) STATIC_BY_NAME.set(name, i + 1);
  STATIC_BY_FIELD.set(`${name}\0${value}`, i + 1);
});

// Which names repeat with the same value from call to call, so that the table is worth its room.
const REPEATS: boolean[] = [];
for (const known of [
  KNOWN.path,
  KNOWN.method,
  KNOWN.scheme,
  KNOWN.authority,
  KNOWN.status,
  KNOWN.contentType,
  KNOWN.userAgent,
  KNOWN.te,
  KNOWN.grpcStatus,
  KNOWN.grpcEncoding,
  KNOWN.grpcAcceptEncoding,
]) {
  REPEATS[known] = true;
}

// Huffman saves at most three bytes of a shorter string: not worth its time, on either side. Every timeout is shorter.
const SHORTEST_CODED = 10;
// It saves a fifth of an error text, but for one of 15 MiB it would hold up everybody for 0.2 s.
const LONGEST_CODED = 64 * 1024;
// A shorter string is copied faster here than by a call out of JavaScript.
const SHORTEST_NATIVE = 24;

function keyOf(field: Field): string {
  return `${field.name}\0${field.value}`;
}

// A block of usual size fits into the buffer that is kept; a longer one gets its own, until the next is encoded.
const kept = Buffer.allocUnsafeSlow(16_384);
let scratch = kept;

/** The block that the last encode() of any encoder made lies at the start of this buffer. */
export function encodedBlock(): Buffer {
  return scratch;
}

/** Turns fields into header blocks and keeps the dynamic table that the peer's decoder mirrors. */
export class Encoder {
  // Insertions are counted from 1 on and never reused; those above `evicted` are in the table.
  private inserted = 0;
  private evicted = 0;
  private readonly ringKeys: string[] = [];
  private readonly ringNames: string[] = [];
  private readonly ringSizes: number[] = [];
  private readonly byField = new Map<string, number>();
  private readonly byName = new Map<string, number>();
  private sizeBytes = 0;
  private capacityBytes = DEFAULT_TABLE_BYTES;
  private smallestAnnouncedBytes = -1;
  private at = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. More than the default is not used. */
  setCapacity(sizeBytes: number): void {
    const capacity = Math.min(sizeBytes, DEFAULT_TABLE_BYTES);
    if (capacity === this.capacityBytes) return;
    this.capacityBytes = capacity;
    this.smallestAnnouncedBytes =
      this.smallestAnnouncedBytes < 0 ? capacity : Math.min(this.smallestAnnouncedBytes, capacity);
    this.evictTo(capacity);
  }

  /** Encodes one header list; returns the size of the block, which lies at the start of encodedBlock(). */
  encode(fields: readonly Field[]): number {
    this.at = 0;
    if (scratch !== kept) scratch = kept;
    if (this.smallestAnnouncedBytes >= 0) this.announceCapacity();
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as Field;
      if (this.at + 16 > scratch.length) this.makeRoom(16);
      if (field.staticIndex > 0) {
        scratch[this.at++] = 0x80 | field.staticIndex;
      } else if (field.lastEncoder === this && field.lastInsertion > this.evicted) {
        this.integer(0x80, 7, this.tableIndex(field.lastInsertion));
      } else this.encodeSlowly(field);
    }
    return this.at;
  }

  private tableIndex(insertion: number): number {
    return 62 + this.inserted - insertion;
  }

  private announceCapacity(): void {
    if (this.smallestAnnouncedBytes < this.capacityBytes) this.integer(0x20, 5, this.smallestAnnouncedBytes);
    this.integer(0x20, 5, this.capacityBytes);
    this.smallestAnnouncedBytes = -1;
  }

  private encodeSlowly(field: Field): void {
    if (field.neverIndexed) this.literal(0x10, 4, field);
    else if (REPEATS[field.known] === true) this.encodeRepeated(field);
    else this.encodeOther(field);
  }

  // Some fields are sent again and again, others once. What comes again as the same field, because the peer it is from
  // has it in a table too, goes into ours; and the very first timeout, which lends its name to all.
  private encodeOther(field: Field): void {
    const isFirstTimeout = field.known === KNOWN.grpcTimeout && !this.byName.has(field.name);
    if (field.lastEncoder === this || isFirstTimeout) this.encodeRepeated(field);
    else {
      this.remember(field, 0);
      this.literal(0, 4, field);
    }
  }

  private encodeRepeated(field: Field): void {
    const key = keyOf(field);
    if (field.staticIndex === 0) {
      field.staticIndex = STATIC_BY_FIELD.get(key) ?? -1;
      if (field.staticIndex > 0) {
        scratch[this.at++] = 0x80 | field.staticIndex;
        return;
      }
    }
    const insertion = this.byField.get(key);
    if (insertion === undefined) this.insert(field, key);
    else {
      this.remember(field, insertion);
      this.integer(0x80, 7, this.tableIndex(insertion));
    }
  }

  private remember(field: Field, insertion: number): void {
    field.lastEncoder = this;
    field.lastInsertion = insertion;
  }

  private insert(field: Field, key: string): void {
    const size = field.sizeBytes;
    if (size > this.capacityBytes) {
      this.literal(0, 4, field);
      return;
    }
    this.literal(0x40, 6, field);
    this.evictTo(this.capacityBytes - size);
    const insertion = ++this.inserted;
    const slot = insertion & RING_MASK;
    this.ringKeys[slot] = key;
    this.ringNames[slot] = field.name;
    this.ringSizes[slot] = size;
    this.byField.set(key, insertion);
    this.byName.set(field.name, insertion);
    this.sizeBytes += size;
    this.remember(field, insertion);
  }

  private evictTo(sizeBytes: number): void {
    while (this.sizeBytes > sizeBytes) {
      const oldest = ++this.evicted;
      const slot = oldest & RING_MASK;
      this.sizeBytes -= this.ringSizes[slot] as number;
      this.byField.delete(this.ringKeys[slot] as string);
      const name = this.ringNames[slot] as string;
      if (this.byName.get(name) === oldest) this.byName.delete(name);
    }
  }

  private literal(mark: number, prefixBits: number, field: Field): void {
    this.makeRoom(field.name.length + field.value.length + 32);
    const named = STATIC_BY_NAME.get(field.name);
    if (named !== undefined) this.integer(mark, prefixBits, named);
    else {
      const insertion = this.byName.get(field.name);
      if (insertion !== undefined) this.integer(mark, prefixBits, this.tableIndex(insertion));
      else {
        scratch[this.at++] = mark;
        this.string(field.name);
      }
    }
    this.string(field.value);
  }

  private string(text: string): void {
    const size = text.length;
    const isCoded = size >= SHORTEST_CODED && size <= LONGEST_CODED;
    const coded = isCoded ? huffmanSizeBytes(text) : size;
    if (coded < size) {
      this.integer(0x80, 7, coded);
      this.at = writeHuffman(text, scratch, this.at);
      return;
    }
    this.integer(0, 7, size);
    if (size < SHORTEST_NATIVE) {
      for (let i = 0; i < size; i++) scratch[this.at++] = text.charCodeAt(i);
    } else this.at += scratch.write(text, this.at, 'latin1');
  }

  private integer(mark: number, prefixBits: number, value: number): void {
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      scratch[this.at++] = mark | value;
      return;
    }
    scratch[this.at++] = mark | mask;
    let rest = value - mask;
    while (rest >= 0x80) {
      scratch[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    scratch[this.at++] = rest;
  }

  private makeRoom(sizeBytes: number): void {
    if (this.at + sizeBytes <= scratch.length) return;
    const larger = Buffer.allocUnsafeSlow((this.at + sizeBytes) * 2);
    scratch.copy(larger, 0, 0, this.at);
    scratch = larger;
  }
}
