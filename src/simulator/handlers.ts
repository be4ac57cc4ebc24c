// The types of the simulator's RPC handlers: one for each RPC of the API, checked by the compiler to be complete.

import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { ImageService } from '../cri/gen/runtime/v1/image_service_pb.ts';
import type { RuntimeService } from '../cri/gen/runtime/v1/runtime_service_pb.ts';
import type { ServedVersion } from './profile.ts';

/** What a handler may know about its call beside the request. */
export interface CallContext {
  readonly rpc: string;
  readonly version: ServedVersion;
  /** Aborted when the client left or its deadline passed, and when the runtime closes. */
  readonly signal: AbortSignal;
}

/** A reply as fields, or already encoded. */
export type Reply<O extends DescMessage> = MessageInitShape<O> | Uint8Array;

/** Answers once, or throws an RpcError. */
export type Unary<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: CallContext,
) => Reply<O> | Promise<Reply<O>>;

/** Sends any number of messages; the stream ends with OK when it returns. */
export type Streamed<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: CallContext,
  send: (message: Reply<O>) => void,
) => void | Promise<void>;

type Handler<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends 'unary'
    ? Unary<I, O>
    : Streamed<I, O>
  : never;

/** A handler for each of the 37 RPCs of the runtime service. */
export type RuntimeHandlers = {
  readonly [K in keyof (typeof RuntimeService)['method']]: Handler<(typeof RuntimeService)['method'][K]>;
};

/** A handler for each of the 6 RPCs of the image service. */
export type ImageHandlers = {
  readonly [K in keyof (typeof ImageService)['method']]: Handler<(typeof ImageService)['method'][K]>;
};
