// URLs of streams as backends give them: made whole where a part lacks, and taken apart for the relay. Pure.
import { StreamUrlError } from '../errors.ts';
import { excerpt } from '../quote.ts';

/** Where a stream is: what to connect to, and what to ask for there. */
export interface StreamTarget {
  readonly isSecure: boolean;
  /** A name or an IP address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
  /** The value of the Host header. */
  readonly authority: string;
  /** Path and query, as the backend wrote them. */
  readonly path: string;
}

/**
 * A URL that a client can connect to. One with a scheme stays as it is, and so does an empty one: then the backend has
 * no stream to give, and the kubelet says so itself. cri-dockerd leaves the scheme out, and its host may be [::], where
 * it serves. `base` stands before a URL that is a path alone; throws StreamUrlError when such a one has no base.
 */
export function toWholeUrl(url: string, base: string | undefined, backend: string): string {
  if (url === '' || /^[a-z][a-z0-9+.-]*:/i.test(url)) return url;
  const [, host, rest = ''] = /^\/\/(\[[^\]]*\]|[^/?#:]*)(.*)$/s.exec(url) ?? [];
  if (host !== undefined) return `http://${toReachable(host)}${rest}`;
  if (base !== undefined) return `${base}${url.startsWith('/') ? '' : '/'}${url}`;
  throw new StreamUrlError(`backend ${backend} gave a URL without a host for a stream`, {
    hint: `Say where it serves: streamingBase of backend ${backend} in the config, such as http://127.0.0.1:10010`,
  });
}

/** Takes a whole URL apart. Throws StreamUrlError when the relay cannot go there. */
export function toTarget(url: string, backend: string): StreamTarget {
  const [, scheme, written, digits, path] = HTTP_URL.exec(url) ?? [];
  const isSecure = scheme?.toLowerCase() === 'https';
  const port = digits === undefined ? (isSecure ? 443 : 80) : Number(digits);
  if (written === undefined || path === undefined || port < 1 || port > 65_535) {
    const kind = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? 'no';
    throw new StreamUrlError(
      `backend ${backend} gave a URL for a stream that cannot be relayed (${excerpt(kind)} URL)`,
      {
        hint: 'Only http and https are relayed; with streaming: pass the client gets the URL as it is',
      },
    );
  }
  const host = toReachable(written);
  const authority = digits === undefined ? host : `${host}:${digits}`;
  return {
    isSecure,
    host: host.replace(/^\[|\]$/g, ''),
    port,
    authority,
    path: path.startsWith('/') ? path : `/${path}`,
  };
}

// Host and path become part of a request's head, so they are visible ASCII: no blanks, no control characters, and none
// that would become one when it is written as a single byte.
const HTTP_URL =
  /^(https?):\/\/(\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::(\d{1,5}))?((?:[/?][!"$-~]*)?)(?:#.*)?$/i;

/**
 * A host to connect to for one that only says "all addresses". Runtimes are Go programs, and those serve IPv4 as well
 * on [::]; ::1 would miss them where IPv6 is off.
 */
function toReachable(host: string): string {
  return /^(|0\.0\.0\.0|\[[0:]+\])$/.test(host) ? '127.0.0.1' : host;
}
