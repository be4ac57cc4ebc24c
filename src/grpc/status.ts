// gRPC status on the wire: codes, the percent-coded message, and the fields that end a call.
import type { StatusName } from '../errors.ts';
import { Field } from '../http2/field.ts';

/** Numbers of the status codes. */
export const STATUS: Readonly<Record<StatusName, number>> = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

const NAMES = Object.keys(STATUS) as StatusName[]; // in the order of their numbers
const STATUS_FIELDS = NAMES.map((_, code) => new Field('grpc-status', String(code)));
const OK_STATUS = new Field(':status', '200');
const CONTENT_TYPE = new Field('content-type', 'application/grpc');

/** The name of a code; UNKNOWN for a number that is none. */
export function statusName(code: number): StatusName {
  return NAMES[code] ?? 'UNKNOWN';
}

/** Codes a message for `grpc-message`: UTF-8, with a percent sign for all but printable ASCII. */
export function encodeStatusMessage(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let coded = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    coded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return coded;
}

/** Decodes `grpc-message`. What is no valid coding stays as it is; what is no UTF-8 becomes U+FFFD. */
export function decodeStatusMessage(text: string): string {
  if (text === '') return '';
  if (!text.includes('%')) return Buffer.from(text, 'latin1').toString();
  const bytes = Buffer.allocUnsafe(text.length);
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const pair = code === 0x25 ? text.slice(i + 1, i + 3) : '';
    if (pair !== '' && /^[0-9a-fA-F]{2}$/.test(pair)) {
      bytes[size++] = Number.parseInt(pair, 16);
      i += 2;
    } else bytes[size++] = code;
  }
  return bytes.toString('utf8', 0, size);
}

/** The trailers of a call whose response headers were sent. */
export function trailers(status: StatusName, message: string): Field[] {
  const fields = [STATUS_FIELDS[STATUS[status]] as Field];
  if (message !== '') fields.push(new Field('grpc-message', encodeStatusMessage(message)));
  return fields;
}

/** A whole response without a message: headers and trailers in one. */
export function trailersOnly(status: StatusName, message: string): Field[] {
  return [OK_STATUS, CONTENT_TYPE, ...trailers(status, message)];
}

/** What a response without grpc-status means (the gRPC specification's table of HTTP status codes). */
export function statusFromHttp(httpStatus: number): StatusName {
  switch (httpStatus) {
    case 400:
      return 'INTERNAL';
    case 401:
      return 'UNAUTHENTICATED';
    case 403:
      return 'PERMISSION_DENIED';
    case 404:
      return 'UNIMPLEMENTED';
    case 429:
    case 502:
    case 503:
    case 504:
      return 'UNAVAILABLE';
    default:
      return 'UNKNOWN';
  }
}
