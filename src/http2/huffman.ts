// Huffman coding of header strings (RFC 7541 section 5.2), a byte at a time through small tables.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from './huffman-table.ts';

const CODES = Uint32Array.from(HUFFMAN_CODES);
const LENGTHS = Uint8Array.from(HUFFMAN_LENGTHS);

// The decoding tables, 256 entries each, one behind the other; the root is the first. An entry is
// length << 8 | byte when the code ends within these eight bits, the negative place of the next table
// when it goes on, and NO_CODE when no string has these bits.
const NO_CODE = 0x7fffffff;
const TABLES = decodingTables();

function decodingTables(): Int32Array {
  const tables: number[] = new Array(256).fill(NO_CODE);
  for (let byte = 0; byte < 256; byte++) {
    const code = CODES[byte] as number;
    let length = LENGTHS[byte] as number;
    let table = 0;
    while (length > 8) {
      length -= 8;
      const slot = table + ((code >>> length) & 0xff);
      if (tables[slot] === NO_CODE) {
        tables[slot] = -tables.length;
        for (let i = 0; i < 256; i++) tables.push(NO_CODE);
      }
      table = -(tables[slot] as number);
    }
    const first = table + ((code << (8 - length)) & 0xff);
    for (let i = 0; i < 1 << (8 - length); i++) tables[first + i] = (length << 8) | byte;
  }
  return Int32Array.from(tables);
}

// The usual string fits into the one that is kept; a longer one gets a buffer of its own, until the next is decoded.
const KEPT_BYTES = 64 * 1024;
const kept = Buffer.allocUnsafeSlow(KEPT_BYTES);
let scratch = kept;

/** The string that the last decodeHuffman() made lies at the start of this buffer. */
export function decodedString(): Buffer {
  return scratch;
}

/**
 * Decodes the string coded in source[start, end); returns its length, it lies at the start of decodedString().
 * Throws ConnectionError(COMPRESSION_ERROR) on bits that are no string.
 */
export function decodeHuffman(source: Buffer, start: number, end: number): number {
  const mostBytes = ((end - start) * 8) / 5 + 1; // the shortest code has five bits
  scratch = mostBytes <= KEPT_BYTES ? kept : Buffer.allocUnsafeSlow(Math.ceil(mostBytes));
  const target = scratch;
  let size = 0;
  let window = 0; // bits read and not yet used, right-aligned
  let bits = 0;
  let table = 0;
  let bitsSinceCode = 0; // bits used by the code that is not complete yet
  for (let at = start; at < end; at++) {
    window = (window << 8) | (source[at] as number);
    bits += 8;
    while (bits >= 8) {
      const entry = TABLES[table + ((window >>> (bits - 8)) & 0xff)] as number;
      if (entry < 0) {
        table = -entry;
        bits -= 8;
        bitsSinceCode += 8;
      } else if (entry === NO_CODE) {
        throw new ConnectionError(
          ERROR_CODE.COMPRESSION_ERROR,
          'a header string has an unknown Huffman code',
        );
      } else {
        target[size++] = entry;
        bits -= entry >> 8;
        table = 0;
        bitsSinceCode = 0;
      }
    }
    window &= (1 << bits) - 1;
  }
  // Fewer than eight bits are left: codes that end in them, then padding of ones.
  while (bits > 0) {
    const entry = TABLES[table + ((window << (8 - bits)) & 0xff)] as number;
    if (entry < 0 || entry === NO_CODE || entry >> 8 > bits) break;
    target[size++] = entry;
    bits -= entry >> 8;
    table = 0;
    bitsSinceCode = 0;
    window &= (1 << bits) - 1;
  }
  if (bits + bitsSinceCode > 7 || window !== (1 << bits) - 1) {
    throw new ConnectionError(ERROR_CODE.COMPRESSION_ERROR, 'a header string has wrong Huffman padding');
  }
  return size;
}

/** How many bytes the Huffman form of `text` has. */
export function huffmanSizeBytes(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i) & 0xff] as number;
  return (bits + 7) >>> 3;
}

/** Writes the Huffman form of `text` at target[at]; returns the place behind it. */
export function writeHuffman(text: string, target: Buffer, at: number): number {
  let window = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i) & 0xff;
    let code = CODES[byte] as number;
    let length = LENGTHS[byte] as number;
    if (length > 24) {
      // Does not fit into 32 bits beside up to seven waiting ones: its upper part goes first.
      window = (window << (length - 16)) | (code >>> 16);
      bits += length - 16;
      while (bits >= 8) {
        bits -= 8;
        target[at++] = window >>> bits;
      }
      code &= 0xffff;
      length = 16;
      window &= (1 << bits) - 1;
    }
    window = (window << length) | code;
    bits += length;
    while (bits >= 8) {
      bits -= 8;
      target[at++] = window >>> bits;
    }
    window &= (1 << bits) - 1;
  }
  if (bits > 0) target[at++] = (window << (8 - bits)) | (0xff >>> bits);
  return at;
}
