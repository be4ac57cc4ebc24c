// The first bytes of a peer that should speak HTTP/2, looked at before they are read as frames: what speaks another
// protocol is named by it instead of by the frame that its words would be.
import { FRAME, HEAD_BYTES, MAX_PAYLOAD_BYTES, readPayloadBytes } from './frame.ts';

/** Enough for the first line of any protocol, and for what a TLS server says of plain text. */
const LOOKED_AT_BYTES = 256;
const SHOWN_BYTES = 32;
const TLS_ALERT = 0x15;
const TLS_MAJOR = 3;

export class Greeting {
  /** What the peer does instead of speaking HTTP/2, for example `speaks HTTP/1.1, not gRPC`; undefined while nothing is wrong. */
  foreign: string | undefined;
  private seen: Buffer = Buffer.alloc(0);

  /** Takes what has come; true when it is enough to know that these are no frames, or may be some. */
  take(bytes: Buffer): boolean {
    this.seen = Buffer.concat([this.seen, bytes.subarray(0, LOOKED_AT_BYTES)]);
    this.foreign = foreignWords(this.seen);
    return this.foreign !== undefined || this.seen.length >= HEAD_BYTES;
  }
}

function foreignWords(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  const isTls = bytes[0] === TLS_ALERT && bytes[1] === TLS_MAJOR;
  // The words are those of Go's net/http.
  if (isTls || /^HTTP\/1\.\d 400 .*HTTP request to an HTTPS server/s.test(text))
    return 'speaks TLS, and CRI on a unix socket goes without';
  const [, version] = /^HTTP\/(\d\.\d)/.exec(text) ?? [];
  if (version !== undefined) return `speaks HTTP/${version}, not gRPC`;
  if (bytes.length < HEAD_BYTES || isFrameHead(bytes)) return undefined;
  const shown = text.slice(0, SHOWN_BYTES).replace(/[^ -~]/g, '.');
  return `does not speak gRPC: its first bytes are ${JSON.stringify(shown)}`;
}

/** Whether they can be the head of a frame, right or wrong. */
function isFrameHead(bytes: Buffer): boolean {
  return readPayloadBytes(bytes, 0) <= MAX_PAYLOAD_BYTES && (bytes[3] as number) <= FRAME.CONTINUATION;
}
