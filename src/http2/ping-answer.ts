// Answers the peer's PINGs, within a rate.
import type { Clock, Timer } from '../clock.ts';
import { beginBatch, endBatch } from './batch.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { readUint32 } from './frame.ts';
import { RateLimit } from './limits.ts';
import { type Output, PROBE_HIGH, PROBE_LOW } from './output.ts';

/**
 * How long an ack waits for a write to ride with. Long, because a timer that goes off wakes this process as a call does,
 * and nobody waits: grpc-go has no deadline for the ack, and measures anew as soon as it has one.
 */
const PROBE_ACK_DELAY_MS = 50;

/** One connection's way to answer PINGs. */
export class PingAnswer {
  private readonly output: Output;
  private readonly clock: Clock;
  private readonly rate: RateLimit;
  private framesBefore = 0;
  private timer: Timer | undefined;

  constructor(output: Output, clock: Clock, pingsPerSecond: number) {
    this.output = output;
    this.clock = clock;
    this.rate = new RateLimit(pingsPerSecond);
  }

  /** Answers the PING with the payload buffer[start, start + 8). Throws ConnectionError when there are too many. */
  answer(buffer: Buffer, start: number, hasQueuedData: boolean): void {
    const { output } = this;
    // gRPC peers send PINGs to measure what we send: those that follow frames of ours are not too many.
    if (output.frameCount !== this.framesBefore) {
      this.framesBefore = output.frameCount;
      this.rate.startAnew();
    } else if (this.rate.exceeds(this.clock.now())) {
      throw new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, 'too many PINGs in a second');
    }
    const high = readUint32(buffer, start);
    const low = readUint32(buffer, start + 4);
    if (high === PROBE_HIGH && low === PROBE_LOW && !hasQueuedData) this.answerLater();
    else output.pingAck(high, low);
  }

  // grpc-go measures bandwidth with a PING after DATA. An ack of its own would wake the peer once more per call,
  // so it rides with the next write; not when DATA waits, because then the probe is what widens the window.
  private answerLater(): void {
    this.output.addProbeAck();
    if (this.timer !== undefined || this.output.hasUnflushed) return;
    this.timer = this.clock.after(PROBE_ACK_DELAY_MS, () => {
      this.timer = undefined;
      beginBatch();
      this.output.sendProbeAcks();
      endBatch();
    });
  }
}
