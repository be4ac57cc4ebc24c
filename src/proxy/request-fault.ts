// Whether a request is what every CRI request is: one message, whole and uncompressed.
import {
  MalformedMessageError,
  MessageTooLargeError,
  OverloadedError,
  UnimplementedError,
} from '../errors.ts';
import { fitsList } from '../grpc/header-fit.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';
import type { Field } from '../http2/field.ts';
import { readUint32 } from '../http2/frame.ts';
import { quote } from '../quote.ts';
import type { RequestBytes } from './request-bytes.ts';

/** What is wrong with the request of an RPC; undefined when nothing is. */
export function requestFault(rpc: string, { buffer, start, sizeBytes }: RequestBytes): Error | undefined {
  const has = sizeBytes - PREFIX_BYTES;
  if (has < 0) return new MalformedMessageError(`${rpc} came without a request message`);
  if (buffer[start] !== 0) {
    return new UnimplementedError(`the request of ${rpc} is compressed`, {
      hint: 'Switch compression off in the client: Switchyard reads the ids in a request',
    });
  }
  const said = readUint32(buffer, start + 1);
  if (said === has) return undefined;
  return new MalformedMessageError(`the request of ${rpc} says ${said} bytes and has ${has}`);
}

/** The error for a request over the limit. */
export function tooLong(rpc: string, limitBytes: number): Error {
  return new MessageTooLargeError(`the request of ${rpc} is longer than ${limitBytes} bytes`, {
    hint: 'Raise limits.messageSize in the config if the backend takes longer ones',
  });
}

/** Why the headers of a reply cannot go to a client that takes `limitBytes`; undefined when they can. */
export function headersFault(rpc: string, fields: readonly Field[], limitBytes: number): Error | undefined {
  if (fitsList(fields, limitBytes)) return undefined;
  return new MessageTooLargeError(
    `the headers of the backend's answer to ${rpc} are over the ${limitBytes} bytes that this client takes`,
  );
}

/** The error for a request, or its headers, that the budget of unfinished and unanswered ones has no room for. */
export function noRoom(rpc: string): Error {
  return new OverloadedError(
    `the request of ${rpc} is not taken: requests that clients have not finished, or that are not answered, use up the memory for them, and this connection has its part of it`,
    { hint: 'End the calls that are in flight on this connection, or send smaller requests' },
  );
}

/** The error for a grpc-timeout that is none. */
export function noTimeout(value: string): Error {
  return new MalformedMessageError(`grpc-timeout ${quote(value)} is not a timeout`);
}
