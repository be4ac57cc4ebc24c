import {
  clone,
  createRegistry,
  type DescMessage,
  equals,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METHODS } from '../../../src/cri/methods.ts';
import {
  encodeField,
  forEachRecord,
  hasOnlyField,
  readBytes,
  readMap,
  readString,
  readStrings,
  readVarint,
  replaceString,
} from '../../../src/cri/wire.ts';
import { forEachRecordWithId } from '../../../src/cri/wire-ids.ts';
import { MalformedMessageError } from '../../../src/errors.ts';
import { arbitraryMessage, arbitraryText } from '../../support/arbitrary-message.ts';
import { CRI_RPCS } from '../../support/cri-descriptors.ts';
import { checkLeaf, isStringEdited, leavesOf } from '../../support/message-leaves.ts';
import { scrambleMessage } from '../../support/scramble-message.ts';

const RUNS = { numRuns: 150 };
const WITH_UNKNOWN = { unknown: true, registry: createRegistry() };

/** A request or reply of CRI, with what a decoder makes of its bytes. */
interface Sample {
  readonly desc: DescMessage;
  readonly bytes: Uint8Array;
  readonly decoded: Message;
}

const types = [...new Set(CRI_RPCS.flatMap((rpc) => [rpc.input, rpc.output]))];
const sample: fc.Arbitrary<Sample> = fc
  .constantFrom(...types)
  .chain((desc) => fc.tuple(fc.constant(desc), arbitraryMessage(desc), fc.boolean(), fc.nat()))
  .map(([desc, message, isScrambled, seed]) => {
    const plain = toBinary(desc, message);
    const bytes = isScrambled ? scrambleMessage(desc, plain, seed) : plain;
    return { desc, bytes, decoded: fromBinary(desc, bytes) };
  })
  .map((made) => Object.assign(made, { [fc.toStringMethod]: () => `${made.desc.name} ${hex(made.bytes)}` }));

describe('the wire reader', () => {
  it('reads every field of every message as a decoder does', () => {
    fc.assert(
      fc.property(sample, ({ desc, bytes, decoded }) => {
        // Amid other bytes, to see that it stays between start and end.
        const buffer = Buffer.concat([Buffer.from([0xff]), bytes, Buffer.from([0xff])]);
        for (const leaf of leavesOf(desc)) checkLeaf(buffer, 1, 1 + bytes.length, leaf, decoded);
      }),
      RUNS,
    );
  });

  it('cuts a message into the records of a field, and knows whether there is nothing else', () => {
    fc.assert(
      fc.property(sample, fc.integer({ min: 1, max: 3 }), ({ bytes }, number) => {
        const fields = topLevelOf(bytes);
        const records: string[] = [];
        forEachRecord(bytes, 0, bytes.length, number, (recordStart, bodyStart, bodyEnd) => {
          const record = hex(bytes.subarray(recordStart, bodyEnd));
          expect(record).toBe(hex(encodeField(number, bytes.subarray(bodyStart, bodyEnd))));
          records.push(record);
        });
        const wanted = fields.filter((field) => field.number === number && field.isDelimited);
        expect(records).toEqual(wanted.map((field) => field.record));
        expect(hasOnlyField(bytes, 0, bytes.length, number)).toBe(wanted.length === fields.length);
      }),
      RUNS,
    );
  });

  it('finds in every record of a list the id that reading the record by itself finds', () => {
    const number = fc.integer({ min: 1, max: 3 });
    const path = fc.array(number, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(sample, number, path, ({ bytes }, field, idPath) => {
        const buffer = Buffer.concat([Buffer.from([0xff]), bytes, Buffer.from([0xff])]);
        const [from, to] = [1, 1 + bytes.length];
        expectSame(
          () => {
            const alone: unknown[] = [];
            forEachRecord(buffer, from, to, field, (recordStart, start, end) => {
              alone.push([recordStart, start, end, readString(buffer, start, end, idPath)]);
            });
            return alone;
          },
          () => {
            const found: unknown[] = [];
            forEachRecordWithId(
              buffer,
              from,
              to,
              field,
              idPath,
              (recordStart, start, end, idStart, idEnd) => {
                const id = idStart < 0 ? undefined : buffer.toString('utf8', idStart, idEnd);
                found.push([recordStart, start, end, id]);
              },
            );
            return found;
          },
        );
      }),
      { numRuns: 400 },
    );
  });

  it('refuses a message that is cut off, wherever it is cut', () => {
    fc.assert(
      fc.property(sample, fc.nat(), ({ desc, bytes }, at) => {
        const end = bytes.length === 0 ? 0 : at % bytes.length;
        const isWhole = decodes(desc, bytes.subarray(0, end));
        for (const read of readers(bytes, end)) {
          if (isWhole) read();
          else expect(read).toThrow(MalformedMessageError);
        }
      }),
      RUNS,
    );
  });

  it('reads any bytes at all, or refuses them as malformed', () => {
    const broken = fc
      .tuple(sample, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([{ bytes }, edits]) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of edits) if (copy.length > 0) copy[at % copy.length] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), broken), (bytes) => {
        for (const read of readers(bytes, bytes.length)) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedMessageError);
          }
        }
      }),
      { numRuns: 600 },
    );
  });
});

