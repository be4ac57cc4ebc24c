// What makes a header list malformed (RFC 9113 section 8). Looser than the RFC where gRPC peers of some age need it:
// `:authority` may be missing or a socket path, which is what kubelets and crictl built with grpc-go up to 1.54 send.
// A request names its scheme, its `te` is `trailers` and its content-length is true: grpc-go (from its first release on),
// grpc-js, C-core and tonic send the first two, and no content-length. What a backend answers is not held to these.
import { type Field, KNOWN, VERDICT } from './field.ts';

// Lower-case tokens; a colon only in front.
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// More digits are no length of a message, and no exact number.
const LENGTH = /^[0-9]{1,15}$/;
const NO_LENGTH = -1;
const NEEDED = (1 << KNOWN.method) | (1 << KNOWN.scheme) | (1 << KNOWN.path);
const STATUS_CODE = /^[1-9][0-9][0-9]$/;

// Looked at once for each field, and a field in a table is the same one each time.
function isWellFormed(field: Field): boolean {
  if (field.verdict === VERDICT.unknown && !NAME.test(field.name)) field.verdict = VERDICT.bad;
  if (field.verdict === VERDICT.unknown || field.verdict === VERDICT.goodName) {
    field.verdict = isValue(field) ? VERDICT.good : VERDICT.bad;
  }
  return field.verdict === VERDICT.good;
}

function isValue(field: Field): boolean {
  return field.known === KNOWN.status ? STATUS_CODE.test(field.value) : hasOnlyAllowed(field.value);
}

// NUL, CR and LF have no place in a value. A loop, because it runs for every timeout of every call.
function hasOnlyAllowed(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code === 0x0a || code === 0x0d) return false;
  }
  return true;
}

let announcedBytes = NO_LENGTH;

/** The content-length of the request that requestFault() was asked about last; -1 without one. */
export function announcedLength(): number {
  return announcedBytes;
}

/** What is wrong with a request's headers; undefined when nothing. */
export function requestFault(fields: readonly Field[]): string | undefined {
  let seen = 0;
  let isPseudoOver = false;
  announcedBytes = NO_LENGTH;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as Field;
    if (!isWellFormed(field)) return 'malformed header field';
    const known = field.known;
    switch (known) {
      case KNOWN.path:
      case KNOWN.method:
      case KNOWN.scheme:
      case KNOWN.authority:
        if (isPseudoOver) return 'pseudo-header field behind a regular one';
        if ((seen & (1 << known)) !== 0) return 'pseudo-header field given twice';
        seen |= 1 << known;
        if (known === KNOWN.path && field.value === '') return 'empty :path';
        break;
      case KNOWN.status:
      case KNOWN.otherPseudo:
        return 'pseudo-header field that has no place in a request';
      case KNOWN.connectionHeader:
        return 'connection-specific header field';
      case KNOWN.te:
        if (field.value !== 'trailers' && field.value.toLowerCase() !== 'trailers') {
          return 'te other than trailers';
        }
        isPseudoOver = true;
        break;
      case KNOWN.contentLength:
        if (!takeLength(field.value)) return 'content-length that is no number, or two';
        isPseudoOver = true;
        break;
      default:
        isPseudoOver = true;
    }
  }
  return (seen & NEEDED) === NEEDED ? undefined : 'request without :method, :scheme or :path';
}

function takeLength(value: string): boolean {
  const bytes = LENGTH.test(value) ? Number(value) : NO_LENGTH;
  const isNew = announcedBytes === NO_LENGTH || announcedBytes === bytes;
  announcedBytes = bytes;
  return isNew && bytes !== NO_LENGTH;
}

/** What is wrong with a response's headers; undefined when nothing. */
export function responseFault(fields: readonly Field[]): string | undefined {
  const first = fields[0];
  if (first === undefined || first.known !== KNOWN.status) return 'response that does not begin with :status';
  if (!isWellFormed(first)) return 'malformed :status';
  return regularFault(fields, 1);
}

/** What is wrong with trailers; undefined when nothing. */
export function trailersFault(fields: readonly Field[]): string | undefined {
  return regularFault(fields, 0);
}

function regularFault(fields: readonly Field[], from: number): string | undefined {
  for (let i = from; i < fields.length; i++) {
    const field = fields[i] as Field;
    if (!isWellFormed(field)) return 'malformed header field';
    switch (field.known) {
      case KNOWN.path:
      case KNOWN.method:
      case KNOWN.scheme:
      case KNOWN.authority:
      case KNOWN.status:
      case KNOWN.otherPseudo:
        return 'pseudo-header field in a place where none may stand';
      case KNOWN.connectionHeader:
        return 'connection-specific header field';
      default:
    }
  }
  return undefined;
}

/** Whether these are the headers of a 1xx response, which more headers follow. */
export function isInformational(fields: readonly Field[]): boolean {
  const first = fields[0];
  return first !== undefined && first.known === KNOWN.status && first.value.charCodeAt(0) === 0x31;
}
