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
    backoff.ready();
    expect(backoff.next()).toBe(50);
  });

  it('goes on through connections that end soon, from the second in a row', () => {
    const backoff = new Backoff(() => 0.5);
    const isWaitedFor = [10, 10, 10].map((lifeMs) => {
      backoff.ready();
      const waits = backoff.ended(lifeMs, 1);
      backoff.next();
      return waits;
    });
    expect(isWaitedFor).toEqual([true, false, false]);
    backoff.ready();
    expect(backoff.next()).toBe(400);
  });

  it.each([
    ['long', 5_000, 0],
    ['busy', 10, 100],
  ])('starts over after a %s life', (_, lifeMs, calls) => {
    const backoff = new Backoff(() => 0.5);
    backoff.ended(10, 1);
    backoff.ended(10, 1);
    backoff.next();
    expect(backoff.ended(lifeMs, calls)).toBe(true);
    backoff.ready();
    expect(backoff.next()).toBe(50);
    expect(backoff.ended(10, 1)).toBe(true);
  });
});
