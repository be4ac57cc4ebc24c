// Which header fields cross from the client's hop to the backend's, and back.
import { Field, KNOWN } from '../http2/field.ts';

const METHOD = new Field(':method', 'POST');
const SCHEME = new Field(':scheme', 'http');
// What kubelets of today send; every runtime takes it, where the client's own may be a raw socket path.
const AUTHORITY = new Field(':authority', 'localhost');
const CONTENT_TYPE = new Field('content-type', 'application/grpc');
const TE = new Field('te', 'trailers');

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
  if (!isSame || count !== lastForwarded.length) lastForwarded = list.filter(isForwarded);
  return lastForwarded;
}

/** Whether a reply's header or trailer goes back to the client: all but what belongs to the hop. */
export function isForwardedResponse(field: Field): boolean {
  return field.known !== KNOWN.connectionHeader && field.known !== KNOWN.contentLength;
}

// Of the request at hand; shared because its headers are written at once.
const fields: Field[] = [];

/**
 * The headers of a request to a backend; `metadata` is what isForwarded() let through. The array is used again by the
 * next call.
 */
export function backendRequestFields(
  path: string | Field,
  metadata: readonly Field[],
  timeout: Field | undefined,
): readonly Field[] {
  let contentType = CONTENT_TYPE;
  for (let i = 0; i < metadata.length; i++) {
    const field = metadata[i] as Field;
    if (field.known === KNOWN.contentType) contentType = field;
  }
  while (fields.length > 0) fields.pop();
  fields.push(METHOD, SCHEME, typeof path === 'string' ? pathField(path) : path, AUTHORITY, contentType, TE);
  if (timeout !== undefined) fields.push(timeout);
  for (let i = 0; i < metadata.length; i++) {
    const field = metadata[i] as Field;
    if (field.known !== KNOWN.contentType) fields.push(field);
  }
  return fields;
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
