// The payloads of the journal's entries: protobuf messages of strings and bytes, written in one go, for each change of a
// pod makes some.
import { LENGTH_DELIMITED } from '../cri/wire-field.ts';
import { MalformedMessageError } from '../errors.ts';

/** A tag and a length at most. */
const HEAD_BYTES = 6;

/** A message with these fields, numbered from 1; empty ones are left out. */
export function fields(...values: readonly (string | Buffer)[]): Buffer {
  let sizeBytes = 0;
  for (const value of values) sizeBytes += HEAD_BYTES + Buffer.byteLength(value);
  const message = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const [index, value] of values.entries()) {
    const valueBytes = Buffer.byteLength(value);
    if (valueBytes === 0) continue;
    at = writeHead(message, at, index + 1, valueBytes);
    at += typeof value === 'string' ? message.write(value, at) : value.copy(message, at);
  }
  return message.subarray(0, at);
}

/** What stands before the bytes of a field that is written from where it lies. */
export function fieldHead(number: number, valueBytes: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  return head.subarray(0, writeHead(head, 0, number, valueBytes));
}

function writeHead(target: Buffer, start: number, number: number, valueBytes: number): number {
  let at = start;
  let rest = valueBytes;
  target[at++] = number * 8 + LENGTH_DELIMITED;
  for (; rest >= 0x80; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}

/** The error for what may change what other entries say, and is not known here. */
export function notUnderstood(what: string): MalformedMessageError {
  return new MalformedMessageError(`an entry of the journal is not understood: ${what}`);
}
