// The bytes of a message put into another form, as a peer with other habits could send them: fields in any order, a
// nested message in two parts, a string that is sent twice. What they mean is for a decoder to say.
import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

interface RawField {
  readonly number: number;
  readonly wireType: WireType;
  /** All that follows the tag. */
  readonly bytes: Uint8Array;
}

/** Scrambles a message; the same seed scrambles it in the same way. */
export function scrambleMessage(desc: DescMessage, bytes: Uint8Array, seed: number): Uint8Array {
  return scramble(desc, bytes, randomFrom(seed), true);
}

function scramble(
  desc: DescMessage,
  bytes: Uint8Array,
  random: () => number,
  mayRepeat: boolean,
): Uint8Array {
  const fields = fieldsOf(bytes).flatMap((raw): RawField[] => {
    const field = desc.fields.find((each) => each.number === raw.number);
    if (field?.fieldKind === 'scalar' && raw.wireType === WireType.LengthDelimited) {
      const isRepeated = mayRepeat && random() < 0.2;
      return isRepeated
        ? [raw, { ...raw, bytes: new BinaryWriter().string(`again-${random()}`).finish() }]
        : [raw];
    }
    if (field?.message === undefined || field.fieldKind === 'map') return [raw];
    const isList = field.fieldKind === 'list';
    const body = fieldsOf(scramble(field.message, bodyOf(raw), random, mayRepeat && !isList));
    const cut = Math.floor(random() * (body.length + 1));
    const parts = isList || random() < 0.5 ? [body] : [body.slice(0, cut), body.slice(cut)];
    return parts.map((part) => ({ ...raw, bytes: new BinaryWriter().bytes(join(part)).finish() }));
  });
  return join(shuffled(fields, random));
}

/** The top-level fields of a message. */
function fieldsOf(bytes: Uint8Array): RawField[] {
  const reader = new BinaryReader(bytes);
  const fields: RawField[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    fields.push({ number, wireType, bytes: reader.skip(wireType, number) });
  }
  return fields;
}

function bodyOf(raw: RawField): Uint8Array {
  return new BinaryReader(raw.bytes).bytes();
}

function join(fields: readonly RawField[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { number, wireType, bytes } of fields) writer.tag(number, wireType).raw(bytes);
  return writer.finish();
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** A small random number generator (xorshift), as a test must be repeatable from its seed. */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
