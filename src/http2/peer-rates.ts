// How often one peer may do what costs us more than it costs the peer. Each of these ends the connection when it is too much.
import type { Clock } from '../clock.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { type Http2Limits, RateLimit } from './limits.ts';

/** The counts of one connection. Every method counts, and throws ConnectionError when that was too often. */
export class PeerRates {
  private readonly clock: Clock;
  private readonly settingsRate: RateLimit;
  private readonly visitRate: RateLimit;
  private readonly emptyRate: RateLimit;
  private readonly resetRate: RateLimit;
  private goawaysLeft: number;

  constructor(limits: Http2Limits, clock: Clock) {
    this.clock = clock;
    this.settingsRate = new RateLimit(limits.settingsPerSecond);
    this.visitRate = new RateLimit(limits.streamVisitsPerSecond);
    this.emptyRate = new RateLimit(limits.emptyFramesPerSecond);
    this.resetRate = new RateLimit(limits.resetsPerSecond);
    this.goawaysLeft = limits.goaways;
  }

  settings(): void {
    if (this.settingsRate.exceeds(this.clock.now())) throw tooMany('SETTINGS in a second');
  }

  /** SETTINGS make us look at so many streams. */
  streamVisits(count: number): void {
    if (this.visitRate.exceeds(this.clock.now(), count)) throw tooMany('changes of window sizes in a second');
  }

  emptyFrame(): void {
    if (this.emptyRate.exceeds(this.clock.now())) throw tooMany('empty frames in a second');
  }

  reset(): void {
    if (this.resetRate.exceeds(this.clock.now())) throw tooMany('reset streams in a second');
  }

  goaway(): void {
    if (--this.goawaysLeft < 0) throw tooMany('GOAWAY frames');
  }
}

function tooMany(what: string): ConnectionError {
  return new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, `too many ${what}`);
}
