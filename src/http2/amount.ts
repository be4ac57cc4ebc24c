// A number with a letter behind it, as grpc-timeout has: read from bytes, because every call brings another one and a
// string for each would be made for nothing.

/** `120S` is a count of 120, 3 digits and the unit `S`. */
export interface Amount {
  readonly count: number;
  /** How many there are, with leading zeros. */
  readonly digits: number;
  /** The character code of an ASCII letter. */
  readonly unit: number;
}

/** gRPC allows a timeout no more. */
const MOST_DIGITS = 8;

/** The amount that is all of bytes[start, end); undefined when it is none. */
export function readAmount(bytes: Uint8Array, start: number, end: number): Amount | undefined {
  const last = end - 1;
  const digits = last - start;
  if (digits < 1 || digits > MOST_DIGITS) return undefined;
  let count = 0;
  for (let at = start; at < last; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    count = count * 10 + digit;
  }
  const unit = bytes[last] as number;
  const lowerCase = unit | 0x20;
  return lowerCase >= 0x61 && lowerCase <= 0x7a ? { count, digits, unit } : undefined;
}

/** The text of an amount, as it was read. */
export function amountText({ count, digits, unit }: Amount): string {
  return String(count).padStart(digits, '0') + String.fromCharCode(unit);
}
