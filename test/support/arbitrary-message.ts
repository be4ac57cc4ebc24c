// Random CRI messages for property tests: any part of a message may be there or not, and unknown fields are everywhere.
import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';

type UnknownField = NonNullable<Message['$unknown']>[number];

/** A random message of a type; below `depth` levels there are no further messages. */
export function arbitraryMessage(desc: DescMessage, depth = 4): fc.Arbitrary<Message> {
  const key = `${desc.typeName} ${depth}`;
  const known = arbitraries.get(key);
  if (known !== undefined) return known;
  const fields = desc.fields.filter((field) => depth > 0 || field.message === undefined);
  const parts = fields.map((field) => [field.localName, arbitraryField(field, depth - 1)]);
  const made = fc
    .tuple(
      fc.record(Object.fromEntries(parts), { requiredKeys: [] }),
      fc.array(unknownField(2), { maxLength: 2 }),
    )
    .map(([init, unknown]) => {
      const message = create(desc, init);
      if (unknown.length > 0) message.$unknown = unknown;
      return message;
    });
  arbitraries.set(key, made);
  return made;
}

const arbitraries = new Map<string, fc.Arbitrary<Message>>();

/** Mostly short; some long enough for a length of two bytes. */
const text = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 120, maxLength: 300 }) },
);

/** A string that can be the value of a field. */
export const arbitraryText: fc.Arbitrary<string> = text;

function arbitraryField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case 'scalar':
      return arbitraryScalar(field.scalar);
    case 'enum':
      return fc.integer({ min: -3, max: 200 });
    case 'message':
      return arbitraryMessage(field.message, depth);
    case 'map':
      return fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        text,
        { maxKeys: 3 },
      );
    case 'list': {
      const element = field.message ? arbitraryMessage(field.message, depth) : arbitraryScalar(field.scalar);
      return fc.array(element, { maxLength: 3 });
    }
  }
}

function arbitraryScalar(type: ScalarType | undefined): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 20 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.UINT32:
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case ScalarType.INT64:
      return fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n });
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 53n });
    case ScalarType.DOUBLE:
      return fc.double({ noNaN: true });
    default:
      throw new Error(`CRI has no fields of scalar type ${type}`);
  }
}

/** A field with a number CRI does not use, of any wire type. */
function unknownField(groupDepth: number): fc.Arbitrary<UnknownField> {
  const number = fc.integer({ min: 1000, max: 2 ** 29 - 1 });
  const kinds = [
    part(
      WireType.Varint,
      number,
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => writer().uint64(value)),
    ),
    part(
      WireType.Bit64,
      number,
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => writer().fixed64(value)),
    ),
    part(
      WireType.Bit32,
      number,
      fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => writer().fixed32(value)),
    ),
    part(
      WireType.LengthDelimited,
      number,
      fc.uint8Array({ maxLength: 200 }).map((value) => writer().bytes(value)),
    ),
  ];
  if (groupDepth > 0) kinds.push(group(number, groupDepth));
  return fc.oneof(...kinds);
}

function part(
  wireType: WireType,
  number: fc.Arbitrary<number>,
  content: fc.Arbitrary<BinaryWriter>,
): fc.Arbitrary<UnknownField> {
  return fc.tuple(number, content).map(([no, bytes]) => ({ no, wireType, data: bytes.finish() }));
}

function group(number: fc.Arbitrary<number>, depth: number): fc.Arbitrary<UnknownField> {
  return fc.tuple(number, fc.array(unknownField(depth - 1), { maxLength: 2 })).map(([no, inner]) => {
    const bytes = writer();
    for (const each of inner) bytes.tag(each.no, each.wireType).raw(each.data);
    return { no, wireType: WireType.StartGroup, data: bytes.tag(no, WireType.EndGroup).finish() };
  });
}

function writer(): BinaryWriter {
  return new BinaryWriter();
}
