// What became of the calls of a load: how many, how long, and which are under way.
import { until } from '../support/until.ts';

/** One call that ended. */
export interface Ended {
  readonly rpc: string;
  /** The backend that must serve it; undefined for calls to the node as a whole. */
  readonly backend: string | undefined;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly isOk: boolean;
}

export class CallRecord {
  readonly ended: Ended[] = [];
  private readonly underWay = new Set<{ readonly beganMs: number }>();

  /** A call begins; what it gives is called at its end. */
  begin(rpc: string, backend: string | undefined): (isOk: boolean) => void {
    const call = { beganMs: performance.now() };
    this.underWay.add(call);
    return (isOk) => {
      this.underWay.delete(call);
      this.ended.push({ rpc, backend, beganMs: call.beganMs, endedMs: performance.now(), isOk });
    };
  }

  /** Forgets the calls that ended before a moment. */
  forget(beforeMs: number): void {
    const first = this.ended.findIndex(({ endedMs }) => endedMs >= beforeMs);
    this.ended.splice(0, first < 0 ? this.ended.length : first);
  }

  /** The calls of these RPCs that began between two moments. */
  between(rpcs: readonly string[], fromMs: number, toMs = Number.POSITIVE_INFINITY): Ended[] {
    return this.ended.filter(({ rpc, beganMs }) => rpcs.includes(rpc) && beganMs >= fromMs && beganMs < toMs);
  }

  /** When the first call ended well that began after a moment; `backend` undefined: any. */
  firstOk(rpcs: readonly string[], backend: string | undefined, fromMs: number): number | undefined {
    const found = this.ended.find(
      (call) =>
        call.isOk &&
        call.beganMs >= fromMs &&
        rpcs.includes(call.rpc) &&
        (backend === undefined || call.backend === backend),
    );
    return found?.endedMs;
  }

  /** Resolves when no call is under way that began before this moment. */
  async settled(beforeMs: number, timeoutMs: number): Promise<void> {
    const isSettled = () => [...this.underWay].every(({ beganMs }) => beganMs > beforeMs);
    await until(isSettled, 'the calls from before have ended', timeoutMs);
  }
}

/** The value that `share` (0.99) of the numbers do not exceed; NaN of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** How long the calls took, in milliseconds. */
export function latencies(calls: readonly Ended[]): number[] {
  return calls.map(({ beganMs, endedMs }) => endedMs - beganMs);
}
