import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionError, ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { Field } from '../../../src/http2/field.ts';
import { Decoder } from '../../../src/http2/hpack-decoder.ts';
import { Encoder, encodedBlock } from '../../../src/http2/hpack-encoder.ts';
import { writeHuffman } from '../../../src/http2/huffman.ts';

const LIMITS = { headerListSizeBytes: 64 * 1024, headerFields: 256, headerBlockFields: 4096 };

function decode(decoder: Decoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const fields: Field[] = [];
  decoder.decode(bytes, 0, bytes.length, fields);
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

function encode(encoder: Encoder, fields: readonly Field[]): Buffer {
  const size = encoder.encode(fields);
  return Buffer.from(encodedBlock().subarray(0, size));
}

/** A header block: a timeout named by the newest entry of the table, its value in Huffman coding. */
function huffmanCoded(text: string): Buffer {
  const target = Buffer.alloc(64);
  const size = writeHuffman(text, target, 2);
  target.set([0x0f, 47]); // entry 62, without a place in the table
  return Buffer.concat([target.subarray(0, 2), Buffer.from([0x80 | (size - 2)]), target.subarray(2, size)]);
}

function expectCompressionError(run: () => unknown): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConnectionError);
  expect((thrown as ConnectionError).code).toBe(ERROR_CODE.COMPRESSION_ERROR);
}

