import {
  clone,
  createRegistry,
  type DescField,
  type DescMessage,
  equals,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METHODS } from '../../../src/cri/methods.ts';
import {
  encodeField,
  forEachRecord,
  hasOnlyField,
  type Path,
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
        for (const leaf of leavesOf(desc)) expectLeaf(buffer, 1, 1 + bytes.length, leaf, decoded);
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
        expect(equals(made.desc, edited, withString(made, leaf, value), WITH_UNKNOWN)).toBe(true);
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

/** A field that one of the readers can read. */
interface Leaf {
  readonly path: Path;
  readonly fields: readonly DescField[];
  readonly kind: 'string' | 'bytes' | 'map' | 'varint';
  /** Whether no field on the way may occur several times. */
  readonly isSingular: boolean;
}

const leaves = new Map<DescMessage, readonly Leaf[]>();

/** All fields to be read in a message, down to the depth random messages have. */
function leavesOf(desc: DescMessage): readonly Leaf[] {
  const known = leaves.get(desc) ?? collectLeaves(desc, []);
  leaves.set(desc, known);
  return known;
}

function collectLeaves(desc: DescMessage, above: readonly DescField[]): Leaf[] {
  if (above.length > 4) return [];
  return desc.fields.flatMap((field): Leaf[] => {
    const fields = [...above, field];
    if (field.message !== undefined && field.fieldKind !== 'map') return collectLeaves(field.message, fields);
    const kind = kindOf(field);
    if (kind === undefined) return [];
    const isSingular = fields.every((each) => each.fieldKind !== 'list');
    return [{ path: fields.map((each) => each.number), fields, kind, isSingular }];
  });
}

function kindOf(field: DescField): Leaf['kind'] | undefined {
  if (field.fieldKind === 'map') return 'map';
  if (field.fieldKind === 'enum') return 'varint';
  const scalar = field.fieldKind === 'scalar' || field.fieldKind === 'list' ? field.scalar : undefined;
  if (scalar === 9) return 'string';
  if (scalar === 12) return 'bytes';
  // 1 is double; numbers that repeat come packed.
  return scalar === undefined || scalar === 1 || field.fieldKind === 'list' ? undefined : 'varint';
}

function expectLeaf(buf: Uint8Array, start: number, end: number, leaf: Leaf, decoded: Message): void {
  const { path, kind, isSingular } = leaf;
  const expected = valuesOf(decoded, leaf.fields);
  if (kind === 'string' && !isSingular) {
    // What is not on the wire is '' to a decoder.
    const texts = readStrings(buf, start, end, path).filter((text) => text !== '');
    expect(texts).toEqual(expected.filter((text) => text !== ''));
  }
  if (!isSingular) return;
  const [value] = expected;
  if (kind === 'string') expect(readString(buf, start, end, path) ?? '').toBe(value ?? '');
  if (kind === 'varint') expect(readVarint(buf, start, end, path) ?? 0).toBe(Number(value ?? 0));
  if (kind === 'bytes')
    expect(hex(readBytes(buf, start, end, path) ?? [])).toBe(hex((value ?? []) as Uint8Array));
  if (kind === 'map') expect(readMap(buf, start, end, path)).toEqual(new Map(Object.entries(value ?? {})));
}

/** The values a decoder found at a path, through all messages on the way. */
function valuesOf(message: Message, fields: readonly DescField[]): unknown[] {
  let values: unknown[] = [message];
  for (const field of fields) {
    values = values.flatMap((value) => (value as Record<string, unknown>)[field.localName] ?? []);
  }
  return values;
}

function withString({ desc, decoded }: Sample, leaf: Leaf, value: string): Message {
  const copy = clone(desc, decoded);
  let message: ReflectMessage = reflect(desc, copy);
  for (const field of leaf.fields.slice(0, -1)) {
    if (field.fieldKind !== 'message') throw new Error(`${field} cannot be walked through`);
    // An empty string is no reason to make the messages above it.
    if (!message.isSet(field) && value === '') return copy;
    const below: ReflectMessage = message.get(field);
    message.set(field, below);
    message = below;
  }
  message.set(leaf.fields.at(-1) as DescField, value);
  return copy;
}

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
