// Lists that clients have got without a backend's own answer, which may still come and makes its snapshot new. Each holds
// a stream and up to 16 MiB, and nobody waits for it any more: one of each kind is enough, and not for ever.
import type { Clock } from '../clock.ts';

/** So long after its client was answered an answer may still come. */
const LATE_MS = 30_000;

export class LateLists {
  private readonly clock: Clock;
  /** Backend and RPC of those that are awaited. */
  private readonly awaited = new Set<string>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether any list of this backend is awaited. */
  isAwaited(backend: string): boolean {
    for (const key of this.awaited) if (key.startsWith(`${backend} `)) return true;
    return false;
  }

  /**
   * A backend is late with this list. `giveUp` is called at once when an earlier one is awaited, else when its time is
   * over, unless what this returns is called before: then the answer is there.
   */
  await(backend: string, rpc: string, giveUp: () => void): () => void {
    const key = `${backend} ${rpc}`;
    if (this.awaited.has(key)) {
      giveUp();
      return () => {};
    }
    this.awaited.add(key);
    const timer = this.clock.after(LATE_MS, () => {
      this.awaited.delete(key);
      giveUp();
    });
    return () => {
      timer.cancel();
      this.awaited.delete(key);
    };
  }
}
