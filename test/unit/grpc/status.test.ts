import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeStatusMessage,
  encodeStatusMessage,
  STATUS,
  statusFromHttp,
  statusName,
  trailers,
  trailersOnly,
} from '../../../src/grpc/status.ts';

describe('status codes', () => {
  it('have the numbers of the gRPC specification, both ways', () => {
    expect(STATUS.OK).toBe(0);
    expect(STATUS.UNIMPLEMENTED).toBe(12);
    expect(STATUS.UNAUTHENTICATED).toBe(16);
    for (const [name, code] of Object.entries(STATUS)) expect(statusName(code)).toBe(name);
  });

  it.each([17, -1, 1.5, Number.NaN])('read %d as UNKNOWN', (code) => {
    expect(statusName(code)).toBe('UNKNOWN');
  });

  it.each([
    [400, 'INTERNAL'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'UNIMPLEMENTED'],
    [429, 'UNAVAILABLE'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [504, 'UNAVAILABLE'],
    [200, 'UNKNOWN'],
    [500, 'UNKNOWN'],
  ])('stand for HTTP status %d as %s', (http, name) => {
    expect(statusFromHttp(http)).toBe(name);
  });
});

describe('the status message', () => {
  it('leaves printable ASCII but for the percent sign', () => {
    expect(encodeStatusMessage('rpc error: "x" ~ 100%')).toBe('rpc error: "x" ~ 100%25');
  });

  it('codes UTF-8 and control characters', () => {
    expect(encodeStatusMessage('ü\n\t€')).toBe('%C3%BC%0A%09%E2%82%AC');
  });

  it('comes back as it was, and is always fit for a header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const coded = encodeStatusMessage(text);
        expect(coded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeStatusMessage(coded)).toBe(text);
      }),
    );
  });

  it.each([
    ['100%', '100%'],
    ['%zz', '%zz'],
    ['%4', '%4'],
    ['%25%', '%%'],
    ['a%FFb', 'a\ufffdb'],
  ])('decodes the broken %j as %j', (coded, text) => {
    expect(decodeStatusMessage(coded)).toBe(text);
  });
});

describe('the fields that end a call', () => {
  const pairs = (fields: readonly { name: string; value: string }[]) => fields.map((f) => [f.name, f.value]);

  it('are status and message as trailers', () => {
    expect(pairs(trailers('NOT_FOUND', 'no ü'))).toEqual([
      ['grpc-status', '5'],
      ['grpc-message', 'no %C3%BC'],
    ]);
    expect(pairs(trailers('OK', ''))).toEqual([['grpc-status', '0']]);
  });

  it('are a whole response where nothing was sent before', () => {
    expect(pairs(trailersOnly('UNAVAILABLE', 'gone'))).toEqual([
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', '14'],
      ['grpc-message', 'gone'],
    ]);
  });
});
