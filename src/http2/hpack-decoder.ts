// Header decompression (RFC 7541): a header block's bytes -> fields. One decoder per connection.
import { readAmount } from './amount.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { Field, KNOWN, VERDICT } from './field.ts';
import { decodedString, decodeHuffman } from './huffman.ts';
import type { Http2Limits, ListLimits } from './limits.ts';
import { STATIC_TABLE } from './static-table.ts';

// The static table as fields; entry 0 does not exist.
const STATIC_FIELDS: readonly Field[] = [new Field('', '')].concat(
  STATIC_TABLE.map(([name, value], i) => {
    const field = new Field(name, value);
    field.staticIndex = i + 1;
    field.verdict = VERDICT.good;
    return field;
  }),
);

function compressionError(message: string): ConnectionError {
  return new ConnectionError(ERROR_CODE.COMPRESSION_ERROR, message);
}

type BlockLimits = ListLimits & Pick<Http2Limits, 'headerBlockFields'>;

/** Turns header blocks into fields and keeps the dynamic table between them. */
export class Decoder {
  private readonly limits: BlockLimits;
  private readonly tableLimitBytes: number;
  // A ring: the newest entry stands at newest, older ones before it.
  private readonly ring: Field[] = [];
  private readonly ringMask: number;
  private newest = -1;
  private count = 0;
  private sizeBytes = 0;
  private capacityBytes: number;
  private at = 0;
  // Where the string lies that was read last, until the next is read.
  private text: Buffer = decodedString();
  private textStart = 0;
  private textEnd = 0;

  /** `tableLimitBytes` is what we announced as SETTINGS_HEADER_TABLE_SIZE. */
  constructor(limits: BlockLimits, tableLimitBytes: number) {
    this.limits = limits;
    this.tableLimitBytes = tableLimitBytes;
    this.capacityBytes = tableLimitBytes;
    let slots = 8;
    while (slots * 32 < tableLimitBytes) slots *= 2;
    this.ringMask = slots - 1;
  }

  /**
   * Appends the fields of the block source[start, end) to `fields`. Returns false when the list is over
   * `limits`: the rest was decoded for the table's sake but not appended. Throws ConnectionError(COMPRESSION_ERROR).
   */
  decode(
    source: Buffer,
    start: number,
    end: number,
    fields: Field[],
    limits: ListLimits = this.limits,
  ): boolean {
    this.at = start;
    let listBytes = 0;
    let fieldCount = 0;
    let isWithinLimits = true;
    while (this.at < end) {
      const first = source[this.at] as number;
      let field: Field;
      if (first >= 0x80) {
        if (first < 0xff) {
          this.at++;
          field = this.entry(first & 0x7f);
        } else field = this.entry(this.integer(source, end, 7));
      } else if (first >= 0x40) {
        field = this.literal(source, end, 6, false);
        this.insert(field);
      } else if (first >= 0x20) {
        if (fields.length > 0) throw compressionError('a table size update stands behind a field');
        this.resize(this.integer(source, end, 5));
        continue;
      } else field = this.literal(source, end, 4, first >= 0x10);
      listBytes += field.sizeBytes;
      if (++fieldCount > limits.headerFields || listBytes > limits.headerListSizeBytes) {
        isWithinLimits = false;
        if (fieldCount > this.limits.headerBlockFields) {
          throw new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, 'a header block has too many fields');
        }
      }
      if (isWithinLimits) fields.push(field);
    }
    return isWithinLimits;
  }

  private literal(source: Buffer, end: number, prefixBits: number, neverIndexed: boolean): Field {
    const index = this.integer(source, end, prefixBits);
    if (index === 0) {
      const name = this.string(source, end);
      return new Field(name, this.string(source, end), neverIndexed);
    }
    const { name, known, verdict } = this.entry(index);
    this.readString(source, end);
    const amount =
      known === KNOWN.grpcTimeout ? readAmount(this.text, this.textStart, this.textEnd) : undefined;
    const field = new Field(name, amount ?? this.lastString(), neverIndexed, known);
    if (verdict === VERDICT.good) field.verdict = amount === undefined ? VERDICT.goodName : VERDICT.good;
    return field;
  }

  private integer(source: Buffer, end: number, prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = (source[this.at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.at >= end) throw compressionError('a header block ends within a number');
      const byte = source[this.at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw compressionError('a number in a header block is too large');
  }

  private string(source: Buffer, end: number): string {
    this.readString(source, end);
    return this.lastString();
  }

  private lastString(): string {
    return this.text.toString('latin1', this.textStart, this.textEnd);
  }

  private readString(source: Buffer, end: number): void {
    if (this.at >= end) throw compressionError('a header block ends before a string');
    const isHuffman = (source[this.at] as number) >= 0x80;
    const size = this.integer(source, end, 7);
    const start = this.at;
    if (size > end - start) throw compressionError('a header block ends within a string');
    this.at = start + size;
    this.text = source;
    this.textStart = start;
    this.textEnd = this.at;
    if (!isHuffman) return;
    this.textStart = 0;
    this.textEnd = decodeHuffman(source, start, this.at);
    this.text = decodedString();
  }

  private entry(index: number): Field {
    if (index <= 61) {
      if (index === 0) throw compressionError('a header block names entry 0');
      return STATIC_FIELDS[index] as Field;
    }
    if (index - 62 >= this.count) throw compressionError('a header block names an entry that does not exist');
    return this.ring[(this.newest - (index - 62)) & this.ringMask] as Field;
  }

  private insert(field: Field): void {
    const size = field.sizeBytes;
    this.evictTo(this.capacityBytes - size);
    if (size > this.capacityBytes) return; // empties the table, by definition
    this.newest = (this.newest + 1) & this.ringMask;
    this.ring[this.newest] = field;
    this.count++;
    this.sizeBytes += size;
  }

  private resize(capacityBytes: number): void {
    if (capacityBytes > this.tableLimitBytes)
      throw compressionError('the peer wants a larger header table than allowed');
    this.capacityBytes = capacityBytes;
    this.evictTo(capacityBytes);
  }

  private evictTo(sizeBytes: number): void {
    while (this.count > 0 && this.sizeBytes > sizeBytes) {
      this.count--;
      const slot = (this.newest - this.count) & this.ringMask;
      this.sizeBytes -= (this.ring[slot] as Field).sizeBytes;
    }
  }
}
