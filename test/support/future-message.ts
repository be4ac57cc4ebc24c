// CRI messages as a newer release could send them: every field that is known, an unknown value in every enum, and in
// every message, however deep, unknown fields of all wire types.
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A value that no enum of CRI has. */
export const FUTURE_ENUM = 97;
/** The lowest number of the unknown fields; CRI has none as high. */
export const FUTURE_FIELD = 4_000;

/** A message of the type, as bytes. `values` replace its own top-level fields; all strings have `name` in them. */
export function futureMessage(
  desc: DescMessage,
  name: string,
  values: Readonly<Record<string, unknown>> = {},
): Buffer {
  let count = 0;
  const message = fill(desc, () => `${name}-${count++}`);
  return Buffer.from(toBinary(desc, Object.assign(message, values)));
}

function fill(desc: DescMessage, text: () => string): Message {
  const init = Object.fromEntries(desc.fields.map((field) => [field.localName, fieldValue(field, text)]));
  const message = create(desc, init);
  message.$unknown = unknownFields(text);
  return message;
}

function fieldValue(field: DescField, text: () => string): unknown {
  switch (field.fieldKind) {
    case 'scalar':
      return scalarOf(field.scalar, text);
    case 'enum':
      return FUTURE_ENUM;
    case 'message':
      return fill(field.message, text);
    case 'map':
      return { [text()]: text() };
    case 'list':
      return [0, 1].map(() => {
        if (field.listKind === 'message') return fill(field.message, text);
        return field.listKind === 'enum' ? FUTURE_ENUM : scalarOf(field.scalar, text);
      });
    default:
      return field satisfies never;
  }
}

function scalarOf(type: ScalarType, text: () => string): unknown {
  switch (type) {
    case ScalarType.STRING:
      return text();
    case ScalarType.BYTES:
      return Buffer.from(text());
    case ScalarType.BOOL:
      return true;
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return 2n ** 40n + 1n;
    default:
      return 300;
  }
}

/** One of each wire type, a group with fields of its own among them. */
function unknownFields(text: () => string): NonNullable<Message['$unknown']> {
  const write = () => new BinaryWriter();
  const group = write()
    .tag(1, WireType.LengthDelimited)
    .string(text())
    .tag(FUTURE_FIELD + 4, WireType.EndGroup);
  const parts: readonly [WireType, BinaryWriter][] = [
    [WireType.Varint, write().uint64(2n ** 64n - 1n)],
    [WireType.Bit64, write().fixed64(7n)],
    [WireType.LengthDelimited, write().string(text())],
    [WireType.Bit32, write().fixed32(7)],
    [WireType.StartGroup, group],
  ];
  return parts.map(([wireType, writer], at) => ({ no: FUTURE_FIELD + at, wireType, data: writer.finish() }));
}
