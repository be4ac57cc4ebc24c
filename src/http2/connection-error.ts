// The error codes of HTTP/2 (RFC 9113 section 7) and the error that ends a connection.
import { excerpt } from '../quote.ts';
import { readUint32 } from './frame.ts';

/** So much is read of what a peer says in GOAWAY. */
const DEBUG_BYTES = 200;

/** Codes as they stand in RST_STREAM and GOAWAY. */
export const ERROR_CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

const NAMES = new Map<number, string>(Object.entries(ERROR_CODE).map(([name, code]) => [code, name]));

/** The name of a code as RFC 9113 writes it; an unknown one as a number. */
export function errorCodeName(code: number): string {
  return NAMES.get(code) ?? `error code ${code}`;
}

/** What the payload of a GOAWAY frame, of eight bytes at least, gives as reason. */
export function goawayReason(buffer: Buffer, start: number, end: number): string {
  const debug = buffer.toString('latin1', start + 8, Math.min(end, start + 8 + DEBUG_BYTES));
  const code = errorCodeName(readUint32(buffer, start + 4));
  return debug === '' ? code : `${code}: ${excerpt(debug)}`;
}

/** The peer broke the protocol, or a limit, in a way that ends the whole connection. `code` goes out in GOAWAY. */
export class ConnectionError extends Error {
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ConnectionError';
    this.code = code;
  }
}

/** A ConnectionError stays; anything else is a bug of ours and becomes INTERNAL_ERROR, with its cause. */
export function toConnectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error;
  return new ConnectionError(ERROR_CODE.INTERNAL_ERROR, `unexpected error: ${String(error)}`, error);
}
