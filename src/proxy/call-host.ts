// What a call needs of the proxy around it.
import type { BudgetShare } from '../http2/shared-budget.ts';
import type { PeerLines } from '../telemetry/log-throttle.ts';
import type { Call } from './call.ts';
import type { ListQueue } from './list-queue.ts';

/** Where a call comes from and who serves it. */
export interface CallHost {
  /** Monotonic milliseconds. */
  now(): number;
  /** Longest request message. */
  readonly messageSizeBytes: number;
  /** Called once, when the request is complete or can't be. */
  serve(call: Call): void;
  /** Called once for a call that has a deadline; the call is told by expire(). */
  watchDeadline(call: Call): void;
  /** A bug: one of those who watch a call has thrown. */
  onError(error: unknown): void;
}

/** The client's connection. */
export interface ClientSide {
  /** Whether more of its replies may wait for it to read them. */
  readonly hasReplyRoom: boolean;
  /** What it holds of the memory for replies: those that it has not read, and what is collected for it. */
  readonly replies: BudgetShare;
  /** Its lists that wait for such memory. */
  readonly lists: ListQueue;
  /** Its calls in flight, among those of all. */
  readonly calls: BudgetShare;
  /** What it holds of the memory for requests that come in parts, and for long headers. */
  readonly requestBytes: BudgetShare;
  /** Its lines in the log about calls. */
  readonly callLines: PeerLines;
}

/** How a call ended, for those who watch it: told behind the flush. `code` is a gRPC status code. */
export type CallEnd = (call: Call, code: number, text: string) => void;

/** Who watches a call: a chain, because every call has one, and an array would be made anew as it grows. */
export interface Watcher {
  readonly watcher: CallEnd;
  readonly next: Watcher | undefined;
}
