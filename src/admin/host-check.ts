// Refuses requests to the admin side that name another host. A web page can have its own name point to 127.0.0.1 and so
// make a browser on this machine read what is here (DNS rebinding); only the Host header tells.
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { AdminAddress } from './server.ts';

/**
 * Whether a request with this Host header means this server. The port does not count: it is another one behind
 * `ssh -L` or `kubectl port-forward`, and a page that rebinds its name cannot do so without the name.
 */
export function isOwnHost(address: AdminAddress, header: string | undefined): boolean {
  // A browser always sends one, and cannot reach a unix socket.
  if (address.kind === 'unix' || header === undefined) return true;
  const name = /^(\[[^\]]*\]|[^:]*)(:\d*)?$/.exec(header.toLowerCase())?.[1]?.replace(/^\[|\]$/g, '');
  if (name === undefined) return false;
  if (name === address.host.toLowerCase() || ['localhost', '127.0.0.1', '::1'].includes(name)) return true;
  if (isLoopback(address.host)) return false;
  // It listens to the network: scraped under any address of the machine, or under its name. An address is nobody's to point.
  return isIP(name) !== 0 || firstLabel(name) === firstLabel(hostname().toLowerCase());
}

/** What to do about it. */
export const FOREIGN_HOST =
  'the Host header names another host: ask by the address in admin.address, by localhost or 127.0.0.1';

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function firstLabel(name: string): string | undefined {
  return name.split('.')[0];
}
