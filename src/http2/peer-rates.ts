// How often one peer may do what costs us more than it costs the peer. Each of these ends the connection when it is too much.
import type { Clock } from '../clock.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { type Http2Limits, RateLimit } from './limits.ts';
import type { ListenerBudget } from './listener-budget.ts';
import { type RateMember, rateMember } from './shared-rate.ts';

/** The counts of one connection. Every method counts, and throws ConnectionError when that was too often. */
export class PeerRates {
  private readonly clock: Clock;
  private readonly settingsRate: RateLimit;
  private readonly visitRate: RateLimit;
  private readonly emptyRate: RateLimit;
  private readonly resetRate: RateLimit;
  private readonly strayRate: RateLimit;
  private goawaysLeft: number;
  private readonly budget: ListenerBudget | undefined;
  private readonly resetsOfAll: RateMember;
  private readonly visitsOfAll: RateMember;

  constructor(limits: Http2Limits, clock: Clock, budget: ListenerBudget | undefined) {
    this.clock = clock;
    this.budget = budget;
    this.strayRate = new RateLimit(limits.strayFramesPerSecond);
    this.settingsRate = new RateLimit(limits.settingsPerSecond);
    this.visitRate = new RateLimit(limits.streamVisitsPerSecond);
    this.emptyRate = new RateLimit(limits.emptyFramesPerSecond);
    this.resetRate = new RateLimit(limits.resetsPerSecond);
    this.goawaysLeft = limits.goaways;
    const now = clock.now();
    this.resetsOfAll = rateMember(now);
    this.visitsOfAll = rateMember(now);
  }

  settings(): void {
    if (this.settingsRate.exceeds(this.clock.now())) throw tooMany('SETTINGS in a second');
  }

  /** SETTINGS make us look at so many streams. */
  streamVisits(count: number): void {
    const now = this.clock.now();
    if (this.visitRate.exceeds(now, count)) throw tooMany('changes of window sizes in a second');
    if (this.budget?.streamVisits.exceeds(this.visitsOfAll, now, count)) {
      throw tooMany('changes of window sizes in a second, together with other connections');
    }
  }

  emptyFrame(): void {
    if (this.emptyRate.exceeds(this.clock.now())) throw tooMany('empty frames in a second');
  }

  /** For a stream that we have reset, or that was never opened: gRPC's C core resets calls that it has not sent, against RFC 9113. */
  strayFrame(): void {
    if (this.strayRate.exceeds(this.clock.now())) throw tooMany('frames for streams that are not open');
  }

  reset(): void {
    const now = this.clock.now();
    if (this.resetRate.exceeds(now)) throw tooMany('reset streams in a second');
    if (this.budget?.resets.exceeds(this.resetsOfAll, now, 1)) {
      throw tooMany('reset streams in a second, together with other connections');
    }
  }

  goaway(): void {
    if (--this.goawaysLeft < 0) throw tooMany('GOAWAY frames');
  }
}

function tooMany(what: string): ConnectionError {
  return new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, `too many ${what}`);
}
