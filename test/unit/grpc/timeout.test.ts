import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimeout, parseTimeout } from '../../../src/grpc/timeout.ts';

describe('parseTimeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['30S', 30_000],
    ['119999m', 119_999],
    ['500u', 0.5],
    ['250n', 0.000_25],
    ['99999999n', 99.999_999],
    ['0m', 0],
  ])('reads %s', (value, ms) => {
    expect(parseTimeout(value)).toBeCloseTo(ms, 9);
  });

  it.each(['', 'S', '1', '1s', '123456789m', '-1S', '1.5S', ' 1S', '1S ', '1 S'])('refuses %j', (value) => {
    expect(parseTimeout(value)).toBeUndefined();
  });
});

describe('formatTimeout', () => {
  it.each([
    [0, '1n'],
    [-5, '1n'],
    [0.000_001, '1n'],
    [99, '99000000n'],
    [100, '100000u'],
    [1999.5, '1999500u'],
    [120_000, '120000m'],
    [99_999_999, '99999999m'],
    [100_000_000, '100000S'],
    [Number.POSITIVE_INFINITY, '99999999H'],
  ])('writes %d ms as %s', (ms, value) => {
    expect(formatTimeout(ms)).toBe(value);
  });

  it('never writes more than what remains, and loses less than a thousandth', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e11, noNaN: true }), (ms) => {
        const value = formatTimeout(ms);
        expect(value).toMatch(/^[0-9]{1,8}[HMSmun]$/);
        const back = parseTimeout(value) as number;
        expect(back).toBeLessThanOrEqual(ms * (1 + 1e-12));
        expect(back).toBeGreaterThan(ms * 0.999 - 1e-6);
      }),
    );
  });
});
