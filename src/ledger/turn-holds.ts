// How long a pod whose turn it is (image-turns.ts) may keep others waiting for its container, and who comes first.
//
// A pod that was refused gets twice the time with each refusal, and the turn before those that were refused less often:
// in the end nobody comes between its look-up and its container, if it takes less than half a minute. A pod for whose
// container others have waited in vain gets half the time with each such turn, and no precedence, until it creates one.
// So what a start costs falls on the pod that needs it. Success and ten minutes undo either.
import { LRUCache } from 'lru-cache';

/** How long those with another user wait for a container. A kubelet needs a few milliseconds, as a rule. */
export const HOLD_MS = 2_000;
/** The longest that a refused pod may keep others waiting. */
export const MOST_HOLD_MS = 30_000;
/** What is left to a pod that never creates anything: enough for a kubelet that is quick. */
const LEAST_HOLD_MS = 50;
const REMEMBERED_MS = 600_000;
const PODS = 1_000;

/** How often something happened to a pod, and when last. */
interface Count {
  readonly count: number;
  readonly atMs: number;
}

export class TurnHolds {
  private readonly refusals = new LRUCache<string, Count>({ max: PODS });
  // Apart, so that pods that never create anything cannot make it forget the refused ones.
  private readonly lapses = new LRUCache<string, Count>({ max: PODS });

  /** `start`: which pod with which image. */
  holdMsOf(start: string, nowMs: number): number {
    const lapses = countOf(this.lapses, start, nowMs);
    if (lapses > 0) return Math.max(LEAST_HOLD_MS, HOLD_MS / 2 ** lapses);
    return Math.min(MOST_HOLD_MS, HOLD_MS * 2 ** countOf(this.refusals, start, nowMs));
  }

  /** A higher rank has its turn first. */
  rankOf(start: string, nowMs: number): number {
    return countOf(this.lapses, start, nowMs) > 0 ? 0 : countOf(this.refusals, start, nowMs);
  }

  /** Its container was not made, as its user may be another's. */
  noteRefusal(start: string, nowMs: number): void {
    add(this.refusals, start, nowMs);
  }

  /** Others have waited for its container for as long as it may keep them, and it has not come. */
  noteLapse(start: string, nowMs: number): void {
    add(this.lapses, start, nowMs);
  }

  /** Its container is asked for, however late. */
  noteCreation(start: string): void {
    this.lapses.delete(start);
  }

  /** Its container may be made. */
  noteSuccess(start: string): void {
    this.refusals.delete(start);
  }
}

function countOf(counts: LRUCache<string, Count>, start: string, nowMs: number): number {
  const known = counts.peek(start);
  return known === undefined || nowMs - known.atMs >= REMEMBERED_MS ? 0 : known.count;
}

function add(counts: LRUCache<string, Count>, start: string, nowMs: number): void {
  counts.set(start, { count: countOf(counts, start, nowMs) + 1, atMs: nowMs });
}
