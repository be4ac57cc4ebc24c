import { describe, expect, it } from 'vitest';
import { SharedBudget } from '../../../src/http2/shared-budget.ts';

describe('a budget that many share', () => {
  it('is for whoever comes until it is used up; then each may hold its part of the reserve', () => {
    const budget = new SharedBudget(100, 160);
    const greedy = budget.join();
    const modest = budget.join();
    expect(greedy.allows(100)).toBe(true);
    greedy.take(100);
    expect([greedy.allows(1), modest.allows(10), modest.allows(11)]).toEqual([false, true, false]);
    modest.take(10);
    expect([modest.allows(1), budget.used]).toEqual([false, 110]);
    greedy.take(-60);
    expect([modest.allows(50), modest.allows(51)]).toEqual([true, false]);
  });

  it('can be taken short of what is to be spared for others', () => {
    const share = new SharedBudget(100, 0).join();
    share.take(50);
    expect([share.allows(30, 20), share.allows(31, 20), share.allows(50)]).toEqual([true, false, true]);
  });

  it('says when a member gives something back', () => {
    const budget = new SharedBudget(100, 0);
    const share = budget.join();
    const left: number[] = [];
    share.onLess = () => left.push(budget.used);
    for (const units of [10, -4, 0, -6]) share.take(units);
    expect(left).toEqual([6, 0]);
  });

  it('keeps a smaller part for each when there are more than 16', () => {
    const budget = new SharedBudget(0, 160);
    const shares = Array.from({ length: 16 }, () => budget.join());
    expect(shares[0]?.allows(10)).toBe(true);
    const more = Array.from({ length: 16 }, () => budget.join());
    expect([shares[0]?.allows(6), shares[0]?.allows(5)]).toEqual([false, true]);
    for (const share of more) share.leave();
    expect(shares[0]?.allows(10)).toBe(true);
  });

  it('gets back, once, what a member held that leaves', () => {
    const budget = new SharedBudget(100, 0);
    const share = budget.join();
    share.take(70);
    share.leave();
    share.leave();
    share.take(5); // too late
    expect([budget.used, share.used]).toEqual([0, 0]);
    expect(budget.join().allows(100)).toBe(true);
  });
});
