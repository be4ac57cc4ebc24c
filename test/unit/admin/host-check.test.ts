import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isOwnHost } from '../../../src/admin/host-check.ts';
import type { AdminAddress } from '../../../src/admin/server.ts';

const loopback: AdminAddress = { kind: 'tcp', host: '127.0.0.1', port: 9440 };
const everywhere: AdminAddress = { kind: 'tcp', host: '0.0.0.0', port: 9440 };

describe('a request to the admin side', () => {
  it.each([
    '127.0.0.1:9440',
    'localhost:9440',
    'LOCALHOST',
    '[::1]:9440',
    // Behind `ssh -L 8080:127.0.0.1:9440`.
    'localhost:8080',
    undefined,
  ])('is answered on the loopback address when its Host is %s', (header) => {
    expect(isOwnHost(loopback, header)).toBe(true);
  });

  it.each([
    'rebound.example:9440',
    'localhost.example:9440',
    '127.0.0.1.example',
    '10.0.0.5:9440',
    '',
    'a:b:c',
    `${hostname()}.example`,
    '[::1',
    'x@localhost',
  ])('is refused on the loopback address when its Host is %s', (header) => {
    expect(isOwnHost(loopback, header)).toBe(false);
  });

  it.each(['10.0.0.5:9440', '[2001:db8::5]:9440', 'localhost', hostname(), `${hostname()}.example:9440`])(
    'is answered on all addresses when its Host is %s, an address or the name of this machine',
    (header) => {
      expect(isOwnHost(everywhere, header)).toBe(true);
    },
  );

  it('is refused on all addresses when its Host is another name', () => {
    expect(isOwnHost(everywhere, 'rebound.example:9440')).toBe(false);
  });

  it('is answered by the name that the config has', () => {
    expect(isOwnHost({ kind: 'tcp', host: 'Metrics.node-1', port: 9440 }, 'metrics.node-1:9440')).toBe(true);
  });

  it('is answered on a unix socket whatever its Host is', () => {
    expect(isOwnHost({ kind: 'unix', path: '/run/admin.sock' }, 'anything')).toBe(true);
  });
});
