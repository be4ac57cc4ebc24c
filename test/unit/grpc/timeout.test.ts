import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimeout, timeoutField, timeoutMsOf } from '../../../src/grpc/timeout.ts';
import { Field } from '../../../src/http2/field.ts';

const parsed = (value: string) => timeoutMsOf(new Field('grpc-timeout', value));

describe('timeoutMsOf', () => {
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
    expect(parsed(value)).toBeCloseTo(ms, 9);
  });

  it.each(['', 'S', '1', '1s', '123456789m', '-1S', '1.5S', ' 1S', '1S ', '1 S'])('refuses %j', (value) => {
    expect(parsed(value)).toBeUndefined();
  });
});

describe('formatTimeout', () => {
  it.each([
    [0, '1n'],
    [-5, '1n'],
    [0.000_001, '1n'],
    [99, '99000000n'],
    [100, '100000u'],
    [999.9994, '999999u'],
    [1999.5, '1999m'],
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
        const back = parsed(value) as number;
        expect(back).toBeLessThanOrEqual(ms * (1 + 1e-12));
        expect(back).toBeGreaterThan(ms * 0.999 - 1e-6);
      }),
    );
  });
});

describe('timeoutField', () => {
  it('is the same field for calls with the same time, although each has lost a little of it on the way', () => {
    const field = timeoutField(9_999.93);
    expect(field).toMatchObject({ name: 'grpc-timeout', value: '9999m' });
    expect(timeoutField(9_999.87)).toBe(field);
    expect(timeoutField(9_998.99).value).toBe('9998m');
    expect(timeoutField(9_999.5)).toBe(field);
  });

  it('says what formatTimeout says, whatever was asked before', () => {
    const remaining = fc.oneof(
      fc.double({ min: -1, max: 2_000, noNaN: true }),
      fc.integer({ min: 0, max: 300 }).map((step) => 1_000 + 64 * step),
      fc.double({ min: 1e7, max: 1e9, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(remaining, { maxLength: 40 }), (times) => {
        for (const ms of times) expect(timeoutField(ms).value).toBe(formatTimeout(ms));
      }),
    );
  });
});
