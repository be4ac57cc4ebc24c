// Protobuf fields written one by one, for the few messages that Switchyard makes itself. Joined by Buffer.concat.
import { encodeField, forEachRecord } from './wire.ts';

/** A string field; nothing for '', as proto3 has it. */
export function encodeText(field: number, value: string): Uint8Array {
  return value === '' ? NOTHING : encodeField(field, Buffer.from(value));
}

/** A varint field (bool, enum, integer up to 2^53, not negative); nothing for 0. */
export function encodeNumber(field: number, value: number): Uint8Array {
  if (value === 0) return NOTHING;
  return Uint8Array.from([...varint(field * 8), ...varint(value)]);
}

/** An int64 field with a moment in nanoseconds since the epoch, as CRI has its timestamps; exact to the microsecond. */
export function encodeNanoseconds(field: number, epochMs: number): Uint8Array {
  return encodeUint64(field, BigInt(Math.round(epochMs * 1_000)) * 1_000n);
}

/** A uint64 field, or an int64 field that is not negative; nothing for 0. */
export function encodeUint64(field: number, value: bigint): Uint8Array {
  if (value === 0n) return NOTHING;
  const bytes = varint(field * 8);
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) + 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** A message field made of the fields given; written even when they are nothing. */
export function encodeMessage(field: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encodeField(field, Buffer.concat(parts));
}

/**
 * The message with every record of `field` at its top level replaced by what `rewrite` makes of its body: another body,
 * or undefined to leave the record out. All else stays byte for byte, in its order.
 */
export function rewriteRecords(
  message: Uint8Array,
  field: number,
  rewrite: (body: Uint8Array) => Uint8Array | undefined,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let kept = 0;
  forEachRecord(message, 0, message.length, field, (recordStart, bodyStart, bodyEnd) => {
    parts.push(message.subarray(kept, recordStart));
    const body = rewrite(message.subarray(bodyStart, bodyEnd));
    if (body !== undefined) parts.push(encodeField(field, body));
    kept = bodyEnd;
  });
  parts.push(message.subarray(kept));
  return Buffer.concat(parts);
}

const NOTHING = new Uint8Array(0);

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return bytes;
}