describe('the decoder, on the examples of RFC 7541 appendix C', () => {
  it.each([
    ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key: custom-header']],
    ['C.2.2', '040c2f73616d706c652f70617468', [':path: /sample/path']],
    ['C.2.3', '100870617373776f726406736563726574', ['password: secret']],
    ['C.2.4', '82', [':method: GET']],
  ])('reads the single field of %s', (_, hex, expected) => {
    expect(decode(new Decoder(LIMITS, 4096), hex)).toEqual(expected);
  });

  const requests = [
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
    [
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ],
  ];
  const responses = [
    [
      ':status: 302',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
    [
      ':status: 307',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
    [
      ':status: 200',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:22 GMT',
      'location: https://www.example.com',
      'content-encoding: gzip',
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  ];
  it.each([
    [
      'C.3 (requests, plain strings)',
      4096,
      requests,
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
    ],
    [
      'C.4 (requests, Huffman)',
      4096,
      requests,
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
    ],
    [
      'C.5 (responses that evict, plain strings)',
      256,
      responses,
      [
        '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
        '4803333037c1c0bf',
        '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      ],
    ],
    [
      'C.6 (responses that evict, Huffman)',
      256,
      responses,
      [
        '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        '4883640effc1c0bf',
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      ],
    ],
  ])('reads the sequence of %s', (_, tableBytes, expected, blocks) => {
    const decoder = new Decoder(LIMITS, tableBytes);
    expect(blocks.map((hex) => decode(decoder, hex))).toEqual(expected);
  });
});

describe('the decoder', () => {
  it('gives the same object again while a field is in its table', () => {
    const decoder = new Decoder(LIMITS, 4096);
    const read = (hex: string): Field | undefined => {
      const fields: Field[] = [];
      const bytes = Buffer.from(hex, 'hex');
      decoder.decode(bytes, 0, bytes.length, fields);
      return fields[0];
    };
    const first = read('400a637573746f6d2d6b65790d637573746f6d2d686561646572');
    expect(first?.name).toBe('custom-key');
    expect(read('be')).toBe(first);
  });

  it.each(['119999m', '007S', '99999999u'])(
    'reads the timeout %s as a number, and gives its text as it came',
    (text) => {
      const encoder = new Encoder();
      encode(encoder, [new Field('grpc-timeout', '1999m')]); // lends its name
      for (const bytes of [encode(encoder, [new Field('grpc-timeout', text)]), huffmanCoded(text)]) {
        const decoder = new Decoder(LIMITS, 4096);
        const named = Buffer.from(`400c677270632d74696d656f7574${'0531393939'}6d`, 'hex');
        decoder.decode(named, 0, named.length, []);
        const fields: Field[] = [];
        decoder.decode(bytes, 0, bytes.length, fields);
        const [field] = fields;
        expect(field?.amount).toEqual({
          count: Number.parseInt(text, 10),
          digits: text.length - 1,
          unit: text.charCodeAt(text.length - 1),
        });
        expect(field?.sizeBytes).toBe('grpc-timeout'.length + text.length + 32);
        expect(field?.value).toBe(text);
      }
    },
  );

  it.each(['', 'm', '12', '123456789m', '1.5S', '-1S', '1S ', '12\u00e9'])(
    'leaves a timeout of the form %j what it is: a text',
    (text) => {
      const bytes = encode(new Encoder(), [new Field('grpc-timeout', '1S'), new Field('grpc-timeout', text)]);
      const fields: Field[] = [];
      new Decoder(LIMITS, 4096).decode(bytes, 0, bytes.length, fields);
      expect(fields[1]?.amount).toBeUndefined();
      expect(fields[1]?.value).toBe(text);
    },
  );

  it('keeps that a field must never be indexed', () => {
    const fields: Field[] = [];
    const bytes = Buffer.from('100870617373776f726406736563726574', 'hex');
    new Decoder(LIMITS, 4096).decode(bytes, 0, bytes.length, fields);
    expect(fields[0]?.neverIndexed).toBe(true);
  });

  it.each([
    ['entry 0', '80'],
    ['an entry behind the table', 'be'],
    ['a number that never ends', 'ffffffffffffff7f'],
    ['a number cut off', 'ff'],
    ['a string cut off', '400a6375'],
    ['a name without a value', '400161'],
    ['a table larger than announced', '3fe21f'],
    ['a table size update behind a field', '8220'],
    ['Huffman padding of eight bits', '0081ff00'],
    ['Huffman padding of zeros', '00811800'],
    ['the end mark within a Huffman string', '0084ffffffff00'],
  ])('refuses %s', (_, hex) => {
    expectCompressionError(() => decode(new Decoder(LIMITS, 4096), hex));
  });

  it('stops appending at the limit on the list size, but keeps its table right', () => {
    const decoder = new Decoder({ ...LIMITS, headerListSizeBytes: 100 }, 4096);
    const fields: Field[] = [];
    // Two entries of 38 and 39 bytes go into the table, then both are named ten times.
    const bytes = Buffer.from(`400161057631313131${'400162'}${'06763232323232'}${'bfbe'.repeat(10)}`, 'hex');
    expect(decoder.decode(bytes, 0, bytes.length, fields)).toBe(false);
    expect(fields.length).toBe(2);
    const again: Field[] = [];
    expect(decoder.decode(Buffer.from('bfbe', 'hex'), 0, 2, again)).toBe(true);
    expect(again.map((field) => field.value)).toEqual(['v1111', 'v22222']);
  });

  it('stops appending at the limit on the number of fields', () => {
    const decoder = new Decoder({ ...LIMITS, headerFields: 3 }, 4096);
    const fields: Field[] = [];
    expect(decoder.decode(Buffer.from('82828282', 'hex'), 0, 4, fields)).toBe(false);
    expect(fields.length).toBe(3);
  });
});

describe('the encoder', () => {
  it('sends a repeated field in one byte, also when another object carries it', () => {
    const encoder = new Encoder();
    const userAgent = new Field('user-agent', 'grpc-go/1.80.0');
    expect(encode(encoder, [userAgent]).length).toBeGreaterThan(10);
    expect(encode(encoder, [userAgent]).length).toBe(1);
    expect(encode(encoder, [new Field('user-agent', 'grpc-go/1.80.0')]).length).toBe(1);
  });

  it('sends a changing timeout by value only, its name by number', () => {
    const encoder = new Encoder();
    encode(encoder, [new Field('grpc-timeout', '1999m')]);
    expect(encode(encoder, [new Field('grpc-timeout', '1998m')]).length).toBeLessThan(9);
  });

  it('sends a timeout that comes again in one byte, and gives none that comes once a place in the table', () => {
    const encoder = new Encoder();
    const userAgent = new Field('user-agent', 'grpc-go/1.80.0');
    const often = new Field('grpc-timeout', '119999m');
    encode(encoder, [userAgent, new Field('grpc-timeout', '1999m'), often]);
    for (let i = 0; i < 1_000; i++) encode(encoder, [new Field('grpc-timeout', `${1_000_000 + i}u`)]);
    encode(encoder, [often]);
    expect(encode(encoder, [often, userAgent]).length).toBe(2);
  });

  it('sends metadata that a peer keeps in its table in one byte, from the third time on', () => {
    const encoder = new Encoder();
    const known = new Field('grpc-message', '');
    const sizes = [1, 2, 3].map(() => encode(encoder, [known]).length);
    expect(sizes).toEqual([expect.any(Number), expect.any(Number), 1]);
    // Another object is another value for all we know: seen once, it has no place in the table.
    encode(encoder, [new Field('x-request', 'once')]);
    expect(encode(encoder, [new Field('x-request', 'once')]).length).toBeGreaterThan(1);
  });

  it('keeps a never-indexed field out of the table, even where the table has it', () => {
    const encoder = new Encoder();
    for (const field of [new Field(':method', 'POST', true), new Field('te', 'trailers', true)]) {
      encode(encoder, [new Field(field.name, field.value)]);
      const bytes = encode(encoder, [field]);
      expect((bytes[0] as number) & 0xf0).toBe(0x10);
      const fields: Field[] = [];
      const alone = encode(new Encoder(), [field]);
      new Decoder(LIMITS, 4096).decode(alone, 0, alone.length, fields);
      expect(fields[0]?.neverIndexed).toBe(true);
    }
  });

  it('announces the smallest and the last of several table sizes', () => {
    const encoder = new Encoder();
    encoder.setCapacity(0);
    encoder.setCapacity(100);
    expect(encode(encoder, []).toString('hex')).toBe('203f45');
    expect(encode(encoder, []).length).toBe(0);
  });

  it('does not use more table than by default, however much the peer offers', () => {
    const encoder = new Encoder();
    encoder.setCapacity(1_000_000);
    expect(encode(encoder, []).length).toBe(0);
  });
});

const name = fc.oneof(
  fc.constantFrom(
    ':path',
    ':authority',
    'user-agent',
    'te',
    'grpc-status',
    'grpc-timeout',
    'content-type',
    'x-a',
  ),
  fc.stringMatching(/^[a-z0-9-]{1,40}$/),
);
const value = fc.oneof(
  fc.constantFrom('0', 'trailers', '/a.B/C', 'application/grpc', ''),
  fc.stringMatching(/^[\x20-\xff]{0,300}$/),
  fc.integer({ min: 0, max: 30 }).map(String),
  fc.stringMatching(/^[0-9]{1,9}[A-Za-z]$/),
);
const field = fc
  .tuple(name, value, fc.boolean())
  .map(([n, v, never]) => new Field(n, v, never && v.length > 3));
const step = fc.oneof(
  { weight: 5, arbitrary: fc.array(field, { maxLength: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }) },
);

describe('encoder and decoder together', () => {
  it('give back every list of fields, whatever the table sizes in between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const encoder = new Encoder();
        const decoder = new Decoder({ ...LIMITS, headerListSizeBytes: 1 << 20, headerFields: 1000 }, 4096);
        for (const item of steps) {
          if (typeof item === 'number') {
            encoder.setCapacity(item);
            continue;
          }
          const bytes = encode(encoder, item);
          const fields: Field[] = [];
          expect(decoder.decode(bytes, 0, bytes.length, fields)).toBe(true);
          const plain = (f: Field) => [f.name, f.value, f.neverIndexed, f.known];
          expect(fields.map(plain)).toEqual(item.map(plain));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('share fields between connections without mixing up their tables', () => {
    fc.assert(
      fc.property(
        fc.array(field, { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(2), { maxLength: 60 }),
        (pool, turns) => {
          const pairs = [0, 1, 2].map(() => ({ encoder: new Encoder(), decoder: new Decoder(LIMITS, 4096) }));
          turns.forEach((turn, i) => {
            const { encoder, decoder } = pairs[turn] as (typeof pairs)[number];
            const list = [pool[i % pool.length] as Field, pool[(i * 7) % pool.length] as Field];
            const bytes = encode(encoder, list);
            const fields: Field[] = [];
            decoder.decode(bytes, 0, bytes.length, fields);
            expect(fields.map((f) => f.name + f.value)).toEqual(list.map((f) => f.name + f.value));
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never break on bytes that are no header block: fields or a COMPRESSION_ERROR', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoder = new Decoder(LIMITS, 4096);
        try {
          decoder.decode(Buffer.from(bytes), 0, bytes.length, []);
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectionError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
