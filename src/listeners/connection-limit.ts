// How many connections one listener may have, and which of them goes when one more comes. Every listener has a limit of
// its own, so that one that is flooded takes no descriptors from the others, from backends or from the log.
import type { Clock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Listener, Metrics, TurnedAway } from '../telemetry/metrics.ts';

/**
 * What a connection is worth, from the first that goes: it is closing; it has not said what it wants; it never asked
 * for anything; it has asked for nothing in full; it has nothing in flight; it has.
 */
const STANDINGS = ['leaving', 'silent', 'unused', 'unfinished', 'idle', 'busy'] as const;
export type Standing = (typeof STANDINGS)[number];

/** A connection as the limit sees it. */
export interface LimitedConnection {
  readonly standing: Standing;
  /** Of two that stand alike the one with the lower number goes; equal ones go by age. */
  readonly lastUse?: number;
  /** Closes it; its descriptor is free when this returns. */
  dismiss(): void;
}

export interface ConnectionLimitOptions {
  readonly listener: Listener;
  readonly atMost: number;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  readonly counts: Pick<Metrics, 'connectionOpened' | 'connectionClosed' | 'connectionTurnedAway'>;
}

/** Between two lines about the same listener. */
const LOG_EVERY_MS = 10_000;

export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  /** In the order in which they came. */
  readonly #connections = new Set<LimitedConnection>();
  readonly #turnedAway = { refused: 0, evicted: 0, silent: 0 };
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
  }

  /**
   * Whether one more may come, for which the one that matters least is closed. False when all have something in flight:
   * then the new one is to be closed at once.
   */
  makeRoom(): boolean {
    if (this.#connections.size < this.#options.atMost) return true;
    const least = this.#least();
    if (least === undefined) {
      this.#turnAway('refused');
      return false;
    }
    if (least.standing !== 'leaving') this.#turnAway('evicted');
    least.dismiss();
    this.delete(least);
    return true;
  }

  add(connection: LimitedConnection): void {
    this.#connections.add(connection);
    this.#options.counts.connectionOpened(this.#options.listener);
  }

  /** Its descriptor is free. */
  delete(connection: LimitedConnection): void {
    if (this.#connections.delete(connection)) this.#options.counts.connectionClosed(this.#options.listener);
  }

  /** Closes a connection that has had its time to say what it wants, unless it has said it. */
  dismissSilent(connection: LimitedConnection): void {
    if (connection.standing !== 'silent') return;
    this.#turnAway('silent');
    connection.dismiss();
  }

  #least(): LimitedConnection | undefined {
    let least: LimitedConnection | undefined;
    let leastRank = STANDINGS.indexOf('busy');
    for (const connection of this.#connections) {
      const rank = STANDINGS.indexOf(connection.standing);
      const isLess = rank === leastRank && (connection.lastUse ?? 0) < (least?.lastUse ?? 0);
      if (rank < leastRank || isLess) [least, leastRank] = [connection, rank];
      // Of these the first is the oldest.
      if (rank <= STANDINGS.indexOf('silent')) break;
    }
    return least;
  }

  #turnAway(reason: TurnedAway): void {
    const { listener, atMost, clock, log, counts } = this.#options;
    counts.connectionTurnedAway(listener, reason);
    this.#turnedAway[reason]++;
    const now = clock.now();
    if (now - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = now;
    log.warn(
      { listener, limit: atMost, open: this.#connections.size, ...this.#turnedAway },
      'connections were closed: too many at once, or silent for too long. Counts are since the start; look for a program that opens them, or raise LimitNOFILE if they are all needed',
    );
  }
}
