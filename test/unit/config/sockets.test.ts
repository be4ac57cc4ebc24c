import { mkdirSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findSameSockets, identifySocketFile, parseSocket } from '../../../src/config/sockets.ts';
import { tempDir } from '../../support/temp-dir.ts';

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
  expect(findSameSockets(config, identifySocketFile)).toEqual([]);
});

test('knows one socket by two paths before it is there, through linked directories and links to nothing', async () => {
  await using dir = await tempDir();
  mkdirSync(dir.file('run'));
  symlinkSync('run', dir.file('runlink'));
  symlinkSync('run/sub/cri.sock', dir.file('link.sock'));
  symlinkSync('loop.sock', dir.file('loop.sock'));
  const socket = dir.file('run/sub/cri.sock');
  const others = ['runlink/sub/cri.sock', 'link.sock', 'loop.sock', 'run/cri.sock'];
  const backends = others.map((name) => ({ name, socket: dir.file(name) }));
  const found = findSameSockets({ listen: { socket }, backends }, identifySocketFile);
  expect(found.map(({ message }) => message)).toEqual([
    `backend runlink/sub/cri.sock is Switchyard's own socket ${socket}`,
    `backend link.sock is Switchyard's own socket ${socket}`,
  ]);
});
