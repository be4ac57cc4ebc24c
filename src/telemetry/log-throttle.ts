// Keeps a line that peers can cause from filling the log: a few of it in a second, then one that says how many were left out.
import type { Clock } from '../clock.ts';

export interface LogThrottleOptions {
  readonly clock: Clock;
  /** Default: 5. */
  readonly linesPerSecond?: number;
  /** Of them those of one peer; default: all. */
  readonly linesOfPeer?: number;
  /** Called at the end of a second in which `count` lines were left out; only then. */
  readonly onLeftOut: (count: number) => void;
}

const LINES_PER_SECOND = 5;

/** What a throttle knows of a peer. */
export class PeerLines {
  /** The second it was last seen in, and its lines in that. */
  second = 0;
  count = 0;
}

/** The throttle of one kind of line. */
export class LogThrottle {
  private readonly options: LogThrottleOptions;
  private readonly linesPerSecond: number;
  private readonly linesOfPeer: number;
  private second = 0;
  private written = 0;
  private leftOut = 0;
  private isCounting = false;

  constructor(options: LogThrottleOptions) {
    this.options = options;
    this.linesPerSecond = options.linesPerSecond ?? LINES_PER_SECOND;
    this.linesOfPeer = options.linesOfPeer ?? this.linesPerSecond;
  }

  /** Counts a line, as one of `peer` where it is known; whether it may be written. */
  allows(peer?: PeerLines): boolean {
    if (!this.isCounting) {
      this.isCounting = true;
      this.second++;
      this.options.clock.after(1000, this.endSecond);
    }
    if (this.written < this.linesPerSecond && (peer === undefined || this.allowsPeer(peer))) {
      this.written++;
      return true;
    }
    this.leftOut++;
    return false;
  }

  private allowsPeer(peer: PeerLines): boolean {
    if (peer.second !== this.second) {
      peer.second = this.second;
      peer.count = 0;
    }
    return ++peer.count <= this.linesOfPeer;
  }

  private readonly endSecond = () => {
    const { leftOut } = this;
    this.written = 0;
    this.leftOut = 0;
    this.isCounting = false;
    if (leftOut > 0) this.options.onLeftOut(leftOut);
  };
}
