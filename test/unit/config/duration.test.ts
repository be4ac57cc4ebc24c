import { expect, test } from 'vitest';
import { parseDuration } from '../../../src/config/duration.ts';

test.each([
  ['0s', 0],
  ['500ms', 500],
  ['1.5s', 1_500],
  ['2m', 120_000],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
])('reads %s as %d ms', (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each(['', '5', 's', '5 s', '-1s', '1d', '1,5s', '5S', 's5', '1e3s'])('does not read %j', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
