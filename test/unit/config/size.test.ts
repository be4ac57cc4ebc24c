import { expect, test } from 'vitest';
import { parseSize } from '../../../src/config/size.ts';

test.each([
  ['64KiB', 65_536],
  ['16MiB', 16_777_216],
  ['1GiB', 1_073_741_824],
])('reads %s as %d bytes', (text, sizeBytes) => {
  expect(parseSize(text)).toBe(sizeBytes);
});

test.each(['', '16', 'MiB', '16MB', '16 MiB', '1.5MiB', '-1KiB', '16mib'])('does not read %j', (text) => {
  expect(parseSize(text)).toBeUndefined();
});
