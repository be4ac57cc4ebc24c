// The bytes of a message in a form in which those of two replies can be compared: Go writes the entries of a map in any
// order, and what was measured or drawn at random differs between any two calls. All else, also fields that the schema
// does not have, stays byte for byte and in its order.
import type { DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Fields by message and name (`CpuUsage.timestamp`), each with the reason why it is in the table. */
export type FieldReasons = Readonly<Record<string, string>>;

/** What may differ between two replies that are the same. */
export interface Variations {
  /** Fields whose value does, or that may not be there yet. */
  readonly values: FieldReasons;
  /** Repeated fields whose order does. */
  readonly orders: FieldReasons;
}

/** The message without the fields that vary, and with the entries of maps and what has no order sorted. */
export function comparable(message: Uint8Array, schema: DescMessage, variations: Variations): Buffer {
  const reader = new BinaryReader(message);
  const records: { readonly number: number; readonly bytes: Buffer }[] = [];
  const unordered = new Map<number, Buffer[]>();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((each) => each.number === number);
    const name = `${schema.name}.${field?.name}`;
    let bytes: Uint8Array;
    if (name in variations.values) {
      reader.skip(wireType, number);
      continue;
    }
    if (field?.fieldKind !== 'map' && field?.message && wireType === WireType.LengthDelimited) {
      const inner = comparable(reader.bytes(), field.message, variations);
      bytes = new BinaryWriter().tag(number, wireType).bytes(inner).finish();
    } else {
      reader.skip(wireType, number);
      bytes = message.subarray(start, reader.pos);
    }
    const record = { number, bytes: Buffer.from(bytes) };
    records.push(record);
    if (field?.fieldKind === 'map' || name in variations.orders)
      unordered.set(number, [...(unordered.get(number) ?? []), record.bytes]);
  }
  for (const sorted of unordered.values()) sorted.sort(Buffer.compare);
  return Buffer.concat(records.map(({ number, bytes }) => unordered.get(number)?.shift() ?? bytes));
}

/** The fields of a message, each with its tag: the records of a list reply. */
export function recordsOf(message: Uint8Array): Buffer[] {
  const reader = new BinaryReader(message);
  const records: Buffer[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    records.push(Buffer.from(message.subarray(start, reader.pos)));
  }
  return records;
}
