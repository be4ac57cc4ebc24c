// The service tables of the simulator, made by proto-loader from the descriptors inside the generated code.
// No .proto file is read at run time, so the bundled program needs no files beside it. Made on first use only.

import { clone, create, type DescFile, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { loadFileDescriptorSetFromBuffer, type MethodDefinition } from '@grpc/proto-loader';
import { ImageService } from '../cri/gen/runtime/v1/image_service_pb.ts';
import { RuntimeService } from '../cri/gen/runtime/v1/runtime_service_pb.ts';
import type { ServedVersion } from './profile.ts';

/** One RPC of a service table: its path on the wire and whether the reply is a stream. */
export type TableRow = Pick<MethodDefinition<object, object>, 'path' | 'responseStream'>;

/** RPC name to row, for one service in one version. */
export type ServiceTable = ReadonlyMap<string, TableRow>;

const PACKAGE: Readonly<Record<ServedVersion, string>> = { v1: 'runtime.v1', v1alpha2: 'runtime.v1alpha2' };
const tables = new Map<string, ServiceTable>();

/** `runtime.v1.RuntimeService` and its kin. */
export function serviceName(service: 'RuntimeService' | 'ImageService', version: ServedVersion): string {
  return `${PACKAGE[version]}.${service}`;
}

/** The table of a service. The v1alpha2 one has the same RPCs and messages under the older package name. */
export function serviceTable(
  service: 'RuntimeService' | 'ImageService',
  version: ServedVersion,
): ServiceTable {
  const name = serviceName(service, version);
  const known = tables.get(name);
  if (known !== undefined) return known;
  const files = withDependencies([RuntimeService.file, ImageService.file]).map((file) =>
    renamed(file, version),
  );
  const bytes = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files }));
  const definitions = loadFileDescriptorSetFromBuffer(Buffer.from(bytes));
  for (const each of ['RuntimeService', 'ImageService'] as const) {
    const rows = Object.entries(definitions[serviceName(each, version)] ?? {});
    tables.set(serviceName(each, version), new Map(rows));
  }
  const table = tables.get(name);
  if (table === undefined) throw new Error(`the descriptors lack the service ${name}`);
  return table;
}

/** The files and all they import, imported ones first. */
function withDependencies(files: readonly DescFile[], seen = new Map<string, DescFile>()): DescFile[] {
  for (const file of files) {
    if (seen.has(file.proto.name)) continue;
    withDependencies(file.dependencies, seen);
    seen.set(file.proto.name, file);
  }
  return [...seen.values()];
}

function renamed(file: DescFile, version: ServedVersion): FileDescriptorProto {
  const proto = clone(FileDescriptorProtoSchema, file.proto);
  if (version === 'v1' || proto.package !== PACKAGE.v1) return proto;
  const rename = (typeName: string) => typeName.replace(`.${PACKAGE.v1}.`, `.${PACKAGE[version]}.`);
  const renameMessage = (message: DescriptorProto) => {
    for (const field of message.field) field.typeName = rename(field.typeName);
    for (const nested of message.nestedType) renameMessage(nested);
  };
  proto.package = PACKAGE[version];
  for (const message of proto.messageType) renameMessage(message);
  for (const service of proto.service) {
    for (const rpc of service.method) {
      rpc.inputType = rename(rpc.inputType);
      rpc.outputType = rename(rpc.outputType);
    }
  }
  return proto;
}
