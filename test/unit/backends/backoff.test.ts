import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../src/backends/backoff.ts';

describe('Backoff', () => {
  it('waits at most 100 ms first, doubles, and never waits over 3 s', () => {
    const backoff = new Backoff(() => 0.999_999);
    const waits = Array.from({ length: 8 }, () => Math.round(backoff.next()));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3000, 3000, 3000]);
  });

  it('jitters over the whole span, down to nothing', () => {
    expect(new Backoff(() => 0).next()).toBe(0);
  });

  it('starts over once the backend has answered', () => {
    const backoff = new Backoff(() => 0.5);
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(50);
  });
});
