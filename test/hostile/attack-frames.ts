// The frames that attacks are made of: calls, answers and fields, ready to be sent.
import { encodeField } from '../../src/cri/wire.ts';
import { block, END_HEADERS, END_STREAM, frame, REQUEST, TYPE, uint32 } from '../support/http2-raw-peer.ts';

/** A string field of a protobuf message. */
export function text(number: number, value: string): Uint8Array {
  return encodeField(number, Buffer.from(value));
}

/** A gRPC message of protobuf fields. */
export function requestMessage(...fields: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(fields);
  return Buffer.concat([Buffer.from([0]), uint32(body.length), body]);
}

/** The header block of a call. */
export function headersOf(rpc: string, ...more: (readonly [string, string])[]): Buffer {
  const fields = REQUEST.map(([name, value]): readonly [string, string] =>
    name === ':path' ? [name, `/runtime.v1.RuntimeService/${rpc}`] : [name, value],
  );
  return block(...fields, ...more);
}

/** A call that can be made again and again: its frames on a given stream. */
export function callOf(rpc: string, message: Uint8Array): (streamId: number) => Buffer[] {
  const headers = headersOf(rpc);
  return (streamId) => [
    frame(TYPE.headers, END_HEADERS, streamId, headers),
    frame(TYPE.data, END_STREAM, streamId, message),
  ];
}

/** A call whose request is not finished. */
export function openOf(rpc: string): (streamId: number) => Buffer {
  const headers = headersOf(rpc);
  return (streamId) => frame(TYPE.headers, END_HEADERS, streamId, headers);
}

export function reset(streamId: number, code = 8): Buffer {
  return frame(TYPE.reset, 0, streamId, uint32(code));
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(TYPE.windowUpdate, 0, streamId, uint32(increment));
}

/** So many of what `make` makes, as the parts of one burst. */
export function times(
  count: number,
  make: (index: number) => Uint8Array | readonly Uint8Array[],
): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat();
}

const REPLY = block([':status', '200'], ['content-type', 'application/grpc']);
const OK = block(['grpc-status', '0']);

/** The headers of a reply. */
export function replyHeaders(streamId: number): Buffer {
  return frame(TYPE.headers, END_HEADERS, streamId, REPLY);
}

/** A whole reply. */
export function answerOf(streamId: number, message: Uint8Array): Buffer[] {
  return [
    replyHeaders(streamId),
    frame(TYPE.data, 0, streamId, requestMessage(message)),
    frame(TYPE.headers, END_HEADERS | END_STREAM, streamId, OK),
  ];
}

/** A whole reply that is an error. */
export function errorOf(streamId: number, status: number, message: string): Buffer[] {
  const fields = block(
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-status', `${status}`],
    ['grpc-message', message],
  );
  return [frame(TYPE.headers, END_HEADERS | END_STREAM, streamId, fields)];
}
