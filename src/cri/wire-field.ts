// One protobuf field read where it lies: its number, its wire type and the place of its body. The ground of wire.ts;
// allocates nothing and refuses bytes that do not parse.
import { MalformedMessageError } from '../errors.ts';

/** The wire types of fields that can be asked for. */
export const VARINT = 0;
export const LENGTH_DELIMITED = 2;

const FIXED64 = 1;
const GROUP_START = 3;
const GROUP_END = 4;
const FIXED32 = 5;

const MAX_TAG = 2 ** 32 - 1;
const MAX_VARINT_BYTES = 10;
/** Groups are obsolete but legal as unknown fields. The limit keeps a hostile message from exhausting the stack. */
const MAX_GROUP_DEPTH = 64;

/**
 * The field that readField read last. There is one for all reads, so that reading allocates nothing:
 * copy what you need before you call anything else.
 */
export const field = {
  number: 0,
  wireType: VARINT,
  /** The body without tag and length: the content, or the bytes of the number itself. */
  bodyStart: 0,
  bodyEnd: 0,
};

/** Where the varint ends that readVarintAt read last. */
let varintEnd = 0;

/** Reads the field whose tag is at `at` into `field`. Returns where the next one starts, never after `end`. */
export function readField(buf: Uint8Array, at: number, end: number): number {
  const tag = readVarintAt(buf, at, end);
  if (tag < 8 || tag > MAX_TAG) throw malformed('a field number out of range', at);
  const bodyStart = varintEnd;
  const next = skipBody(buf, bodyStart, end, tag, 0);
  field.number = tag >>> 3;
  field.wireType = tag & 7;
  field.bodyStart = field.wireType === LENGTH_DELIMITED ? varintEnd : bodyStart;
  field.bodyEnd = next;
  return next;
}

/**
 * Where the field at `at` ends when it is an everyday one: a number below 16, and either a length below 16 KiB or a
 * varint of at most nine bytes. 0 when it is not, or is close to the end: then readField must look at it. Lists are
 * long, and this passes over a field in half the time.
 */
export function skipPlain(buf: Uint8Array, at: number, end: number): number {
  const tag = buf[at] as number;
  if (tag >= 0x80 || tag < 8 || end - at <= MAX_VARINT_BYTES) return 0;
  const first = buf[at + 1] as number;
  switch (tag & 7) {
    case LENGTH_DELIMITED: {
      let next = at + 2 + first;
      if (first >= 0x80) {
        const second = buf[at + 2] as number;
        if (second >= 0x80) return 0;
        next = at + 3 + (first & 0x7f) + (second << 7);
      }
      return next <= end ? next : 0;
    }
    case VARINT: {
      const stop = at + MAX_VARINT_BYTES;
      for (let last = at + 1; last < stop; last++) if ((buf[last] as number) < 0x80) return last + 1;
      return 0;
    }
    default:
      return 0;
  }
}

/** The varint at `at` as an int64. Exact up to 2^53 either side of zero. */
export function readVarintAt(buf: Uint8Array, at: number, end: number): number {
  // Nearly all tags and lengths have one or two bytes.
  if (at + 1 < end) {
    const first = buf[at] as number;
    if (first < 0x80) {
      varintEnd = at + 1;
      return first;
    }
    const second = buf[at + 1] as number;
    if (second < 0x80) {
      varintEnd = at + 2;
      return (first & 0x7f) | (second << 7);
    }
  }
  return readLongVarint(buf, at, end);
}

function readLongVarint(buf: Uint8Array, start: number, end: number): number {
  // Three parts of at most 28 bits, as bit operations end at 32.
  let low = 0;
  let middle = 0;
  let high = 0;
  const limit = Math.min(end, start + MAX_VARINT_BYTES);
  for (let at = start, shift = 0; at < limit; at += 1, shift += 7) {
    const byte = buf[at] as number;
    if (shift < 28) low |= (byte & 0x7f) << shift;
    else if (shift < 56) middle |= (byte & 0x7f) << (shift - 28);
    else high |= (byte & 0x7f) << (shift - 56);
    if (byte >= 0x80) continue;
    varintEnd = at + 1;
    if (high === 0) return middle * 2 ** 28 + low;
    if (high > 0xff) break;
    // 64 bits of two's complement: the upper 36 bits carry the sign.
    const upper = high * 2 ** 28 + middle;
    return (high >= 0x80 ? upper - 2 ** 36 : upper) * 2 ** 28 + low;
  }
  throw malformed('a number that is cut off or has more than 64 bits', start);
}

/** Where the body at `at` ends. Leaves in varintEnd, for a length-delimited one, where its content starts. */
function skipBody(buf: Uint8Array, at: number, end: number, tag: number, depth: number): number {
  let next = at;
  switch (tag & 7) {
    case LENGTH_DELIMITED: {
      const sizeBytes = readVarintAt(buf, at, end);
      next = varintEnd + sizeBytes;
      if (sizeBytes < 0 || next > end) throw malformed('a field that is longer than its message', at);
      return next;
    }
    case VARINT:
      readVarintAt(buf, at, end);
      return varintEnd;
    case FIXED64:
      next = at + 8;
      break;
    case FIXED32:
      next = at + 4;
      break;
    case GROUP_START:
      return skipGroup(buf, at, end, tag, depth + 1);
    default:
      throw malformed('a field of an unknown wire type', at);
  }
  if (next > end) throw malformed('a cut off number', at);
  return next;
}

/** Where the group ends whose first field is at `at`, its end tag included. */
function skipGroup(buf: Uint8Array, start: number, end: number, startTag: number, depth: number): number {
  if (depth > MAX_GROUP_DEPTH) throw malformed('groups nested too deeply', start);
  const endTag = startTag - GROUP_START + GROUP_END;
  for (let at = start; at < end; ) {
    const tag = readVarintAt(buf, at, end);
    if (tag === endTag) return varintEnd;
    if (tag < 8 || tag > MAX_TAG) throw malformed('a field number out of range', at);
    at = skipBody(buf, varintEnd, end, tag, depth);
  }
  throw malformed('a group without an end', start);
}

function malformed(what: string, at: number): MalformedMessageError {
  return new MalformedMessageError(`the message cannot be read: ${what} at byte ${at}`);
}
