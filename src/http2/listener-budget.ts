// What all connections of one listener may do and hold together. The limits of each (limits.ts) are far above what a client
// needs; these keep many connections from multiplying them. They cost those that hold and do much, never the others.
import { SharedBudget } from './shared-budget.ts';
import { SharedRate } from './shared-rate.ts';

const MIB = 1024 * 1024;

/** The numbers; bytes where not said otherwise. */
export interface ListenerLimits {
  /** Open streams, and how many of them are kept for connections that have few. */
  readonly streams: number;
  readonly streamsReserve: number;
  /** Replies that wait for clients to read them, and what is kept for connections that leave little unread. */
  readonly queuedBytes: number;
  readonly queuedReserveBytes: number;
  /** Per second: see Http2Limits. */
  readonly resetsPerSecond: number;
  readonly streamVisitsPerSecond: number;
}

const DEFAULTS: ListenerLimits = {
  streams: 20_000,
  streamsReserve: 10_000,
  queuedBytes: 256 * MIB,
  queuedReserveBytes: 256 * MIB, // the longest list for each of 16 connections
  resetsPerSecond: 2000,
  streamVisitsPerSecond: 200_000,
};

/** So much in a second ends no connection, whatever others do: calls that their client gives up at the same time. */
const HANDFUL_OF_RESETS = 20;
const HANDFUL_OF_VISITS = 10_000;

/** The counts of one listener. */
export class ListenerBudget {
  readonly streams: SharedBudget;
  readonly queuedBytes: SharedBudget;
  readonly resets: SharedRate;
  readonly streamVisits: SharedRate;

  constructor(changes: Partial<ListenerLimits> = {}) {
    const limits = { ...DEFAULTS, ...changes };
    this.streams = new SharedBudget(limits.streams, limits.streamsReserve);
    this.queuedBytes = new SharedBudget(limits.queuedBytes, limits.queuedReserveBytes);
    this.resets = new SharedRate(limits.resetsPerSecond, HANDFUL_OF_RESETS);
    this.streamVisits = new SharedRate(limits.streamVisitsPerSecond, HANDFUL_OF_VISITS);
  }
}
