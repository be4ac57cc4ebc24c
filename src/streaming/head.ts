// The heads of HTTP/1.1 messages, as far as the relay looks at them. Text in latin1, so that every byte stays what it is.
// Pure. A head ends with an empty line. What two readers could take for two things is refused, never mended.

/** The end of a head. */
export const HEAD_END = '\r\n\r\n';

/** One line of a head behind its first. */
export interface HeadField {
  /** In small letters. */
  readonly name: string;
  /** Without blanks around it. */
  readonly value: string;
}

/** A head in its parts. */
export interface Head {
  readonly first: string;
  readonly fields: readonly HeadField[];
}

/**
 * Takes a head apart; undefined when it has a line that not everybody reads in the same way: a bare CR or LF, a control
 * character, a folded line, a blank before the colon (RFC 9112 sections 2.2 and 5).
 */
export function parseHead(head: string): Head | undefined {
  const [first = '', ...lines] = head.slice(0, -HEAD_END.length).split('\r\n');
  if (!PRINTABLE.test(first)) return undefined;
  const fields: HeadField[] = [];
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    fields.push({ name: name.toLowerCase(), value });
  }
  return { first, fields };
}

const PRINTABLE = /^[\x20-\x7e\x80-\xff]*$/;
const FIELD = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;

/** The values of all lines with this name, which is in small letters. */
export function valuesOf({ fields }: Head, name: string): string[] {
  return fields.filter((field) => field.name === name).map(({ value }) => value);
}

/** A request for a stream, as far as its head says. */
export interface StreamRequest {
  readonly kind: 'request';
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
}

/** Why a head is not taken. */
export interface RefusedHead {
  readonly kind: 'refused';
  readonly status: OwnStatus;
  readonly why: string;
}

/**
 * Reads the head of a request. Those for streams are GET or POST (as in the kubelet and all runtimes) and have no body:
 * with one, what follows the head would have two readings. An upgrade to HTTP/2 would open more than one stream.
 */
export function parseRequest(text: string): StreamRequest | RefusedHead {
  const head = parseHead(text);
  const [, method, path, query, minor] =
    /^([A-Z-]+) (\/[!->@-~]*)(\?[!-~]*)? HTTP\/1\.([01])$/.exec(head?.first ?? '') ?? [];
  if (head === undefined || path === undefined) return refused('this is no HTTP/1.1 request for a stream');
  if (method !== 'GET' && method !== 'POST')
    return { kind: 'refused', status: 405, why: 'a stream is asked for with GET or POST' };
  const hosts = valuesOf(head, 'host').length;
  if (hosts > 1 || (hosts === 0 && minor === '1')) return refused('the request must have one Host header');
  const lengths = valuesOf(head, 'content-length');
  const isEmpty = lengths.length === 0 || (lengths.length === 1 && lengths[0] === '0');
  if (!isEmpty || valuesOf(head, 'transfer-encoding').length > 0)
    return refused('a request for a stream has no body');
  if (valuesOf(head, 'upgrade').some((value) => /(^|[\s,])(h2c?|http)\b/i.test(value)))
    return refused('the streams of a container runtime are no HTTP/2');
  return { kind: 'request', path, query: query ?? '' };
}

function refused(why: string): RefusedHead {
  return { kind: 'refused', status: 400, why };
}

/** The same request to another host and path. All other lines stay as they are, in their order. */
export function redirectRequest(head: string, path: string, authority: string): string {
  const [first = '', ...lines] = head.slice(0, -HEAD_END.length).split('\r\n');
  const [method, , version] = first.split(' ');
  const others = lines.filter((line) => !/^host:/i.test(line));
  return [`${method} ${path} ${version}`, `Host: ${authority}`, ...others].join('\r\n') + HEAD_END;
}

/** The same response, and nothing may follow on this connection. */
export function toLastResponse(head: string): string {
  const lines = head.slice(0, -HEAD_END.length).split('\r\n');
  const kept = lines.filter((line) => !/^(connection|keep-alive|proxy-connection):/i.test(line));
  return [...kept, 'Connection: close'].join('\r\n') + HEAD_END;
}

const REASONS = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
} as const;

/** The statuses that the relay answers itself. */
export type OwnStatus = keyof typeof REASONS;

/** A whole response of our own. */
export function ownResponse(status: OwnStatus, text: string): string {
  const body = `switchyard: ${text}\n`;
  return [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 405 ? ['Allow: GET, POST'] : []),
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
