// The value at a path of field numbers, found where it lies. Between wire-field.ts and wire.ts.
import { field, LENGTH_DELIMITED, readField, skipPlain } from './wire-field.ts';

/** Field numbers from the message down: [1, 2] is field 2 of the message in field 1. Never empty. */
export type Path = readonly number[];

/** Where the value lies that `locate` found last: one for all, so that it allocates nothing. */
export const found = { start: 0, end: 0 };

/**
 * Finds the value of wire type `leafType` that counts at `path`. A message that occurs twice is one message in two parts
 * (protobuf merges them), so every part is searched and the last value wins. `depth` is how much of the path is walked.
 */
export function locate(
  buf: Uint8Array,
  start: number,
  end: number,
  path: Path,
  leafType: number,
  depth = 0,
): boolean {
  const number = path[depth] as number;
  const isLeaf = depth === path.length - 1;
  const wireType = isLeaf ? leafType : LENGTH_DELIMITED;
  const tag = number * 8 + wireType;
  let isFound = false;
  for (let at = start; at < end; ) {
    const next = buf[at] === tag ? 0 : skipPlain(buf, at, end);
    if (next > 0) {
      at = next;
      continue;
    }
    at = readField(buf, at, end);
    if (field.number !== number || field.wireType !== wireType) continue;
    if (isLeaf) {
      found.start = field.bodyStart;
      found.end = field.bodyEnd;
      isFound = true;
    } else if (locate(buf, field.bodyStart, field.bodyEnd, path, leafType, depth + 1)) {
      isFound = true;
    }
  }
  return isFound;
}
