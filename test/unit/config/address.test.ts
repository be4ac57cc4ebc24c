import { expect, test } from 'vitest';
import { isLocal, parseAddress } from '../../../src/config/address.ts';

test.each([
  ['127.0.0.1:9440', { kind: 'tcp', host: '127.0.0.1', port: 9440 }, true],
  ['localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }, true],
  ['[::1]:9440', { kind: 'tcp', host: '::1', port: 9440 }, true],
  ['0.0.0.0:9440', { kind: 'tcp', host: '0.0.0.0', port: 9440 }, false],
  ['[::]:9440', { kind: 'tcp', host: '::', port: 9440 }, false],
  ['unix:///run/admin.sock', { kind: 'unix', path: '/run/admin.sock' }, true],
  ['/run/admin.sock', { kind: 'unix', path: '/run/admin.sock' }, true],
])('reads %s', (text, address, local) => {
  const parsed = parseAddress(text);
  expect(parsed).toEqual(address);
  expect(parsed && isLocal(parsed)).toBe(local);
});

test.each([
  '',
  ':9440',
  '9440',
  'localhost',
  '127.0.0.1:',
  '127.0.0.1:x',
  '127.0.0.1:65536',
  '::1:9440',
  'http://a:1',
  'unix://a',
])('does not read %j', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});
