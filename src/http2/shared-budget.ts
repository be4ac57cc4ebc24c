// What the connections of a listener hold together of one kind: streams, or bytes. Without it a bound for each connection
// is multiplied by whoever opens many.

/** Up to so many members the part that remains for each is the same. */
const FEW_MEMBERS = 16;

/**
 * A bound for all members together. The first `common` units go to whoever comes. Once they are taken, each member may
 * still hold its part of `reserve`: who holds more is refused more, and who holds little does not notice.
 */
export class SharedBudget {
  /** What all members hold. */
  used = 0;
  private readonly common: number;
  private readonly reserve: number;
  private members = 0;

  constructor(common: number, reserve: number) {
    this.common = common;
    this.reserve = reserve;
  }

  /** A new member's share. */
  join(): BudgetShare {
    this.members++;
    return new BudgetShare(this);
  }

  /** For shares: whether a member may hold so much, with `more` of it new; `spare` units of the common part stay free. */
  allows(held: number, more: number, spare: number): boolean {
    if (this.used + more + spare <= this.common) return true;
    return held <= this.reserve / Math.max(this.members, FEW_MEMBERS);
  }

  /** For shares: a member has gone. */
  left(used: number): void {
    this.members--;
    this.used -= used;
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
    this.used += units;
    this.budget.used += units;
    if (units < 0) this.onLess?.();
  }

  /** The member goes, and gives back what it holds. */
  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.budget.left(this.used);
    this.used = 0;
  }
}
