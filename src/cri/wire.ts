// Protobuf bytes read and edited where they lie, without decoding: the fields routing needs, the records of a list,
// one string replaced. Used on every call; whatever a newer peer adds passes through untouched.
// All functions throw MalformedMessageError on bytes that do not parse, also behind the field that was asked for.
import { Buffer } from 'node:buffer';
import { field, LENGTH_DELIMITED, readField, readVarintAt, VARINT } from './wire-field.ts';
import { found, locate, type Path } from './wire-locate.ts';

export type { Path };

/** Told where a record lies: its tag, and its body (what follows tag and length). It ends where its body ends. */
export type RecordVisitor = (recordStart: number, bodyStart: number, bodyEnd: number) => void;

/** The string at `path`: the last one if there are several, undefined if there is none. Broken UTF-8 becomes U+FFFD. */
export function readString(buf: Uint8Array, start: number, end: number, path: Path): string | undefined {
  return locate(buf, start, end, path, LENGTH_DELIMITED) ? toText(buf, found.start, found.end) : undefined;
}

/** Whether there is a string at `path`; `found` of wire-locate.ts says where the last one lies, until the next look-up. */
export function findString(buf: Uint8Array, start: number, end: number, path: Path): boolean {
  return locate(buf, start, end, path, LENGTH_DELIMITED);
}

/** The bytes at `path`, a view of `buf`: the last ones if there are several, so of a message in parts the last part. */
export function readBytes(buf: Uint8Array, start: number, end: number, path: Path): Uint8Array | undefined {
  return locate(buf, start, end, path, LENGTH_DELIMITED) ? buf.subarray(found.start, found.end) : undefined;
}

/** The bool (0 or 1), enum or int64 at `path`; undefined if there is none, which means 0. Exact up to 2^53. */
export function readVarint(buf: Uint8Array, start: number, end: number, path: Path): number | undefined {
  return locate(buf, start, end, path, VARINT) ? readVarintAt(buf, found.start, found.end) : undefined;
}

/** The uint64 at `path`, exact; undefined if there is none. */
export function readUint64(buf: Uint8Array, start: number, end: number, path: Path): bigint | undefined {
  if (!locate(buf, start, end, path, VARINT)) return undefined;
  let value = 0n;
  for (let at = found.end - 1; at >= found.start; at--)
    value = value * 0x80n + BigInt((buf[at] as number) & 0x7f);
  return BigInt.asUintN(64, value);
}

/** The map<string, string> at `path`, empty if there is none. Of two entries with one key the later counts. */
export function readMap(buf: Uint8Array, start: number, end: number, path: Path): Map<string, string> {
  const map = new Map<string, string>();
  visitAll(buf, start, end, path, 0, (_, entryStart, entryEnd) => {
    const key = readString(buf, entryStart, entryEnd, MAP_KEY) ?? '';
    map.set(key, readString(buf, entryStart, entryEnd, MAP_VALUE) ?? '');
  });
  return map;
}

/** All strings at `path`, in order; the messages on the way may be repeated too. */
export function readStrings(buf: Uint8Array, start: number, end: number, path: Path): string[] {
  const strings: string[] = [];
  visitAll(buf, start, end, path, 0, (_, textStart, textEnd) => {
    strings.push(toText(buf, textStart, textEnd));
  });
  return strings;
}

/** Visits all length-delimited values at `path` in order; the messages on the way may be repeated too. */
export function forEachAt(
  buf: Uint8Array,
  start: number,
  end: number,
  path: Path,
  visit: RecordVisitor,
): void {
  visitAll(buf, start, end, path, 0, visit);
}

/** Visits all top-level occurrences of one length-delimited field in order, for example the records of a list reply. */
export function forEachRecord(
  buf: Uint8Array,
  start: number,
  end: number,
  number: number,
  visit: RecordVisitor,
): void {
  for (let at = start; at < end; ) {
    const recordStart = at;
    at = readField(buf, at, end);
    if (field.number === number && field.wireType === LENGTH_DELIMITED) {
      visit(recordStart, field.bodyStart, field.bodyEnd);
    }
  }
}

/** Visits every top-level field in order, whatever its type: its number, and where it lies with its tag. */
export function forEachField(
  message: Uint8Array,
  visit: (number: number, fieldStart: number, fieldEnd: number) => void,
): void {
  for (let at = 0; at < message.length; ) {
    const fieldStart = at;
    at = readField(message, at, message.length);
    visit(field.number, fieldStart, at);
  }
}

