// The descriptors of the CRI schema, as the generated code carries them, and how to walk them.
import type { DescFile, DescMessage, DescMethod } from '@bufbuild/protobuf';
import { ImageService } from '../../src/cri/gen/runtime/v1/image_service_pb.ts';
import { RuntimeService } from '../../src/cri/gen/runtime/v1/runtime_service_pb.ts';

/** Both services, in the order of the method table. */
export const CRI_SERVICES = [RuntimeService, ImageService] as const;

/** All files of the schema. */
export const CRI_FILES: readonly DescFile[] = filesBelow(CRI_SERVICES.map((service) => service.file));

/** All RPCs, in order. */
export const CRI_RPCS: readonly DescMethod[] = CRI_SERVICES.flatMap((service) => service.methods);

/** What a field of the schema holds: 'string', 'int64', 'map<string,string>', or the name of a message or enum. */
export type FieldType = {
  readonly name: string;
  readonly isRepeated: boolean;
  readonly message?: DescMessage;
};

/** The type of the field that a path of field numbers leads to; throws where the path leaves the schema. */
export function typeAt(message: DescMessage, path: readonly number[]): FieldType {
  let type: FieldType = { name: message.name, isRepeated: false, message };
  for (const number of path) {
    const field = type.message?.fields.find((each) => each.number === number);
    if (field === undefined) throw new Error(`${message.name} has no field at ${path.join('.')}`);
    type = typeOf(field);
  }
  return type;
}

/** The type of a field. */
export function typeOf(field: DescMessage['fields'][number]): FieldType {
  const isRepeated = field.fieldKind === 'list';
  if (field.fieldKind === 'map') {
    if (field.scalar === undefined) throw new Error(`${field} is a map of messages, which CRI does not have`);
    return { name: `map<${SCALARS[field.mapKey]},${SCALARS[field.scalar]}>`, isRepeated };
  }
  if (field.message !== undefined) return { name: field.message.name, isRepeated, message: field.message };
  if (field.enum !== undefined) return { name: field.enum.name, isRepeated };
  return { name: SCALARS[field.scalar] ?? `scalar ${field.scalar}`, isRepeated };
}

/** Scalar types by the numbers descriptors use. */
const SCALARS: Readonly<Record<number, string>> = {
  1: 'double',
  3: 'int64',
  4: 'uint64',
  5: 'int32',
  8: 'bool',
  9: 'string',
  12: 'bytes',
  13: 'uint32',
};

function filesBelow(files: readonly DescFile[], seen = new Set<DescFile>()): DescFile[] {
  for (const file of files) {
    if (seen.has(file)) continue;
    seen.add(file);
    filesBelow(file.dependencies, seen);
  }
  return [...seen];
}
