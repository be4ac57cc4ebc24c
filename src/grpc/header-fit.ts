// Header lists against what the other side takes (its SETTINGS_MAX_HEADER_LIST_SIZE). A list that is longer costs more than
// its own call: clients on C-core announce 8 KiB and end the whole connection over one list that is twice as long.
import { Field, KNOWN } from '../http2/field.ts';
import { NO_LIST_LIMIT_BYTES } from '../http2/limits.ts';
import type { Stream } from '../http2/stream.ts';
import { decodeStatusMessage } from './status.ts';

const MESSAGE = 'grpc-message';
const MESSAGE_FIELD_BYTES = new Field(MESSAGE, '').sizeBytes;
/** So much of a message stays, and metadata goes for it: people read the message, and often nothing else. */
const LEAST_MESSAGE_BYTES = 512;
const NAMED_FIELDS = 3;
const SHOWN_NAME_BYTES = 60;

type TrailerStream = Pick<Stream, 'peerHeaderListBytes' | 'sendHeaders'>;

/** Whether a peer that takes `limitBytes` takes this list. */
export function fitsList(fields: readonly Field[], limitBytes: number): boolean {
  return limitBytes === NO_LIST_LIMIT_BYTES || sizeOf(fields) <= limitBytes;
}

/** Ends a stream with trailers, or with headers and trailers in one, shortened to what its peer takes. */
export function sendTrailers(stream: TrailerStream, trailers: readonly Field[]): void {
  const limitBytes = stream.peerHeaderListBytes;
  stream.sendHeaders(fitsList(trailers, limitBytes) ? trailers : shortened(trailers, limitBytes), true);
}

function sizeOf(fields: readonly Field[]): number {
  let sizeBytes = 0;
  for (let i = 0; i < fields.length; i++) sizeBytes += (fields[i] as Field).sizeBytes;
  return sizeBytes;
}

// What the call's end is not understood without; the message is looked at by itself.
function isEssential({ known }: Field): boolean {
  return known === KNOWN.status || known === KNOWN.contentType || known === KNOWN.grpcStatus;
}

/** Leaves out the longest metadata as far as needed, cuts the message, and says both at the message's end. */
function shortened(trailers: readonly Field[], limitBytes: number): readonly Field[] {
  const text = trailers.findLast(({ known }) => known === KNOWN.grpcMessage)?.value ?? '';
  const kept = trailers.filter(({ known }) => known !== KNOWN.grpcMessage);
  const longestFirst = kept.filter((field) => !isEssential(field)).sort((a, b) => b.sizeBytes - a.sizeBytes);
  const leftOut: Field[] = [];
  const room = () => limitBytes - sizeOf(kept) - MESSAGE_FIELD_BYTES;
  const leastBytes = () =>
    Math.min(text.length, LEAST_MESSAGE_BYTES) + note(text, leftOut, limitBytes).length;
  while (room() < leastBytes()) {
    const longest = longestFirst.shift();
    if (longest === undefined) break;
    kept.splice(kept.indexOf(longest), 1);
    leftOut.push(longest);
  }
  return [...kept, ...messageField(text, leftOut, room(), limitBytes)];
}

function messageField(text: string, leftOut: readonly Field[], room: number, limitBytes: number): Field[] {
  const whole = text + note('', leftOut, limitBytes);
  if (whole.length <= room) return [new Field(MESSAGE, whole)];
  const end = note(text, leftOut, limitBytes);
  const size = codedCut(text, room - end.length);
  if (size > 0) return [new Field(MESSAGE, text.slice(0, size) + end)];
  return room > 0 ? [new Field(MESSAGE, text.slice(0, codedCut(text, room)))] : [];
}

// Printable ASCII without a percent sign, so it needs no coding.
function note(cutText: string, leftOut: readonly Field[], limitBytes: number): string {
  const done: string[] = [];
  if (cutText !== '') done.push(`shortened from ${Buffer.byteLength(decodeStatusMessage(cutText))} bytes`);
  if (leftOut.length > 0) {
    const names = leftOut
      .slice(0, NAMED_FIELDS)
      .map(({ name, value }) => `${name.slice(0, SHOWN_NAME_BYTES)} of ${value.length} bytes`);
    if (leftOut.length > NAMED_FIELDS) names.push(`${leftOut.length - NAMED_FIELDS} more`);
    done.push(`left out ${names.join(', ')}`);
  }
  return ` [switchyard: ${done.join('; ')}: this client takes ${limitBytes} bytes of headers]`;
}

/** How much of a coded message of at most `mostBytes` ends with a whole character. */
function codedCut(text: string, mostBytes: number): number {
  let size = Math.max(0, Math.min(text.length, mostBytes));
  for (let back = 1; back <= 2; back++) if (text[size - back] === '%') size -= back;
  while (size > 0 && isWithinCharacter(text, size)) size -= text[size - 3] === '%' ? 3 : 1;
  return size;
}

// Behind the cut goes on what began before it: a second or later byte of UTF-8.
function isWithinCharacter(text: string, at: number): boolean {
  const code = text[at] === '%' ? Number.parseInt(text.slice(at + 1, at + 3), 16) : text.charCodeAt(at);
  return code >= 0x80 && code < 0xc0;
}
