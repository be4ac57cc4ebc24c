// The layout of HTTP/2 frames (RFC 9113 sections 4 and 6): numbers, heads, settings.

/** Frame types. */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags of frames; which flag means what depends on the type. */
export const FLAG = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Numbers of settings. */
export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** Bytes of a frame's head. */
export const HEAD_BYTES = 9;
/** The longest payload we send and accept: what every peer must take, and we never announce more. */
export const MAX_PAYLOAD_BYTES = 16_384;
/** The largest flow-control window. */
export const MAX_WINDOW_BYTES = 0x7fffffff;
/** The window of a connection, and of a stream before SETTINGS say otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_STREAM_ID = 0x7fffffff;

/** What a client says first. */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Writes a frame's head at target[at]; returns the place behind it. */
export function writeHead(
  target: Buffer,
  at: number,
  payloadBytes: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  target[at] = payloadBytes >>> 16;
  target[at + 1] = payloadBytes >>> 8;
  target[at + 2] = payloadBytes;
  target[at + 3] = type;
  target[at + 4] = flags;
  return writeUint32(target, at + 5, streamId);
}

/** Writes 32 bits at target[at]; returns the place behind them. */
export function writeUint32(target: Buffer, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

/** The 24 bits of a payload's length at source[at]. */
export function readPayloadBytes(source: Buffer, at: number): number {
  return ((source[at] as number) << 16) | ((source[at + 1] as number) << 8) | (source[at + 2] as number);
}

/** The 31 bits at source[at], without the reserved one: stream ids and window increments. */
export function readUint31(source: Buffer, at: number): number {
  return (
    (((source[at] as number) & 0x7f) << 24) |
    ((source[at + 1] as number) << 16) |
    ((source[at + 2] as number) << 8) |
    (source[at + 3] as number)
  );
}

/** The unsigned 32 bits at source[at]. */
export function readUint32(source: Buffer, at: number): number {
  return readUint31(source, at) + ((source[at] as number) >= 0x80 ? 0x80000000 : 0);
}
