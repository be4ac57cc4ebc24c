// The answer to a request that is not gRPC at all, such as that of a browser or of curl without a content-type.
import { STATUS, trailers } from '../grpc/status.ts';
import { Field, KNOWN } from '../http2/field.ts';
import type { Call } from './call.ts';

// What the gRPC specification asks for where the content-type does not begin with application/grpc.
const HEADERS: readonly Field[] = [
  new Field(':status', '415'),
  new Field('content-type', 'text/plain; charset=utf-8'),
];
const STATUS_NAME = 'UNIMPLEMENTED';
const TRAILERS: readonly Field[] = trailers(STATUS_NAME, '');
const TEXT =
  'switchyard: this socket serves CRI over gRPC and nothing else. Ask it with crictl or another CRI client';
const BODY: Buffer = Buffer.from(`${TEXT}\n`);

/** Whether a call says that it is gRPC. */
export function isGrpc({ metadata }: Call): boolean {
  return metadata.some(
    ({ known, value }) => known === KNOWN.contentType && value.startsWith('application/grpc'),
  );
}

/** Answers in HTTP. */
export function replyPlain(call: Call): void {
  if (call.isHead) {
    call.finish(HEADERS, STATUS[STATUS_NAME], TEXT);
    return;
  }
  call.sendHeaders(HEADERS);
  call.sendData(BODY, 0, BODY.length);
  call.finish(TRAILERS, STATUS[STATUS_NAME], TEXT);
}
