import fc from 'fast-check';
import { expect, test } from 'vitest';
import { includesMatch } from '../../../src/config/match-inclusion.ts';
import { toMatch } from '../../../src/config/snapshot.ts';
import type { PodAttributes } from '../../../src/routing/attributes.ts';
import { compileRule, findMismatch } from '../../../src/routing/rule.ts';
import { aPod } from '../../support/a-pod.ts';

const aGlob = fc.constantFrom('a', 'b', 'ab', 'a*', '*b', 'a*b', '*', '**', '*a*');
const aValue = fc.oneof(aGlob, fc.record({ exists: fc.boolean() }));
const anOptional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });

const aMatch = fc
  .record({
    handler: anOptional(fc.oneof(fc.constant(''), aValue)),
    namespaces: anOptional(fc.array(aGlob, { minLength: 1, maxLength: 2 })),
    names: anOptional(fc.array(aGlob, { minLength: 1, maxLength: 2 })),
    labels: fc.dictionary(fc.constantFrom('k', 'l'), aValue, { maxKeys: 1 }),
    annotations: fc.dictionary(fc.constant('k'), aValue, { maxKeys: 1 }),
    privileged: anOptional(fc.boolean()),
    hostNetwork: fc.constant(undefined),
    hostPID: fc.constant(undefined),
    hostIPC: fc.constant(undefined),
  })
  .map(toMatch);

const aWord = fc.constantFrom('', 'a', 'b', 'ab', 'aab', 'abb', 'c', '*');
const somePod = fc
  .record({
    handler: aWord,
    namespace: aWord,
    name: aWord,
    labels: fc.dictionary(fc.constantFrom('k', 'l'), aWord),
    annotations: fc.dictionary(fc.constantFrom('k', 'l'), aWord),
    privileged: fc.boolean(),
  })
  .map(aPod);

function matches(match: ReturnType<typeof toMatch>, pod: PodAttributes): boolean {
  const config = {
    name: 'r',
    match,
    target: { kind: 'backend', backend: 'b' },
    fallback: undefined,
    handler: undefined,
  } as const;
  return findMismatch(compileRule(config), pod) === undefined;
}

test('a match that includes another one holds for every pod that the other holds for', () => {
  let included = 0;
  fc.assert(
    fc.property(aMatch, aMatch, fc.array(somePod, { minLength: 20, maxLength: 20 }), (wide, narrow, pods) => {
      if (!includesMatch(wide, narrow)) return;
      included++;
      for (const pod of pods) if (matches(narrow, pod)) expect(matches(wide, pod)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
  expect(included).toBeGreaterThan(100);
});

test('every match includes itself', () => {
  fc.assert(
    fc.property(aMatch, (match) => {
      expect(includesMatch(match, match)).toBe(true);
    }),
  );
});
