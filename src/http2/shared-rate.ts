// What the connections of a listener do together in a second. Without it a limit for each connection is multiplied by
// whoever opens many.

/** So long a member is a newcomer: what each may do beside is any number for one who is ended and comes again. */
export const NEWCOMER_MS = 60_000;
/** Of a handful. */
const NEWCOMERS_PART = 0.1;

/** A limit for all members together: once it is passed, those are too many that do more than their part of it. */
export class SharedRate {
  private readonly perSecond: number;
  private readonly handful: number;
  private count = 0;
  /** Those that did something in this second. */
  private members = 0;
  private secondStartedAt = Number.NEGATIVE_INFINITY;
  private second = 0;

  /** Who does no more than a `handful` is never one of those; a newcomer no more than a tenth of it. */
  constructor(perSecond: number, handful: number) {
    this.perSecond = perSecond;
    this.handful = handful;
  }

  /** Counts events of a member at `now` (monotonic ms); true when they are too many, and this member is to blame. */
  exceeds(member: RateMember, now: number, events: number): boolean {
    if (now - this.secondStartedAt >= 1000) {
      this.secondStartedAt = now;
      this.second++;
      this.count = 0;
      this.members = 0;
    }
    if (member.second !== this.second) {
      member.second = this.second;
      member.count = 0;
      this.members++;
    }
    this.count += events;
    member.count += events;
    if (this.count <= this.perSecond) return false;
    const part = this.perSecond / this.members;
    const isNewcomer = now - member.sinceMs < NEWCOMER_MS;
    const { handful } = this;
    return member.count > (isNewcomer ? Math.min(part, handful * NEWCOMERS_PART) : Math.max(part, handful));
  }
}

/** What one member did in the second that is named; for SharedRate alone. */
export interface RateMember {
  readonly sinceMs: number;
  second: number;
  count: number;
}

/** A member that has done nothing yet, and is there since `sinceMs` (monotonic). */
export function rateMember(sinceMs: number): RateMember {
  return { sinceMs, second: 0, count: 0 };
}
