// Tells a backend that is slow from one that hangs: asked for its Version, which costs a runtime nothing, a living one
// answers. Asked only when a call has waited suspiciously long, and then until it answers again.
import type { Clock, Timer } from '../clock.ts';

export interface LifeCheckOptions {
  readonly clock: Clock;
  /** Asks for Version, whatever the state; `done` gets why nothing was answered within `timeoutMs`, or undefined. */
  ask(timeoutMs: number, done: (trouble: string | undefined) => void): void;
  /** It has not answered: it hangs. */
  onHang(reason: string): void;
  /** It answers again. */
  onAlive(): void;
}

/** Between two questions to a backend that hangs. */
const ASK_AGAIN_MS = 1_000;

export class LifeCheck {
  private readonly options: LifeCheckOptions;
  private isAsking = false;
  private isHanging = false;
  private again: Timer | undefined;
  /** Answers that belong to an earlier connection mean nothing. */
  private round = 0;

  constructor(options: LifeCheckOptions) {
    this.options = options;
  }

  /** A call waits suspiciously long: finds out within `timeoutMs`. Does nothing while it is finding out already. */
  suspect(timeoutMs: number): void {
    if (this.isAsking || this.isHanging) return;
    this.ask(timeoutMs);
  }

  /** There is a new connection, or none: what was found out is void. */
  reset(): void {
    this.round++;
    this.isAsking = false;
    this.isHanging = false;
    this.again?.cancel();
  }

  private ask(timeoutMs: number): void {
    const { options, round } = this;
    this.isAsking = true;
    options.ask(timeoutMs, (trouble) => {
      if (round !== this.round) return;
      this.isAsking = false;
      if (trouble === undefined) {
        const wasHanging = this.isHanging;
        this.isHanging = false;
        if (wasHanging) options.onAlive();
        return;
      }
      if (!this.isHanging) {
        this.isHanging = true;
        options.onHang(trouble);
      }
      this.again = options.clock.after(ASK_AGAIN_MS, () => this.ask(timeoutMs));
    });
  }
}
