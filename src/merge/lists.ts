// Joining list replies: a reply that has only repeated fields is joined by putting the bytes one after the other,
// and cut between records.
import { forEachRecord } from '../cri/wire.ts';

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

/** A reply is cut into messages of about this size at record borders. */
const MESSAGE_BYTES = 256 * 1024;

/** Cuts a list reply into messages of some records each; nothing for an empty one. */
export function* cutList(message: Buffer, recordField: number): Generator<Buffer> {
  if (message.length <= MESSAGE_BYTES) {
    if (message.length > 0) yield message;
    return;
  }
  const borders: number[] = [];
  let from = 0;
  forEachRecord(message, 0, message.length, recordField, (recordStart, _, bodyEnd) => {
    if (bodyEnd - from < MESSAGE_BYTES || recordStart === from) return;
    borders.push(recordStart);
    from = recordStart;
  });
  let start = 0;
  for (const border of [...borders, message.length]) {
    if (border > start) yield message.subarray(start, border);
    start = border;
  }
}
