// What the connections of a listener hold together of one kind: streams, or bytes. Without it a bound for each connection
// is multiplied by whoever opens many.

/** Up to so many holders the part that remains for each is the same. */
const FEW_HOLDERS = 16;
/**
 * Who holds less than such a part of the reserve is no holder: connections that only stand there make nobody's part smaller,
 * and as many as a listener takes hold no more than the reserve once again.
 */
const SMALL_PART = 1 / 1024;

/**
 * A bound for all members together. The first `common` units go to whoever comes. Once they are taken, each member may
 * still hold its part of `reserve`, which all that hold something share: who holds more is refused more, and who holds
 * little does not notice.
 */
export class SharedBudget {
  /** What all members hold. */
  used = 0;
  private readonly common: number;
  private readonly reserve: number;
  private readonly small: number;
  private holders = 0;

  constructor(common: number, reserve: number) {
    this.common = common;
    this.reserve = reserve;
    this.small = reserve * SMALL_PART;
  }

  /** A new member's share. */
  join(): BudgetShare {
    return new BudgetShare(this);
  }

  /** For shares: whether a member may hold so much, with `more` of it new; `spare` units of the common part stay free. */
  allows(held: number, more: number, spare: number): boolean {
    if (this.used + more + spare <= this.common) return true;
    return held <= this.reserve / Math.max(this.holders, FEW_HOLDERS);
  }

  /** For shares: what a member holds has changed. */
  changed(from: number, to: number): void {
    this.used += to - from;
    if (from > this.small !== to > this.small) this.holders += to > from ? 1 : -1;
  }
}

/** What one member holds of a budget. */
export class BudgetShare {
  used = 0;
  /** Called when units are given back; it must not take any at once. */
  onLess: (() => void) | undefined;
  private readonly budget: SharedBudget;
  private hasLeft = false;

  constructor(budget: SharedBudget) {
    this.budget = budget;
  }

  /** Whether the member may hold so much more, and leave `spare` units of the common part to others. */
  allows(more: number, spare = 0): boolean {
    return this.budget.allows(this.used + more, more, spare);
  }

  /** Takes units, allowed or not; gives them back when below zero. */
  take(units: number): void {
    if (this.hasLeft) return;
    const { used } = this;
    this.used += units;
    this.budget.changed(used, this.used);
    if (units < 0) this.onLess?.();
  }

  /** The member goes, and gives back what it holds. */
  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.budget.changed(this.used, 0);
    this.used = 0;
  }
}
