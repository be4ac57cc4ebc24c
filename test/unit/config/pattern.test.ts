import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describePattern, matchesHandler, matchesPattern, toPattern } from '../../../src/config/pattern.ts';

test.each([
  ['web', 'web'],
  ['', ''],
  ['*', ''],
  ['*', 'anything'],
  ['web-*', 'web-'],
  ['web-*', 'web-0'],
  ['*-0', 'web-0'],
  ['*eb*', 'web'],
  ['a*b*c', 'abc'],
  ['a*b*c', 'a-b-b-c'],
  ['*a*a*', 'aa'],
  ['a**b', 'ab'],
  ['a.c', 'a.c'],
])('%j matches %j', (pattern, value) => {
  expect(matchesPattern(toPattern(pattern), value)).toBe(true);
});

test.each([
  ['web', 'Web'],
  ['web', 'web-0'],
  ['', 'web'],
  ['web-*', 'web'],
  ['*-0', 'web-00'],
  ['aba*aba', 'aba'],
  ['aba*aba', 'ababa'],
  ['a*b*c', 'acb'],
  ['*a*a*', 'a'],
  ['a.c', 'abc'],
  ['a?c', 'abc'],
  ['[ab]', 'a'],
])('%j does not match %j', (pattern, value) => {
  expect(matchesPattern(toPattern(pattern), value)).toBe(false);
});

test('a value that is not there matches only { exists: false }', () => {
  const fits = ['', '*', 'x', { exists: true }, { exists: false }].map((pattern) =>
    matchesPattern(toPattern(pattern), undefined),
  );
  expect(fits).toEqual([false, false, false, false, true]);
});

test('a pod without a handler matches "", * and { exists: false }', () => {
  const fits = ['', '*', 'x', { exists: true }, { exists: false }].map((pattern) =>
    matchesHandler(toPattern(pattern), ''),
  );
  expect(fits).toEqual([true, true, false, false, true]);
});

test('a glob matches what the same regular expression matches', () => {
  const piece = fc.constantFrom('a', 'b', 'ab', '*');
  const letters = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), letters, (pieces, value) => {
      const glob = pieces.join('');
      const text = value.join('');
      expect(matchesPattern(toPattern(glob), text)).toBe(
        new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(text),
      );
    }),
  );
});

test('takes time that grows with the value and not with what a glob could try', () => {
  const pattern = toPattern(`${'*a'.repeat(50)}*b`);
  const startedAt = performance.now();
  expect(matchesPattern(pattern, 'a'.repeat(100_000))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(500);
});

test('is described as a person would write it', () => {
  expect(
    ['web-*', '', { exists: true }, { exists: false }].map((value) => describePattern(toPattern(value))),
  ).toEqual(['"web-*"', '""', 'any value', 'no value']);
});
