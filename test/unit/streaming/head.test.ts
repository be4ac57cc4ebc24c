import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ownResponse, parseRequest, redirectRequest, toLastResponse } from '../../../src/streaming/head.ts';

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;

describe('the head of a request', () => {
  test.each([
    ['POST /exec/Ab_-9 HTTP/1.1', { path: '/exec/Ab_-9', query: '' }],
    ['GET /exec/x?a=b?c HTTP/1.0', { path: '/exec/x', query: '?a=b?c' }],
    ['GET / HTTP/1.1', { path: '/', query: '' }],
  ])('is read: %s', (line, expected) => {
    expect(parseRequest(head(line, 'Host: x'))).toEqual({ kind: 'request', ...expected });
  });

  test.each([
    'GET http://x/exec/y HTTP/1.1',
    'CONNECT x:1 HTTP/1.1',
    'GET /exec/x HTTP/2',
    'GET /exec/x',
    'GET  /exec/x HTTP/1.1',
    'GET /a b HTTP/1.1',
    '\u0016\u0003\u0001\u0002',
    '',
  ])('is refused: %j', (line) => {
    expect(parseRequest(head(line, 'Host: x'))).toMatchObject({ kind: 'refused', status: 400 });
  });

  it('goes to the backend with its path and host, and every other line as it was', () => {
    const lines = [
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'x-odd:  \u00e9 ',
      'X-A: 1',
      'x-a: 2',
      'Sec-WebSocket-Key: k==',
    ];
    const given = head('POST /exec/ours?x HTTP/1.1', 'HOST: relay:1', ...lines, 'host: again');
    expect(redirectRequest(given, '/cri/exec/theirs?y', '127.0.0.1:9')).toBe(
      head('POST /cri/exec/theirs?y HTTP/1.1', 'Host: 127.0.0.1:9', ...lines),
    );
  });

  it('keeps every byte of what is behind its first two lines', () => {
    const line = fc
      .string({
        unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
        minLength: 1,
      })
      .map((text) => `x-${text}`);
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const moved = redirectRequest(head('GET /exec/a HTTP/1.1', 'Host: a', ...lines), '/b', 'b');
        expect(moved).toBe(head('GET /b HTTP/1.1', 'Host: b', ...lines));
      }),
    );
  });
});

describe('the head of an answer', () => {
  it('says that the connection ends, whatever it said of that, and is the same otherwise', () => {
    const given = head(
      'HTTP/1.1 403 Forbidden',
      'Connection: keep-alive',
      'Content-Length: 2',
      'Keep-Alive: timeout=5',
      'X-A: 1',
    );
    expect(toLastResponse(given)).toBe(
      head('HTTP/1.1 403 Forbidden', 'Content-Length: 2', 'X-A: 1', 'Connection: close'),
    );
  });

  it('of our own tells who speaks, and how long its text is', () => {
    expect(ownResponse(404, 'gone \u00b7')).toBe(
      `${head('HTTP/1.1 404 Not Found', 'Content-Type: text/plain; charset=utf-8', 'Content-Length: 20', 'Connection: close')}switchyard: gone \u00b7\n`,
    );
  });
});
