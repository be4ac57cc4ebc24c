import { expect, test } from 'vitest';
import { findSameSockets, identifyByInode, parseSocket } from '../../../src/config/sockets.ts';

test.each([
  ['unix:///run/a.sock', '/run/a.sock'],
  ['unix:/run/a.sock', '/run/a.sock'],
  ['/run/a.sock', '/run/a.sock'],
  ['UNIX:///run/a.sock', '/run/a.sock'],
  ['unix:////run//a/../b.sock', '/run/b.sock'],
  [`/${'x'.repeat(106)}`, `/${'x'.repeat(106)}`],
])('reads %s as the path %s', (text, path) => {
  expect(parseSocket(text)).toEqual({ path });
});

test.each([
  '',
  'a.sock',
  'unix://run/a.sock',
  'unix:@a',
  '@a',
  'tcp://h:1',
  'http://h/',
  '/run/',
  '/a\nb',
  `/${'x'.repeat(107)}`,
])('refuses %j with a reason and a hint', (text) => {
  expect(parseSocket(text)).toEqual({
    message: expect.stringMatching(/^(must|is) /),
    hint: expect.any(String),
  });
});

test('finds backends that reach one file under different names', () => {
  const config = {
    listen: { socket: '/run/own.sock' },
    backends: [
      { name: 'a', socket: '/run/a.sock' },
      { name: 'b', socket: '/run/b.sock' },
      { name: 'c', socket: '/run/c.sock' },
      { name: 'd', socket: '/run/d.sock' },
    ],
  };
  const inodes = new Map([
    ['/run/a.sock', '1:1'],
    ['/run/c.sock', '1:1'],
    ['/run/own.sock', '1:2'],
    ['/run/d.sock', '1:2'],
  ]);
  const found = findSameSockets(config, (socket) => inodes.get(socket));
  expect(found.map(({ backend, message }) => [backend, message])).toEqual([
    [2, 'backend c reaches the same socket as backend a'],
    [3, "backend d is Switchyard's own socket /run/own.sock"],
  ]);
});

test('takes sockets that are not there yet for different ones', () => {
  const config = {
    listen: { socket: '/nowhere/own.sock' },
    backends: [
      { name: 'a', socket: '/nowhere/a.sock' },
      { name: 'b', socket: '/nowhere/b.sock' },
    ],
  };
  expect(findSameSockets(config, identifyByInode)).toEqual([]);
});
