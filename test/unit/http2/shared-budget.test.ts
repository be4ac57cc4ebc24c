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

  it('keeps a smaller part for each when more than 16 hold something', () => {
    const budget = new SharedBudget(0, 160);
    const [first, ...others] = Array.from({ length: 32 }, () => budget.join());
    for (const share of others) share.take(1);
    expect([first?.allows(5), first?.allows(6)]).toEqual([true, false]);
    first?.take(1);
    expect([first?.allows(4), first?.allows(5)]).toEqual([true, false]);
    for (const share of others.slice(16)) share.take(-1);
    for (const share of others.slice(0, 16)) share.leave();
    expect(first?.allows(9)).toBe(true);
  });

  it('makes no part smaller for members that hold next to nothing', () => {
    const budget = new SharedBudget(0, 16_384);
    for (let nth = 0; nth < 1_000; nth++) budget.join().take(nth % 2 === 0 ? 0 : 16);
    expect([budget.join().allows(1_024), budget.join().allows(1_025)]).toEqual([true, false]);
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
