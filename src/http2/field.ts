// One header field as a shared, immutable value. A field is decoded once and stays the same object while it
// is in a dynamic table, so that routing switches on a small number and encoding again costs one byte.
import { type Amount, amountText } from './amount.ts';

/** Small numbers for the names that matter to a proxy; see Field.known. */
export const KNOWN = {
  other: 0,
  path: 1,
  method: 2,
  scheme: 3,
  authority: 4,
  status: 5,
  contentType: 6,
  userAgent: 7,
  te: 8,
  /** connection, keep-alive, proxy-connection, transfer-encoding, upgrade: they have no place in HTTP/2. */
  connectionHeader: 9,
  grpcTimeout: 10,
  grpcStatus: 11,
  grpcMessage: 12,
  grpcEncoding: 13,
  grpcAcceptEncoding: 14,
  contentLength: 15,
  host: 16,
  /** A name that starts with a colon and is none of the above. */
  otherPseudo: 17,
} as const;

/** Values of Field.verdict. goodName: the name comes from a checked field, the value is not checked yet. */
export const VERDICT = { unknown: 0, good: 1, goodName: 2, bad: 3 } as const;

const FIELD_OVERHEAD_BYTES = 32;

const KNOWN_NAMES = new Map<string, number>([
  [':path', KNOWN.path],
  [':method', KNOWN.method],
  [':scheme', KNOWN.scheme],
  [':authority', KNOWN.authority],
  [':status', KNOWN.status],
  ['content-type', KNOWN.contentType],
  ['user-agent', KNOWN.userAgent],
  ['te', KNOWN.te],
  ['connection', KNOWN.connectionHeader],
  ['keep-alive', KNOWN.connectionHeader],
  ['proxy-connection', KNOWN.connectionHeader],
  ['transfer-encoding', KNOWN.connectionHeader],
  ['upgrade', KNOWN.connectionHeader],
  ['grpc-timeout', KNOWN.grpcTimeout],
  ['grpc-status', KNOWN.grpcStatus],
  ['grpc-message', KNOWN.grpcMessage],
  ['grpc-encoding', KNOWN.grpcEncoding],
  ['grpc-accept-encoding', KNOWN.grpcAcceptEncoding],
  ['content-length', KNOWN.contentLength],
  ['host', KNOWN.host],
]);

function knownNumber(name: string): number {
  return KNOWN_NAMES.get(name) ?? (name.charCodeAt(0) === 0x3a ? KNOWN.otherPseudo : KNOWN.other);
}

/** A header or trailer field. Strings hold one byte per character (latin1), as they stand on the wire. */
export class Field {
  readonly name: string;
  /** The value, where it was read as an amount. */
  readonly amount: Amount | undefined;
  /** What it counts in header list and table sizes (RFC 7541 section 4.1). */
  readonly sizeBytes: number;
  /** The sender forbids compression tables to remember the value; it must stay so on the next hop. */
  readonly neverIndexed: boolean;
  /** One of KNOWN. */
  readonly known: number;

  /** For the encoder only: entry of the static table; 0 not looked up yet, -1 none. */
  staticIndex = 0;
  /** For the encoder only: who sent this field last from its dynamic table, and as which insertion. */
  lastEncoder: object | undefined = undefined;
  lastInsertion = 0;
  /** For the header rules only: whether it is well formed, as far as it was checked. */
  verdict: number = VERDICT.unknown;

  private text: string | undefined;

  constructor(name: string, value: string | Amount, neverIndexed = false, known = knownNumber(name)) {
    this.name = name;
    this.neverIndexed = neverIndexed;
    this.known = known;
    const isText = typeof value === 'string';
    this.text = isText ? value : undefined;
    this.amount = isText ? undefined : value;
    this.sizeBytes = name.length + (isText ? value.length : value.digits + 1) + FIELD_OVERHEAD_BYTES;
  }

  get value(): string {
    this.text ??= this.amount === undefined ? '' : amountText(this.amount);
    return this.text;
  }
}