describe('the wire editor', () => {
  const edit = sample.chain((made) => {
    const paths = leavesOf(made.desc).filter((leaf) => leaf.isSingular && leaf.kind === 'string');
    if (paths.length === 0) return fc.constant(undefined);
    return fc.record({ made: fc.constant(made), leaf: fc.constantFrom(...paths), value: arbitraryText });
  });

  it('replaces a string as decoding, changing and encoding does', () => {
    fc.assert(
      fc.property(edit, (given) => {
        if (given === undefined) return;
        const { made, leaf, value } = given;
        const edited = fromBinary(made.desc, replaceString(made.bytes, leaf.path, value));
        expect(isStringEdited(made.desc, made.decoded, leaf, value, edited)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('leaves all other bytes as they were: putting the old value back gives the old message', () => {
    fc.assert(
      fc.property(edit, (given) => {
        if (given === undefined) return;
        const { made, leaf, value } = given;
        const old = readString(made.bytes, 0, made.bytes.length, leaf.path) ?? '';
        if (old === '' || value === '') return;
        const there = replaceString(made.bytes, leaf.path, value);
        expect(hex(replaceString(there, leaf.path, old))).toBe(hex(made.bytes));
      }),
      { numRuns: 400 },
    );
  });
});

describe('list replies', () => {
  const lists = METHODS.filter((row) => row.kind === 'list').map((row) => row.name);

  it.each(lists)('of %s joined byte by byte are the list of both', (name) => {
    const desc = CRI_RPCS.find((rpc) => rpc.name === name)?.output;
    const field = desc?.fields[0];
    if (desc === undefined || field === undefined) throw new Error(`the schema has no ${name}`);
    fc.assert(
      fc.property(arbitraryMessage(desc), arbitraryMessage(desc), (one, other) => {
        const joined = fromBinary(desc, Buffer.concat([toBinary(desc, one), toBinary(desc, other)]));
        const merged = clone(desc, one);
        const records = merged[field.localName as never] as unknown[];
        records.push(...(other[field.localName as never] as unknown[]));
        merged.$unknown = [...(one.$unknown ?? []), ...(other.$unknown ?? [])];
        expect(equals(desc, joined, merged, WITH_UNKNOWN)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

function readers(bytes: Uint8Array, end: number): (() => unknown)[] {
  return [
    () => readString(bytes, 0, end, [1]),
    () => readBytes(bytes, 0, end, [2]),
    () => readVarint(bytes, 0, end, [3]),
    () => readMap(bytes, 0, end, [1000]),
    () => readStrings(bytes, 0, end, [1000]),
    () => hasOnlyField(bytes, 0, end, 1),
    () => forEachRecord(bytes, 0, end, 1, () => {}),
    () => forEachRecordWithId(bytes, 0, end, 1000, [1], () => {}),
    () => replaceString(bytes.subarray(0, end), [1000], 'x'),
  ];
}

/** Both give the same or both refuse: a path may lead into bytes that are no message. */
function expectSame(one: () => unknown, other: () => unknown): void {
  const [a, b] = [one, other].map((read) => {
    try {
      return read();
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedMessageError);
      return 'malformed';
    }
  });
  expect(b).toEqual(a);
}

function decodes(desc: DescMessage, bytes: Uint8Array): boolean {
  try {
    fromBinary(desc, bytes);
    return true;
  } catch {
    return false;
  }
}

/** The top-level fields of a message, as an independent reader sees them. */
function topLevelOf(bytes: Uint8Array): { number: number; isDelimited: boolean; record: string }[] {
  const reader = new BinaryReader(bytes);
  const fields: { number: number; isDelimited: boolean; record: string }[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    const isDelimited = wireType === WireType.LengthDelimited;
    fields.push({ number, isDelimited, record: hex(bytes.subarray(start, reader.pos)) });
  }
  return fields;
}

function hex(bytes: Iterable<number>): string {
  return Buffer.from([...bytes]).toString('hex');
}
