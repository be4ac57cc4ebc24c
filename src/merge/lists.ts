// Joining list replies: a reply that has only repeated fields is joined by putting the bytes one after the other.

/** A stretch of bytes: [start, end). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The message without the given records, as views on it; `dropped` is in order and does not overlap. */
export function withoutRecords(message: Buffer, dropped: readonly ByteRange[]): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end } of dropped) {
    if (start > from) parts.push(message.subarray(from, start));
    from = end;
  }
  if (from < message.length) parts.push(message.subarray(from));
  return parts;
}
