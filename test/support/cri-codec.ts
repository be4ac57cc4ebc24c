// Typed CRI messages for tests: protobufjs (through proto-loader) reads the .proto files and does the coding, so it
// checks the project's own wire code from outside; the types come from the generated TypeScript.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import type { ImageService } from '../../src/cri/gen/runtime/v1/image_service_pb.ts';
import type { RuntimeService } from '../../src/cri/gen/runtime/v1/runtime_service_pb.ts';

type Rpcs = typeof RuntimeService.method & typeof ImageService.method;
type Message<Schema> = Schema extends DescMessage ? MessageShape<Schema> : never;

/** The name of an RPC as the schema writes it: `RunPodSandbox`. */
export type Rpc = Capitalize<keyof Rpcs & string>;

/** A message as protobufjs decodes it: every field is there, an absent message is null, 64-bit numbers are rounded. */
export type Plain<T> = T extends number | bigint
  ? number
  : T extends string | boolean
    ? T
    : T extends Uint8Array
      ? Buffer
      : T extends readonly (infer Item)[]
        ? Plain<Item>[]
        : string extends keyof T
          ? Record<string, string>
          : {
              // biome-ignore lint/complexity/noBannedTypes: `{} extends Pick` asks whether the field may be missing.
              [K in keyof T as K extends `$${string}` ? never : K]-?: {} extends Pick<T, K>
                ? Plain<NonNullable<T[K]>> | null
                : Plain<T[K]>;
            };

/** What may be given to be encoded: any part of a message, or a decoded one. */
export type Init<T> = T extends number | bigint
  ? number
  : T extends string | boolean
    ? T
    : T extends Uint8Array
      ? Uint8Array
      : T extends readonly (infer Item)[]
        ? readonly Init<Item>[]
        : string extends keyof T
          ? Readonly<Record<string, string>>
          : {
              readonly [K in keyof T as K extends `$${string}` ? never : K]?:
                | Init<NonNullable<T[K]>>
                | null
                | undefined;
            };

type Messages = {
  [K in keyof Rpcs & string as Capitalize<K>]: {
    readonly request: Init<Message<Rpcs[K]['input']>>;
    readonly response: Plain<Message<Rpcs[K]['output']>>;
    readonly requestRead: Plain<Message<Rpcs[K]['input']>>;
    readonly responseToWrite: Init<Message<Rpcs[K]['output']>>;
  };
};

/** What is given to call an RPC. */
export type Request<R extends Rpc> = Messages[R]['request'];
/** What an RPC replies. */
export type Response<R extends Rpc> = Messages[R]['response'];

/** The decoded `config` of a RunPodSandboxRequest, as callers may write it. */
export type PodSandboxConfig = NonNullable<Request<'RunPodSandbox'>['config']>;
/** The `config` of a CreateContainerRequest, as callers may write it. */
export type ContainerConfig = NonNullable<Request<'CreateContainer'>['config']>;

/** How to code one RPC, and where it is served. */
export interface Codec<R extends Rpc> {
  readonly service: 'RuntimeService' | 'ImageService';
  readonly isServerStream: boolean;
  encode(request: Request<R>): Buffer;
  decodeRequest(bytes: Uint8Array): Messages[R]['requestRead'];
  encodeResponse(response: Messages[R]['responseToWrite']): Buffer;
  decode(bytes: Uint8Array): Response<R>;
}

function loadCodecs(): Map<string, Codec<Rpc>> {
  const root = fileURLToPath(new URL('../../proto', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.proto'),
  );
  const loaded = loadSync(files, {
    includeDirs: [root],
    longs: Number,
    defaults: true,
    arrays: true,
    objects: true,
  });
  const codecs = new Map<string, Codec<Rpc>>();
  for (const service of ['RuntimeService', 'ImageService'] as const) {
    const definition = loaded[`runtime.v1.${service}`];
    if (definition === undefined)
      throw new Error(`no ${service} in the .proto files of ${path.relative('.', root)}`);
    for (const [name, rpc] of Object.entries(
      definition as Record<string, MethodDefinition<object, object>>,
    )) {
      codecs.set(name, {
        service,
        isServerStream: rpc.responseStream,
        encode: (request) => rpc.requestSerialize(request),
        decodeRequest: (bytes) => rpc.requestDeserialize(Buffer.from(bytes)) as never,
        encodeResponse: (response) => rpc.responseSerialize(response),
        decode: (bytes) => rpc.responseDeserialize(Buffer.from(bytes)) as never,
      });
    }
  }
  return codecs;
}

let codecs: Map<string, Codec<Rpc>> | undefined;

/** The codec of an RPC. The .proto files are read at the first call. */
export function codecOf<R extends Rpc>(rpc: R): Codec<R> {
  codecs ??= loadCodecs();
  const codec = codecs.get(rpc);
  if (codec === undefined) throw new Error(`the .proto files have no RPC ${rpc}`);
  return codec as unknown as Codec<R>;
}

/** All RPC names, in the order of the schema. */
export function allRpcs(): readonly Rpc[] {
  codecs ??= loadCodecs();
  return [...codecs.keys()] as Rpc[];
}
