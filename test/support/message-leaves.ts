// The fields of a CRI message that the wire reader can read, to be compared with what an independent decoder finds there.
import assert from 'node:assert/strict';
import {
  clone,
  createRegistry,
  type DescField,
  type DescMessage,
  equals,
  type Message,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type Path, readBytes, readMap, readString, readStrings, readVarint } from '../../src/cri/wire.ts';

const WITH_UNKNOWN = { unknown: true, registry: createRegistry() };

/** A field that one of the readers can read. */
export interface Leaf {
  readonly path: Path;
  readonly fields: readonly DescField[];
  readonly kind: 'string' | 'bytes' | 'map' | 'varint';
  /** Whether no field on the way may occur several times. */
  readonly isSingular: boolean;
}

const leaves = new Map<DescMessage, readonly Leaf[]>();

/** All fields to be read in a message, down to the depth random messages have. */
export function leavesOf(desc: DescMessage): readonly Leaf[] {
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

/** Throws unless reading a field in buf[start, end) gives what a decoder found there. */
export function checkLeaf(buf: Uint8Array, start: number, end: number, leaf: Leaf, decoded: Message): void {
  const { path, kind, isSingular } = leaf;
  const expected = valuesOf(decoded, leaf.fields);
  if (kind === 'string' && !isSingular) {
    // What is not on the wire is '' to a decoder.
    const texts = readStrings(buf, start, end, path).filter((text) => text !== '');
    assert.deepEqual(
      texts,
      expected.filter((text) => text !== ''),
    );
  }
  if (!isSingular) return;
  const [value] = expected;
  if (kind === 'string') assert.equal(readString(buf, start, end, path) ?? '', value ?? '');
  if (kind === 'varint') assert.equal(readVarint(buf, start, end, path) ?? 0, Number(value ?? 0));
  if (kind === 'bytes') {
    const bytes = readBytes(buf, start, end, path) ?? [];
    assert.deepEqual([...bytes], [...((value ?? []) as Uint8Array)]);
  }
  if (kind === 'map') assert.deepEqual(readMap(buf, start, end, path), new Map(Object.entries(value ?? {})));
}

/** Whether `edited` is `decoded` with one string of another value. */
export function isStringEdited(
  desc: DescMessage,
  decoded: Message,
  leaf: Leaf,
  value: string,
  edited: Message,
): boolean {
  return equals(desc, edited, withString(desc, decoded, leaf, value), WITH_UNKNOWN);
}

/** The values a decoder found at a path, through all messages on the way. */
function valuesOf(message: Message, fields: readonly DescField[]): unknown[] {
  let values: unknown[] = [message];
  for (const field of fields) {
    values = values.flatMap((value) => (value as Record<string, unknown>)[field.localName] ?? []);
  }
  return values;
}

function withString(desc: DescMessage, decoded: Message, leaf: Leaf, value: string): Message {
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
