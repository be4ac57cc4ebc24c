// The answer of a backend: its status, and where its body ends (RFC 9112 section 6). Nothing behind that end is for the
// client of the relay. Pure; bytes are looked at where they lie.
import { parseHead, valuesOf } from './head.ts';

/** How the end of a body is known. */
export type BodyLength =
  | { readonly kind: 'bytes'; readonly sizeBytes: number }
  | { readonly kind: 'chunked' }
  /** The backend closes behind it. */
  | { readonly kind: 'close' };

/** What the head of an answer says. */
export interface AnswerHead {
  readonly status: number;
  /** Of an answer that is the last: not of one with a status below 200. */
  readonly body: BodyLength;
}

/** Reads it; undefined when it is no HTTP/1.1, or leaves open where the body ends. */
export function parseAnswer(text: string): AnswerHead | undefined {
  const head = parseHead(text);
  const [, digits] = /^HTTP\/1\.[01] ([1-9]\d\d)(?: |$)/.exec(head?.first ?? '') ?? [];
  if (head === undefined || digits === undefined) return undefined;
  const status = Number(digits);
  if (status < 200 || status === 204 || status === 304)
    return { status, body: { kind: 'bytes', sizeBytes: 0 } };
  const codings = valuesOf(head, 'transfer-encoding');
  const lengths = [...new Set(valuesOf(head, 'content-length'))];
  const [length] = lengths;
  if (codings.length > 0) {
    const isClear = codings.length === 1 && /^chunked$/i.test(codings[0] ?? '') && length === undefined;
    return isClear ? { status, body: { kind: 'chunked' } } : undefined;
  }
  if (length === undefined) return { status, body: { kind: 'close' } };
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return undefined;
  return { status, body: { kind: 'bytes', sizeBytes: Number(length) } };
}

/** Longest line of a chunked body that is no data, and all lines behind its last chunk. */
const LINE_AT_MOST_BYTES = 4 * 1024;
const TRAILER_AT_MOST_BYTES = 32 * 1024;
const LF = 0x0a;

/** Finds the end of a body in the pieces that come. */
export class AnswerBody {
  readonly #isChunked: boolean;
  #bytesLeft: number; // of the body, or of the chunk at hand
  #expects: 'data' | 'size' | 'data-end' | 'trailer';
  #line = '';
  #trailerBytes = 0;
  #end: 'open' | 'whole' | 'broken' = 'open';

  constructor(length: BodyLength) {
    this.#isChunked = length.kind === 'chunked';
    this.#bytesLeft = length.kind === 'bytes' ? length.sizeBytes : Number.POSITIVE_INFINITY;
    this.#expects = this.#isChunked ? 'size' : 'data';
    if (this.#bytesLeft === 0) this.#end = 'whole';
  }

  /** Whether there is more to come, it was whole with the last piece, or its chunks make no sense. */
  get end(): 'open' | 'whole' | 'broken' {
    return this.#end;
  }

  /** Takes the next piece; returns how many of its bytes belong to the body. */
  take(piece: Buffer): number {
    let at = 0;
    while (at < piece.length && this.#end === 'open') {
      if (this.#expects === 'data') at += this.#takeData(piece.length - at);
      else at += this.#takeLine(piece, at);
    }
    return at;
  }

  #takeData(sizeBytes: number): number {
    const taken = Math.min(sizeBytes, this.#bytesLeft);
    this.#bytesLeft -= taken;
    if (this.#bytesLeft > 0) return taken;
    if (this.#isChunked) this.#expects = 'data-end';
    else this.#end = 'whole';
    return taken;
  }

  #takeLine(piece: Buffer, from: number): number {
    const feed = piece.indexOf(LF, from);
    const to = feed === -1 ? piece.length : feed + 1;
    const sizeBytes = to - from;
    if (this.#line.length + sizeBytes > LINE_AT_MOST_BYTES) {
      this.#end = 'broken';
      return 0;
    }
    this.#line += piece.toString('latin1', from, to);
    if (feed === -1) return sizeBytes;
    const line = this.#line;
    this.#line = '';
    if (line.endsWith('\r\n')) this.#onLine(line.slice(0, -2));
    else this.#end = 'broken';
    return sizeBytes;
  }

  #onLine(line: string): void {
    if (this.#expects === 'size') {
      const [, digits] = /^([0-9a-f]{1,12})[\t ]*(?:;.*)?$/i.exec(line) ?? [];
      this.#bytesLeft = Number.parseInt(digits ?? '', 16);
      if (digits === undefined) this.#end = 'broken';
      else this.#expects = this.#bytesLeft === 0 ? 'trailer' : 'data';
    } else if (this.#expects === 'data-end') {
      if (line === '') this.#expects = 'size';
      else this.#end = 'broken';
    } else if (line === '') this.#end = 'whole';
    else {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > TRAILER_AT_MOST_BYTES) this.#end = 'broken';
    }
  }
}
