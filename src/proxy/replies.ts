// Answers of Switchyard's own.
import { STATUS, trailers } from '../grpc/status.ts';
import { Field } from '../http2/field.ts';
import type { Call } from './call.ts';

const REPLY_HEADERS: readonly Field[] = [
  new Field(':status', '200'),
  new Field('content-type', 'application/grpc'),
];
const OK_TRAILERS: readonly Field[] = trailers('OK', '');
const EMPTY: readonly Buffer[] = [];

/** Headers of a reply that Switchyard makes itself. */
export function startReply(call: Call): void {
  if (!call.hasReplyHeaders) call.sendHeaders(REPLY_HEADERS);
}

/** Ends such a reply with OK. */
export function endReply(call: Call): void {
  call.finish(OK_TRAILERS, STATUS.OK, '');
}

/**
 * OK with one message made of `parts`, which become the stream's. `onWritten` is called when nothing reads them any more
 * because the kernel has them; not when the client leaves before.
 */
export function reply(call: Call, parts: readonly Buffer[], onWritten?: () => void): void {
  startReply(call);
  call.sendCollected(parts);
  if (onWritten !== undefined) call.stream.afterWritten(onWritten);
  endReply(call);
}

/** OK with a message that has no fields. */
export function replyEmpty(call: Call): void {
  reply(call, EMPTY);
}
