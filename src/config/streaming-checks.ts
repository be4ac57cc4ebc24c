// Checks of how streams go: the address of the relay must be one that clients can connect to, and few others.

import { quote } from '../quote.ts';
import { addressHint, isLocal, parseAddress } from './address.ts';
import { errorAt, type Finding, warningAt } from './problems.ts';
import type { ConfigFile } from './schema.ts';

const PATH = ['streamingAddress'];

/** What is wrong with `streaming` and `streamingAddress`. */
export function checkStreaming({ streaming, streamingAddress, admin }: ConfigFile): Finding[] {
  const address = parseAddress(streamingAddress);
  if (address?.kind !== 'tcp') {
    const message = `streamingAddress must be host:port, not ${quote(streamingAddress)}`;
    return [errorAt(PATH, message, addressHint(streamingAddress, { host: '127.0.0.1', port: 0 }))];
  }
  if (streaming === 'pass') return [];
  if (/^(0+(\.0+){3}|[0:]+)$/.test(address.host)) {
    const message = `streamingAddress is the address in the URLs of streams, and nobody can connect to ${address.host}`;
    return [errorAt(PATH, message, 'Name one address of this node, such as 127.0.0.1:0')];
  }
  const other = admin === undefined ? undefined : parseAddress(admin.address);
  const isTaken =
    other?.kind === 'tcp' && other.port !== 0 && other.port === address.port && other.host === address.host;
  if (isTaken) return [errorAt(PATH, 'streamingAddress is the same as admin.address', 'Choose another port')];
  if (isLocal(address)) return [];
  const message =
    'streamingAddress can be reached from other machines, and nothing is encrypted: whoever reads along sees what is typed into containers';
  return [
    warningAt(PATH, message, 'Write 127.0.0.1:0 unless clients live in another network of this node alone'),
  ];
}
