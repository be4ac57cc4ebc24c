// Answers the peer's PINGs, within a rate.
import type { Clock, Timer } from '../clock.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { FLAG, FRAME, readUint32 } from './frame.ts';
import { RateLimit } from './limits.ts';
import { type Output, PROBE_HIGH, PROBE_LOW } from './output.ts';

const PROBE_ACK_DELAY_MS = 2;

/** One connection's way to answer PINGs. */
export class PingAnswer {
  private readonly output: Output;
  private readonly clock: Clock;
  private readonly rate: RateLimit;
  private timer: Timer | undefined;

  constructor(output: Output, clock: Clock, pingsPerSecond: number) {
    this.output = output;
    this.clock = clock;
    this.rate = new RateLimit(pingsPerSecond);
  }

  /** Frames of a call leave: gRPC peers send PINGs to measure those, so the count starts again. */
  allowMore(): void {
    this.rate.reset();
  }

  /** Answers the PING with the payload buffer[start, start + 8). Throws ConnectionError when there are too many. */
  answer(buffer: Buffer, start: number, hasQueuedData: boolean): void {
    if (this.rate.exceeds(this.clock.now())) {
      throw new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, 'too many PINGs in a second');
    }
    const isProbe = readUint32(buffer, start) === PROBE_HIGH && readUint32(buffer, start + 4) === PROBE_LOW;
    if (isProbe && !hasQueuedData) this.answerLater();
    else {
      this.output.head(8, FRAME.PING, FLAG.ACK, 0);
      this.output.copy(buffer, start, start + 8);
    }
  }

  // grpc-go measures bandwidth with a PING after DATA. An ack of its own would wake the peer once more per call,
  // so it rides with the next write; not when DATA waits, because then the probe is what widens the window.
  private answerLater(): void {
    this.output.addProbeAck();
    if (this.timer !== undefined || this.output.hasUnflushed) return;
    this.timer = this.clock.after(PROBE_ACK_DELAY_MS, () => {
      this.timer = undefined;
      this.output.sendProbeAcks();
    });
  }
}
