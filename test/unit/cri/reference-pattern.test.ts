import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsPattern, readPattern } from '../../../src/cri/reference-pattern.ts';

const fits = (pattern: string, reference: string) => {
  const read = readPattern(pattern);
  if (read === undefined) throw new Error(`${pattern} is no pattern`);
  return fitsPattern(read, reference);
};

describe('a pattern of Docker for image references', () => {
  it.each([
    ['busybox', 'busybox:1.36'],
    ['busybox:1.36', 'busybox:1.36'],
    ['busy*', 'busybox:1.36'],
    ['*:1.36', 'busybox:1.36'],
    ['registry.test:5000/app-1', 'registry.test:5000/app-1:v2'],
    ['registry.test/*', 'registry.test/app:1'],
    ['registry.test/*/app', 'registry.test/team/app:1'],
    ['registry.test/app', 'registry.test/app@sha256:00ff'],
    ['a?p:1', 'app:1'],
    ['app:[0-9]', 'app:7'],
    ['app:[^0-9]', 'app:x'],
    ['app:[a\\-z]', 'app:-'],
    ['a\\pp', 'app:1'],
    ['app:v1.2', 'app:v1.2'],
    ['a\\*p', 'a*p:1'],
    ['app:[ac-e]', 'app:d'],
    ['*p*:*1', 'app:0.1'],
    ['registry.test/*a/*b', 'registry.test/xa/ab:1'],
    ['**', 'app'],
  ])('%s fits %s', (pattern, reference) => {
    expect(fits(pattern, reference)).toBe(true);
  });

  it.each([
    ['busybox', 'library/busybox:1'],
    ['*', 'registry.test/app:1'],
    ['registry.test/*', 'registry.test/team/app:1'],
    ['app:v1.2', 'app:v1x2'],
    ['app:[0-9]', 'app:x'],
    ['app:[^0-9]', 'app:7'],
    ['app:[z-a]', 'app:b'],
    ['a?p', 'a/p:1'],
    ['sha256:00ff', 'app@sha256:00ff'],
  ])('%s does not fit %s', (pattern, reference) => {
    const read = readPattern(pattern);
    expect(read !== undefined && fitsPattern(read, reference)).toBe(false);
  });

  it('fits what a plain matcher says that it fits', () => {
    const isFit = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === '';
      const isAny = pattern[0] === '*' || pattern[0] === '?';
      const takesOne = text !== '' && (isAny ? text[0] !== '/' : text[0] === pattern[0]);
      if (pattern[0] === '*' && isFit(pattern.slice(1), text)) return true;
      return takesOne && isFit(pattern[0] === '*' ? pattern : pattern.slice(1), text.slice(1));
    };
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 });
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        expect(fits(pattern, text)).toBe(isFit(pattern, text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no time however many stars it has', () => {
    expect(fits(`${'*a'.repeat(1_000)}*b`, 'a'.repeat(4_000))).toBe(false);
    expect(readPattern('*'.repeat(1_000_000))).toBeUndefined();
  });

  it.each(['[', '[]', '[^]', '[a', '[-]', '[a-]', 'a\\'])('%s is none', (pattern) => {
    expect(readPattern(pattern)).toBeUndefined();
  });
});
