// Which header fields cross from the client's hop to the backend's, and back.
import { Field, KNOWN } from '../http2/field.ts';

const METHOD = new Field(':method', 'POST');
const SCHEME = new Field(':scheme', 'http');
// What kubelets of today send; every runtime takes it, where the client's own may be a raw socket path.
const AUTHORITY = new Field(':authority', 'localhost');
const CONTENT_TYPE = new Field('content-type', 'application/grpc');
const TE = new Field('te', 'trailers');
const PLACE_HOLDER = TE;

/** What a field takes in memory beside its characters, less what Field.sizeBytes counts for that: object and strings. */
const FIELD_MEMORY_BYTES = 128;
const PATHS_KEPT = 256;
const pathFields = new Map<string, Field>();

/**
 * Whether a request's field goes on to the backend: metadata, content-type, user-agent. Not what belongs to the
 * hop; not grpc-timeout, which is written anew; not grpc-accept-encoding, because we read and join replies.
 */
function isForwarded(field: Field): boolean {
  switch (field.known) {
    case KNOWN.other:
    case KNOWN.contentType:
    case KNOWN.userAgent:
    case KNOWN.grpcEncoding:
      return true;
    default:
      return false;
  }
}

let lastForwarded: readonly Field[] = [];
let lastForwardedBytes = 0;

/**
 * The fields of a request that go on to the backend. The array is not to be changed: a client sends the same fields
 * with every call, and then gets the same array.
 */
export function forwardedFields(list: readonly Field[]): readonly Field[] {
  let count = 0;
  let isSame = true;
  for (let i = 0; i < list.length; i++) {
    const field = list[i] as Field;
    if (isForwarded(field) && lastForwarded[count++] !== field) isSame = false;
  }
  if (!isSame || count !== lastForwarded.length) {
    lastForwarded = list.filter(isForwarded);
    lastForwardedBytes = 0;
    for (const { sizeBytes } of lastForwarded) lastForwardedBytes += sizeBytes + FIELD_MEMORY_BYTES;
  }
  return lastForwarded;
}

/** About what the array that forwardedFields() returned last takes in memory with its fields, also when others have it too. */
export function forwardedBytes(): number {
  return lastForwardedBytes;
}

/** Whether a reply's header or trailer goes back to the client: all but what belongs to the hop. */
export function isForwardedResponse(field: Field): boolean {
  return field.known !== KNOWN.connectionHeader && field.known !== KNOWN.contentLength;
}

// Of the request at hand; shared because its headers are written at once.
const fields: Field[] = [];
const PATH_PLACE = 2;
const TIMEOUT_PLACE = 6;
/** What `fields` was made of; undefined at first. */
let madeOf: readonly Field[] | undefined;
let isMadeWithTimeout = false;

/**
 * The headers of a request to a backend; `metadata` is what isForwarded() let through. The array is used again by the
 * next call: as it is but for path and timeout, when that has the same metadata.
 */
export function backendRequestFields(
  path: string | Field,
  metadata: readonly Field[],
  timeout: Field | undefined,
): readonly Field[] {
  const hasTimeout = timeout !== undefined;
  if (metadata !== madeOf || hasTimeout !== isMadeWithTimeout) {
    makeFields(metadata, hasTimeout);
    madeOf = metadata;
    isMadeWithTimeout = hasTimeout;
  }
  fields[PATH_PLACE] = typeof path === 'string' ? pathField(path) : path;
  if (hasTimeout) fields[TIMEOUT_PLACE] = timeout;
  return fields;
}

function makeFields(metadata: readonly Field[], hasTimeout: boolean): void {
  const contentType = metadata.findLast(({ known }) => known === KNOWN.contentType) ?? CONTENT_TYPE;
  while (fields.length > 0) fields.pop();
  fields.push(METHOD, SCHEME, PLACE_HOLDER, AUTHORITY, contentType, TE);
  if (hasTimeout) fields.push(PLACE_HOLDER);
  for (const field of metadata) if (field.known !== KNOWN.contentType) fields.push(field);
}

// The same object for the same path, so that the encoder knows it again.
function pathField(path: string): Field {
  let field = pathFields.get(path);
  if (field === undefined) {
    field = new Field(':path', path);
    if (pathFields.size < PATHS_KEPT) pathFields.set(path, field);
  }
  return field;
}
