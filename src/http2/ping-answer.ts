// Answers the peer's PINGs, within a rate.
import type { Clock, Timer } from '../clock.ts';
import { beginBatch, endBatch } from './batch.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { readUint32 } from './frame.ts';
import { RateLimit } from './limits.ts';
import type { Output } from './output.ts';

/** The payload of grpc-go's bandwidth probe, a PING, in two halves. */
const PROBE_HIGH = 0x02041010;
const PROBE_LOW = 0x090e0707;

/**
 * How long the ack of a probe is held. grpc-go has no deadline for it, and sends the next probe, with a WINDOW_UPDATE,
 * behind the first DATA after it: answered at once, that is extra work with every second small call, here and at the peer.
 */
const PROBE_ACK_DELAY_MS = 50;

/** One connection's way to answer PINGs. */
export class PingAnswer {
  private readonly output: Output;
  private readonly clock: Clock;
  private readonly rate: RateLimit;
  private framesBefore = 0;
  private heldAcks = 0;
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
    if (high === PROBE_HIGH && low === PROBE_LOW && !hasQueuedData) this.hold();
    else output.pingAck(high, low);
  }

  /** DATA has begun to wait for the peer: now its probe is what widens the window, so the ack is held no longer. */
  release(): void {
    for (; this.heldAcks > 0; this.heldAcks--) this.output.pingAck(PROBE_HIGH, PROBE_LOW);
  }

  private hold(): void {
    this.heldAcks++;
    this.timer ??= this.clock.after(PROBE_ACK_DELAY_MS, () => {
      this.timer = undefined;
      beginBatch();
      this.release();
      endBatch();
    });
  }
}