/** Whether the message holds nothing at its top level but this length-delimited field; true for an empty message. */
export function hasOnlyField(buf: Uint8Array, start: number, end: number, number: number): boolean {
  let isOnly = true;
  for (let at = start; at < end; ) {
    at = readField(buf, at, end);
    if (field.number !== number || field.wireType !== LENGTH_DELIMITED) isOnly = false;
  }
  return isOnly;
}

/**
 * The message with the string at `path` replaced, all else byte for byte as it was and in its order.
 * A missing field is added, with the messages that hold it. '' removes it, as proto3 does not write empty strings;
 * where nothing is to be removed the message itself is returned.
 */
export function replaceString(message: Uint8Array, path: Path, value: string): Uint8Array {
  if (value !== '') return replaceAt(message, path, traceLast(message, 0, message.length, path, 0), value);
  let edited = message;
  for (;;) {
    const trail = traceLast(edited, 0, edited.length, path, 0);
    if (trail.length < path.length) return edited;
    // Again, because an earlier occurrence would now count.
    edited = replaceAt(edited, path, trail, value);
  }
}

/** One length-delimited field: tag, length and body. */
export function encodeField(number: number, body: Uint8Array): Uint8Array {
  const head = [...encodeVarint(number * 8 + LENGTH_DELIMITED), ...encodeVarint(body.length)];
  return Buffer.concat([Uint8Array.from(head), body]);
}

const MAP_KEY: Path = [1];
const MAP_VALUE: Path = [2];

/** Visits every length-delimited value at `path` in order, through all occurrences of the messages on the way. */
function visitAll(
  buf: Uint8Array,
  start: number,
  end: number,
  path: Path,
  depth: number,
  visit: RecordVisitor,
): void {
  const isLeaf = depth === path.length - 1;
  forEachRecord(buf, start, end, path[depth] as number, (recordStart, bodyStart, bodyEnd) => {
    if (isLeaf) visit(recordStart, bodyStart, bodyEnd);
    else visitAll(buf, bodyStart, bodyEnd, path, depth + 1, visit);
  });
}

/** A record with the message of the path that it stands for. */
interface Span {
  readonly recordStart: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** The records from the message down to the value that counts at `path`, or as far along the path as there are any. */
function traceLast(buf: Uint8Array, start: number, end: number, path: Path, depth: number): Span[] {
  let trail: Span[] = [];
  forEachRecord(buf, start, end, path[depth] as number, (recordStart, bodyStart, bodyEnd) => {
    const below = depth < path.length - 1 ? traceLast(buf, bodyStart, bodyEnd, path, depth + 1) : [];
    if (below.length + 1 >= trail.length) trail = [{ recordStart, bodyStart, bodyEnd }, ...below];
  });
  return trail;
}

/** Puts `value` where the trail ends: over the old string, or behind all else in the last message the trail reaches. */
function replaceAt(message: Uint8Array, path: Path, trail: readonly Span[], value: string): Uint8Array {
  const old = trail[path.length - 1];
  const parents = trail.slice(0, path.length - 1);
  let cutStart = old?.recordStart ?? parents.at(-1)?.bodyEnd ?? message.length;
  let cutEnd = old?.bodyEnd ?? cutStart;

  let record = value === '' ? EMPTY : encodeField(path.at(-1) as number, Buffer.from(value));
  for (const number of path.slice(parents.length, -1).reverse()) record = encodeField(number, record);

  // From the inside out: every message around the cut gets a new length.
  for (const [depth, parent] of [...parents.entries()].reverse()) {
    const before = message.subarray(parent.bodyStart, cutStart);
    const after = message.subarray(cutEnd, parent.bodyEnd);
    record = encodeField(path[depth] as number, Buffer.concat([before, record, after]));
    cutStart = parent.recordStart;
    cutEnd = parent.bodyEnd;
  }
  return Buffer.concat([message.subarray(0, cutStart), record, message.subarray(cutEnd)]);
}

const EMPTY = new Uint8Array(0);

function encodeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return bytes;
}

function toText(buf: Uint8Array, start: number, end: number): string {
  const bytes = buf instanceof Buffer ? buf : Buffer.from(buf.buffer, buf.byteOffset, buf.byteLength);
  return bytes.toString('utf8', start, end);
}
