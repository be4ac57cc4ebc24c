import { describe, expect, it } from 'vitest';
import { isWholeId, mayMean, withTag } from '../../../src/cri/image-reference.ts';

const DIGITS = 'ab12'.repeat(16);

describe('withTag', () => {
  it.each([
    ['busybox', 'busybox:latest'],
    ['busybox:1', 'busybox:1'],
    ['localhost:5000/x', 'localhost:5000/x:latest'],
    ['localhost:5000/x:1', 'localhost:5000/x:1'],
    [`app@sha256:${DIGITS}`, `app@sha256:${DIGITS}`],
    [`sha256:${DIGITS}`, `sha256:${DIGITS}`],
  ])('makes of %s what the kubelet makes of it', (reference, expected) => {
    expect(withTag(reference)).toBe(expected);
  });
});

describe('isWholeId', () => {
  it('knows both forms of an id, and takes neither a beginning nor a name for one', () => {
    expect([DIGITS, `sha256:${DIGITS}`].map(isWholeId)).toEqual([true, true]);
    expect([DIGITS.slice(1), 'app', `app@sha256:${DIGITS}`].map(isWholeId)).toEqual([false, false, false]);
  });
});

describe('mayMean', () => {
  const image = {
    id: `sha256:${DIGITS}`,
    tags: ['registry.example/team/app:1', 'docker.io/library/busybox:latest'],
    digests: [`registry.example/team/app@sha256:${'cd'.repeat(32)}`],
  };

  it.each([
    `sha256:${DIGITS}`,
    DIGITS,
    DIGITS.slice(0, 12),
    'registry.example/team/app:1',
    'app:1',
    'busybox',
    `app@sha256:${'cd'.repeat(32)}`,
    `app:9@sha256:${'cd'.repeat(32)}`,
    `sha256:${'cd'.repeat(32)}`,
  ])('is true of %s, which some runtime would take for it', (reference) => {
    expect(mayMean(reference, image)).toBe(true);
  });

  it.each(['app:2', 'pp:1', 'app', `app@sha256:${'ef'.repeat(32)}`, 'ef12', 'sha256:', ''])(
    'is false of %s',
    (reference) => {
      expect(mayMean(reference, image)).toBe(false);
    },
  );
});
