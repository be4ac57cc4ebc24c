import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { StreamUrlError } from '../../../src/errors.ts';
import { toTarget, toWholeUrl } from '../../../src/streaming/stream-url.ts';

const BASE = 'http://127.0.0.1:10010';
const whole = (url: string, base?: string) => toWholeUrl(url, base, 'docker');

describe('the URL that a client gets', () => {
  test.each([
    ['http://127.0.0.1:36429/exec/Ab_-9'],
    ['https://10.0.0.7:10010/exec/Ab_-9'],
    ['http://[::]:10010/attach/x?y=http://z#f'],
    ['ws://127.0.0.1:1/exec/x'],
    ['unix:///run/stream.sock'],
    ['HTTP://127.0.0.1:1//exec/../x'],
    [''],
  ])('is %s as the backend gave it', (url) => {
    expect(whole(url)).toBe(url);
    expect(whole(url, BASE)).toBe(url);
  });

  test.each([
    ['//127.0.0.1:40001/cri/exec/Ab_-9', 'http://127.0.0.1:40001/cri/exec/Ab_-9'],
    ['//[::]:40001/cri/exec/Ab_-9', 'http://127.0.0.1:40001/cri/exec/Ab_-9'],
    ['//[0:0:0:0:0:0:0:0]:40001/cri/exec/x', 'http://127.0.0.1:40001/cri/exec/x'],
    ['//0.0.0.0:40001/cri/attach/x?a=b#c', 'http://127.0.0.1:40001/cri/attach/x?a=b#c'],
    ['//:40001/cri/portforward/x', 'http://127.0.0.1:40001/cri/portforward/x'],
    ['//[::1]:40001/cri/exec/x', 'http://[::1]:40001/cri/exec/x'],
    ['//[fd00::7]:40001/cri/exec/x', 'http://[fd00::7]:40001/cri/exec/x'],
    ['//node-7:40001/cri/exec/x', 'http://node-7:40001/cri/exec/x'],
    ['//10.0.0.0:40001/cri/exec/x', 'http://10.0.0.0:40001/cri/exec/x'],
  ])('is made whole: %s becomes %s', (given, expected) => {
    expect(whole(given)).toBe(expected);
  });

  test.each([
    ['/cri/exec/x?a=b', 'http://127.0.0.1:10010/cri/exec/x?a=b'],
    ['exec/x', 'http://127.0.0.1:10010/exec/x'],
  ])(
    'begins with the base of its backend when the backend gave a path alone: %s becomes %s',
    (given, expected) => {
      expect(whole(given, BASE)).toBe(expected);
    },
  );

  it('is refused when it is a path and nobody said where the backend serves, and the refusal says what to do', () => {
    expect(() => whole('/cri/exec/secret')).toThrow(StreamUrlError);
    try {
      whole('/cri/exec/secret');
    } catch (error) {
      const text = (error as StreamUrlError).toStatusMessage();
      expect(text).toContain('streamingBase of backend docker');
      expect(text).not.toContain('secret');
    }
  });

  it('never changes when it has a scheme, and always has one or is empty when it is given out', () => {
    const scheme = fc.stringMatching(/^[A-Za-z][A-Za-z0-9+.-]{0,9}$/);
    fc.assert(
      fc.property(
        scheme,
        fc.string(),
        fc.option(fc.constant(BASE), { nil: undefined }),
        (first, rest, base) => {
          expect(whole(`${first}:${rest}`, base)).toBe(`${first}:${rest}`);
        },
      ),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webPath(), fc.webUrl()), (url) => {
        expect(whole(url, BASE)).toMatch(/^$|^[a-z][a-z0-9+.-]*:/i);
      }),
    );
  });
});

describe('where the relay goes for a URL', () => {
  test.each([
    ['http://127.0.0.1:36429/exec/x', '127.0.0.1', 36_429, '127.0.0.1:36429', '/exec/x', false],
    ['https://127.0.0.1:10010/exec/x', '127.0.0.1', 10_010, '127.0.0.1:10010', '/exec/x', true],
    ['http://[::1]:1/cri/exec/x?q=/a#f', '::1', 1, '[::1]:1', '/cri/exec/x?q=/a', false],
    ['http://[::]:9/exec/x', '127.0.0.1', 9, '127.0.0.1:9', '/exec/x', false],
    ['http://0.0.0.0:9/exec/x', '127.0.0.1', 9, '127.0.0.1:9', '/exec/x', false],
    ['http://node-7/exec/x', 'node-7', 80, 'node-7', '/exec/x', false],
    ['https://node-7/exec/x', 'node-7', 443, 'node-7', '/exec/x', true],
    ['HTTP://node-7:8/../a//b?c', 'node-7', 8, 'node-7:8', '/../a//b?c', false],
    ['http://node-7:8?c', 'node-7', 8, 'node-7:8', '/?c', false],
  ])('%s is %s port %i', (url, host, port, authority, path, isSecure) => {
    expect(toTarget(url, 'x')).toEqual({ host, port, authority, path, isSecure });
  });

  test.each([
    'unix:///run/x.sock',
    'ws://127.0.0.1:1/exec/x',
    'http://user@host:1/exec/x',
    'http://127.0.0.1:0/exec/x',
    'http://127.0.0.1:65536/exec/x',
    'http://127.0.0.1:1/exec/x y',
    'http://127.0.0.1:1/exec/x\r\nHost: evil',
    'http://host\r\n:1/exec/x',
    'http://127.0.0.1:1/exec/x\u010d\u010aX: evil',
    'http://ho\u010d\u010ast:1/exec/x',
    'http://127.0.0.1:1/exec/x\0',
    'exec/x',
    '',
  ])('is nowhere for %j, and the refusal keeps the token to itself', (url) => {
    expect(() => toTarget(url, 'crio')).toThrow(StreamUrlError);
    try {
      toTarget(url, 'crio');
    } catch (error) {
      expect((error as StreamUrlError).toStatusMessage()).toMatch(/backend crio .* cannot be relayed/);
      expect((error as StreamUrlError).toStatusMessage()).not.toMatch(/exec|evil/);
    }
  });
});
