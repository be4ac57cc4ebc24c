import { describe, expect, it } from 'vitest';
import { NEWCOMER_MS, rateMember, SharedRate } from '../../../src/http2/shared-rate.ts';

/** One that has been there for long. */
const aMember = () => rateMember(Number.NEGATIVE_INFINITY);

describe('a rate that many share', () => {
  it('blames those that do more than their part, once all together do too much', () => {
    const rate = new SharedRate(100, 5);
    const [greedy, modest, quiet] = [aMember(), aMember(), aMember()];
    expect(rate.exceeds(greedy, 0, 80)).toBe(false);
    expect(rate.exceeds(modest, 1, 20)).toBe(false);
    expect(rate.exceeds(quiet, 2, 1)).toBe(false);
    expect(rate.exceeds(modest, 3, 1)).toBe(false); // 21 are no more than a third of 100
    expect(rate.exceeds(greedy, 4, 1)).toBe(true);
  });

  it('lets everybody do a handful, however many they are', () => {
    const rate = new SharedRate(100, 5);
    const members = Array.from({ length: 1000 }, () => aMember());
    expect(members.some((member) => rate.exceeds(member, 0, 5))).toBe(false);
    expect(rate.exceeds(members[0] ?? aMember(), 0, 1)).toBe(true);
  });

  it('lets a newcomer do little, for who is ended could come again for another handful', () => {
    const rate = new SharedRate(100, 20);
    const now = NEWCOMER_MS + 100;
    const [longThere, newcomer, another] = [rateMember(0), rateMember(now), rateMember(now)];
    expect(rate.exceeds(aMember(), now, 100)).toBe(false);
    expect(rate.exceeds(newcomer, now, 2)).toBe(false);
    expect(rate.exceeds(newcomer, now, 1)).toBe(true);
    expect(rate.exceeds(another, now, 3)).toBe(true);
    expect(rate.exceeds(longThere, now, 20)).toBe(false);
  });

  it('counts anew in the next second', () => {
    const rate = new SharedRate(100, 5);
    const member = aMember();
    for (const now of [0, 1000, 2500]) expect(rate.exceeds(member, now, 100)).toBe(false);
    expect(rate.exceeds(member, 3000, 1)).toBe(true);
  });
});
