// Header blocks: the decoder refuses them or keeps its bounds, and reads what our own encoder writes.
import { ConnectionError, ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { Field } from '../../../src/http2/field.ts';
import { Decoder } from '../../../src/http2/hpack-decoder.ts';
import { Encoder, encodedBlock } from '../../../src/http2/hpack-encoder.ts';
import { DEFAULT_LIMITS } from '../../../src/http2/limits.ts';
import { damage, type Random } from '../random.ts';
import { type FuzzTarget, must } from '../target.ts';

const LENGTH_BYTES = 2;
const NAMES = [
  ':path',
  ':status',
  'content-type',
  'grpc-timeout',
  'grpc-status',
  'te',
  'x-a',
  'x-b',
  'a'.repeat(90),
];
const VALUES = [
  '',
  '/',
  '200',
  'application/grpc',
  '100S',
  '\u00e9\u00ff',
  'trailers',
  'v'.repeat(200),
  '0'.repeat(3_000),
];

/** The input: blocks one after the other, each behind its length in two bytes, all for one decoder. */
export const hpack: FuzzTarget = {
  name: 'hpack',
  make(random) {
    const encoder = new Encoder();
    const blocks = Array.from({ length: 1 + random.below(6) }, () => {
      if (random.once(4)) encoder.setCapacity(random.pick([0, 64, 200, 4_096]));
      const fields = someFields(random);
      const size = encoder.encode(fields);
      const block = damage(random, Buffer.from(encodedBlock().subarray(0, size)), random.below(3));
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt16BE(block.length);
      return Buffer.concat([length, block]);
    });
    return Buffer.concat(blocks);
  },
  check(input) {
    const decoder = new Decoder(DEFAULT_LIMITS, DEFAULT_LIMITS.headerTableBytes);
    for (let at = 0; at + LENGTH_BYTES <= input.length; ) {
      const start = at + LENGTH_BYTES;
      const end = Math.min(input.length, start + input.readUInt16BE(at));
      const fields: Field[] = [];
      try {
        decoder.decode(input, start, end, fields);
      } catch (error) {
        must(error instanceof ConnectionError && error.code === ERROR_CODE.COMPRESSION_ERROR, String(error));
        return; // the connection has ended
      }
      checkBounds(fields);
      checkRoundTrip(fields);
      at = end;
    }
  },
};

function checkBounds(fields: readonly Field[]): void {
  const sizeBytes = fields.reduce((sum, field) => sum + field.name.length + field.value.length + 32, 0);
  must(fields.length <= DEFAULT_LIMITS.headerFields, `${fields.length} fields`);
  must(sizeBytes <= DEFAULT_LIMITS.headerListSizeBytes, `a list of ${sizeBytes} bytes`);
}

/** What was read, written by our encoder and read again, is the same; twice, for the second time it is in the tables. */
function checkRoundTrip(fields: readonly Field[]): void {
  const encoder = new Encoder();
  const decoder = new Decoder(DEFAULT_LIMITS, DEFAULT_LIMITS.headerTableBytes);
  for (let round = 0; round < 2; round++) {
    const again: Field[] = [];
    const size = encoder.encode(fields);
    decoder.decode(Buffer.from(encodedBlock().subarray(0, size)), 0, size, again);
    const text = (list: readonly Field[]) => JSON.stringify(list.map(({ name, value }) => [name, value]));
    must(text(again) === text(fields), 'another list came out than went in');
  }
}

function someFields(random: Random): Field[] {
  return Array.from(
    { length: random.below(8) },
    () => new Field(random.pick(NAMES), random.pick(VALUES), random.once(5)),
  );
}
