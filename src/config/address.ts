// The address of the admin side as the config writes it.
import type { AdminAddress, TcpAddress } from './config.ts';
import { parseSocket } from './sockets.ts';
import { hasVariable, VARIABLE_HINT } from './variables.ts';

/** Reads host:port, [v6]:port or unix:///path; undefined when it is none of them. */
export function parseAddress(text: string): AdminAddress | undefined {
  if (text.startsWith('unix:') || text.startsWith('/')) {
    const socket = parseSocket(text);
    return 'path' in socket ? { kind: 'unix', path: socket.path } : undefined;
  }
  const [, v6, name, port] = /^(?:\[([0-9a-fA-F:.%]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name;
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { kind: 'tcp', host, port: Number(port) };
}

/** What to write instead of a text that is no address; without any guess `host` and `port`. */
export function addressHint(text: string, usual: TcpAddress): string {
  if (hasVariable(text)) return VARIABLE_HINT;
  const port = /:(\d{5,})\/?$/.exec(text)?.[1];
  const meant = suggestAddress(text, usual);
  return Number(port) > 65_535 ? `A port is at most 65535: write ${meant}` : `Write ${meant}`;
}

/** As YAML. */
function suggestAddress(text: string, { host, port }: TcpAddress): string {
  const [, rest = ''] = /^(?:[a-z]+:\/\/)?([^/]*)\/?$/i.exec(text.trim()) ?? [];
  const [, ip6, port6] = /^([0-9a-f]*:[0-9a-f:]*:[0-9a-f]*?):(\d{3,5})$/i.exec(rest) ?? [];
  const guesses = [rest, `${host}${rest}`, `${host}:${rest}`, `[${ip6}]:${port6}`, `${rest}:${port}`];
  const meant = guesses.find((guess) => parseAddress(guess)?.kind === 'tcp') ?? `${host}:${port}`;
  return meant.startsWith('[') ? `"${meant}"` : meant;
}

/** host:port as it stands in URLs: an IPv6 address in brackets. */
export function toHostPort({ host, port }: TcpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach it. */
export function isLocal(address: AdminAddress): boolean {
  return address.kind === 'unix' || isLoopback(address.host);
}

/** Whether a host name or IP address is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
