// Header blocks that cost whoever reads them: small to send, large to decode.
import { block, END_HEADERS, END_STREAM, frame, TYPE } from '../support/http2-raw-peer.ts';
import { times } from './attack-frames.ts';

const INDEXED_FIELD_62 = 0xbe; // the newest entry of the dynamic table
const INCREMENTAL_INDEXING = 0x40;
const HUFFMAN = 0x80;

/** A literal field as `block` makes it, which goes into the dynamic table too. */
function indexed(name: string, value: string): Buffer {
  const field = block([name, value]);
  field[0] = INCREMENTAL_INDEXING;
  return field;
}

/** A field that nearly fills the dynamic table of 4,096 bytes. */
export const insertion = indexed('x-bomb', 'b'.repeat(4_000));

/** A block that names this field 15,000 times: 60 MB. */
export const hpackBomb = Buffer.alloc(15_000, INDEXED_FIELD_62);

/** The table made empty (size 0), its old size again (4,096), and filled with small entries. */
export const TABLE_SWINGS = Buffer.concat([
  Buffer.from([0x20, 0x3f, 0xe1, 0x1f]),
  ...times(100, (index) => indexed(`x-${index}`, '')),
]);

/** A field of 60 KB of the shortest Huffman code, five bits for a character, in as many frames as it takes. */
export function huffmanBomb(streamId: number): Buffer[] {
  const size = 60_000;
  const length = [
    HUFFMAN | 0x7f,
    ((size - 127) & 0x7f) | 0x80,
    (((size - 127) >> 7) & 0x7f) | 0x80,
    (size - 127) >> 14,
  ];
  const bytes = Buffer.concat([
    Buffer.from([0, 6]),
    Buffer.from('x-long'),
    Buffer.from(length),
    Buffer.alloc(size),
  ]);
  const parts = times(Math.ceil(bytes.length / 16_384), (index) =>
    bytes.subarray(index * 16_384, (index + 1) * 16_384),
  );
  return parts.map((part, index) =>
    frame(
      index === 0 ? TYPE.headers : TYPE.continuation,
      (index === 0 ? END_STREAM : 0) | (index === parts.length - 1 ? END_HEADERS : 0),
      streamId,
      part,
    ),
  );
}
