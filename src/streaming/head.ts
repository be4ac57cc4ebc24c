// The heads of HTTP/1.1 messages, as far as the relay looks at them. Text in latin1, so that every byte stays what it is.
// Pure. A head ends with an empty line.

/** The end of a head. */
export const HEAD_END = '\r\n\r\n';

/** The first line of a request. */
export interface RequestLine {
  readonly method: string;
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;
}

/** Reads the first line of a request with a path; undefined when it is anything else. */
export function parseRequestLine(head: string): RequestLine | undefined {
  const [, method, path, query] =
    /^([\w!#$%&'*+.^`|~-]+) (\/[^\s?]*)(\?\S*)? HTTP\/1\.[01]\r\n/.exec(head) ?? [];
  if (method === undefined || path === undefined) return undefined;
  return { method, path, query: query ?? '' };
}

/** The same request to another host and path. All other lines stay as they are, in their order. */
export function redirectRequest(head: string, path: string, authority: string): string {
  const [first = '', ...lines] = head.slice(0, -HEAD_END.length).split('\r\n');
  const [method, , version] = first.split(' ');
  const others = lines.filter((line) => !/^host:/i.test(line));
  return [`${method} ${path} ${version}`, `Host: ${authority}`, ...others].join('\r\n') + HEAD_END;
}

/** The status of a response; undefined when this is none. */
export function parseStatus(head: string): number | undefined {
  const [, status] = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head) ?? [];
  return status === undefined ? undefined : Number(status);
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
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
