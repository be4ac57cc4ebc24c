// Puts the handlers on a grpc-js server: each version the runtime serves, and the runtime's own "no" for the rest.

import type { DescMethod } from '@bufbuild/protobuf';
import { type handleUnaryCall, Server } from '@grpc/grpc-js';
import { ImageService } from '../cri/gen/runtime/v1/image_service_pb.ts';
import { RuntimeService } from '../cri/gen/runtime/v1/runtime_service_pb.ts';
import {
  type CallSurroundings,
  type RpcName,
  serveRefusal,
  serveStream,
  serveUnary,
  unimplemented,
} from './call.ts';
import type { ImageHandlers, RuntimeHandlers, Streamed, Unary } from './handlers.ts';
import type { Profile, ServedVersion } from './profile.ts';
import { RpcError } from './rpc-error.ts';
import { NOT_IN_V1ALPHA2 } from './rpc-gaps.ts';
import { serviceName, serviceTable } from './schema.ts';

const pass = (bytes: Buffer) => bytes;
/** No real RPC can have this path. */
const UNKNOWN_PATH = '/*/*';

/** A server with the services that have handlers, in the versions of the profile. */
export function createServer(
  around: CallSurroundings,
  { runtime, image }: { readonly runtime?: RuntimeHandlers; readonly image?: ImageHandlers },
): Server {
  const { profile } = around.world;
  const server = new Server({
    'grpc.max_receive_message_length': profile.messageLimitBytes,
    'grpc.max_send_message_length': profile.messageLimitBytes,
    // Its bookkeeping costs on each call, and nobody reads it.
    'grpc.enable_channelz': 0,
  });
  for (const version of profile.apis) {
    if (runtime !== undefined)
      addService(server, around, version, 'RuntimeService', RuntimeService.method, runtime);
    if (image !== undefined) addService(server, around, version, 'ImageService', ImageService.method, image);
  }
  const served = [
    ...(runtime ? (['RuntimeService'] as const) : []),
    ...(image ? (['ImageService'] as const) : []),
  ];
  answerUnknownPaths(server, around, served);
  return server;
}

function addService(
  server: Server,
  around: CallSurroundings,
  version: ServedVersion,
  service: 'RuntimeService' | 'ImageService',
  methods: Readonly<Record<string, DescMethod>>,
  handlers: RuntimeHandlers | ImageHandlers,
): void {
  const table = serviceTable(service, version);
  const byName = new Map(Object.entries(handlers));
  for (const [localName, { name: rpc, input, output }] of Object.entries(methods)) {
    const row = table.get(rpc);
    const handler = byName.get(localName);
    if (row === undefined || handler === undefined) throw new Error(`no handler for ${rpc}`);
    const name: RpcName = { rpc, service: serviceName(service, version), version };
    const refusal = refusalOf(around.world.profile, name);
    if (refusal !== undefined) {
      server.register(row.path, serveRefusal(around, name, refusal), pass, pass, 'unary');
    } else if (row.responseStream) {
      const streamed = handler as Streamed<typeof input, typeof output>;
      server.register(
        row.path,
        serveStream(around, name, input, output, streamed),
        pass,
        pass,
        'serverStream',
      );
    } else {
      const unary = handler as Unary<typeof input, typeof output>;
      server.register(row.path, serveUnary(around, name, input, output, unary), pass, pass, 'unary');
    }
  }
}

/** How the runtime refuses an RPC it lacks; undefined for those it serves. */
function refusalOf(profile: Profile, name: RpcName): RpcError | undefined {
  const isUnknown =
    profile.gaps.unknown.includes(name.rpc) ||
    // The reference runtime serves everything under both names; real v1alpha2 stopped early.
    (name.version === 'v1alpha2' && profile.name !== 'reference' && NOT_IN_V1ALPHA2.has(name.rpc));
  if (isUnknown) return unimplemented(name);
  if (!profile.gaps.unimplemented.includes(name.rpc)) return undefined;
  return new RpcError('UNIMPLEMENTED', `method ${name.rpc} not implemented`);
}

/**
 * Answers paths outside the services as Go's gRPC server does.
 * Ideal: a hook of grpc-js for them. Why not: it has none and answers in words of its own. Acceptable, because its
 * table of handlers is a plain map and a test holds the texts.
 */
function answerUnknownPaths(
  server: Server,
  around: CallSurroundings,
  served: readonly ('RuntimeService' | 'ImageService')[],
): void {
  const handlers: unknown = Reflect.get(server, 'handlers');
  if (!(handlers instanceof Map)) throw new Error('this release of grpc-js keeps its handlers elsewhere');
  const { apis } = around.world.profile;
  const services = new Set(apis.flatMap((api) => served.map((service) => serviceName(service, api))));
  const refuse: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    const [, service = '', rpc = ''] = call.getPath().split('/');
    const version: ServedVersion = service.startsWith('runtime.v1alpha2.') ? 'v1alpha2' : 'v1';
    const name: RpcName = { rpc, service, version };
    const isServed = services.has(service);
    const error = isServed
      ? unimplemented(name)
      : new RpcError('UNIMPLEMENTED', `unknown service ${service}`);
    serveRefusal(around, name, error)(call, callback);
  };
  server.register(UNKNOWN_PATH, refuse, pass, pass, 'unary');
  const template: unknown = handlers.get(UNKNOWN_PATH);
  const known = handlers.get.bind(handlers);
  handlers.get = (path: unknown) => known(path) ?? Object.assign({}, template, { path });
}
