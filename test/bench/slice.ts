// One slice of load: a number of slots, each with one call in flight, for a given time. Every call is timed, and every
// answer held against what must come back. No promise per call: the load client shall cost as little as it can.
import type { ClientConnection } from '../../src/http2/client.ts';
import { Field } from '../../src/http2/field.ts';
import type { Stream, StreamAbort, StreamReceiver } from '../../src/http2/stream.ts';
import { quantile } from './statistics.ts';
import { type Exchange, expectedReply, type Workload } from './workloads.ts';

/** What a slice measured. The time of a call is from handing over the request until the status of its answer was read. */
export interface SliceResult {
  readonly calls: number;
  readonly elapsedMs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** The first few things that went wrong; empty when every call was answered as it must be. */
  readonly errors: readonly string[];
}

export interface SliceOptions {
  readonly workload: Workload;
  readonly exchanges: readonly Exchange[];
  readonly inFlight: number;
  readonly durationMs: number;
  /** One connection to a proxy; or one to each backend, then a call asks all of them at once and waits for all. */
  readonly connections: readonly ClientConnection[];
  /** Compares whole answers instead of their sizes only: for a first call, outside the times. */
  readonly comparesBytes: boolean;
}

const MAX_ERRORS = 5;
// As from a grpc-go client with a deadline: hardly two requests carry the same time (8 digits at most, as gRPC says).
const TIMEOUTS = Array.from(
  { length: 256 },
  (_, index) => new Field('grpc-timeout', `${99_999_990 - 7 * index}u`),
);

/** Runs a slice to its end; never rejects, errors are in the result. */
export function runSlice(options: SliceOptions): Promise<SliceResult> {
  return new Promise((resolve) => new Slice(options, resolve).start());
}

class Slice {
  readonly options: SliceOptions;
  readonly headers: readonly Field[];
  private readonly finished: (result: SliceResult) => void;
  private readonly latenciesUs: number[] = [];
  private readonly errors: string[] = [];
  private busySlots = 0;
  private started = 0;
  private startedAt = 0;
  private deadline = 0;

  constructor(options: SliceOptions, finished: (result: SliceResult) => void) {
    this.options = options;
    this.finished = finished;
    this.headers = [
      new Field(':method', 'POST'),
      new Field(':scheme', 'http'),
      new Field(':path', options.workload.path),
      new Field(':authority', 'localhost'),
      new Field('content-type', 'application/grpc'),
      new Field('user-agent', 'switchyard-bench'),
      new Field('te', 'trailers'),
    ];
  }

  start(): void {
    this.startedAt = performance.now();
    this.deadline = this.startedAt + this.options.durationMs;
    this.busySlots = this.options.inFlight;
    for (let slot = 0; slot < this.options.inFlight; slot++) new Slot(this).start(this.startedAt);
  }

  /** The exchange of the next call. */
  nextCall(): number {
    return this.started++;
  }

  /** Takes the time of a call; true when the slot shall make another one. */
  callEnded(startedAt: number, endedAt: number, error: string | undefined): boolean {
    if (error !== undefined) this.errors.push(error);
    this.latenciesUs.push((endedAt - startedAt) * 1_000);
    if (endedAt < this.deadline && this.errors.length < MAX_ERRORS) return true;
    this.busySlots -= 1;
    if (this.busySlots === 0) this.finish(endedAt);
    return false;
  }

  private finish(endedAt: number): void {
    const sorted = Float64Array.from(this.latenciesUs).sort();
    this.finished({
      calls: sorted.length,
      elapsedMs: endedAt - this.startedAt,
      p50Us: quantile(sorted, 0.5),
      p99Us: quantile(sorted, 0.99),
      errors: this.errors,
    });
  }
}

/** Makes one call after the other. */
class Slot {
  private readonly slice: Slice;
  private readonly legs: readonly Leg[];
  private waitingFor = 0;
  private startedAt = 0;
  private error: string | undefined;

  constructor(slice: Slice) {
    this.slice = slice;
    this.legs = slice.options.connections.map((connection) => new Leg(connection, slice.options, this));
  }

  start(now: number): void {
    const { slice } = this;
    const call = slice.nextCall();
    const { exchanges } = slice.options;
    const exchange = exchanges[call % exchanges.length];
    const timeout = TIMEOUTS[call % TIMEOUTS.length];
    if (exchange === undefined || timeout === undefined) throw new Error('a workload has no calls');
    this.waitingFor = this.legs.length;
    this.error = undefined;
    this.startedAt = now;
    const headers = [...slice.headers, timeout];
    for (const [index, leg] of this.legs.entries()) {
      leg.send(headers, exchange.request, expectedReply(exchange, this.legs.length, index));
    }
  }

  legEnded(error: string | undefined): void {
    this.error ??= error;
    this.waitingFor -= 1;
    if (this.waitingFor > 0) return;
    const now = performance.now();
    if (this.slice.callEnded(this.startedAt, now, this.error)) this.start(now);
  }
}

/** One request and its answer on one connection; used again for the next call of its slot. */
class Leg implements StreamReceiver {
  private readonly connection: ClientConnection;
  private readonly options: SliceOptions;
  private readonly slot: Slot;
  private stream: Stream | undefined;
  private expected: Buffer = Buffer.alloc(0);
  private receivedBytes = 0;
  private differs = false;

  constructor(connection: ClientConnection, options: SliceOptions, slot: Slot) {
    this.connection = connection;
    this.options = options;
    this.slot = slot;
  }

  send(headers: readonly Field[], request: Buffer, expected: Buffer): void {
    this.expected = expected;
    this.receivedBytes = 0;
    const stream = this.connection.open(this);
    this.stream = stream;
    stream.sendHeaders(headers, false);
    stream.sendData(request, 0, request.length, true);
  }

  onHeaders(fields: readonly Field[], endStream: boolean): void {
    if (!endStream) return;
    let status = 'none';
    let message = '';
    for (const field of fields) {
      if (field.name === 'grpc-status') status = field.value;
      else if (field.name === 'grpc-message') message = field.value;
    }
    if (status !== '0') this.slot.legEnded(`status ${status} ${message}`);
    else if (this.receivedBytes !== this.expected.length)
      this.slot.legEnded(`${this.receivedBytes} bytes came, not ${this.expected.length}`);
    else this.slot.legEnded(this.differs ? 'the answer has other bytes than it must' : undefined);
  }

  onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    const at = this.receivedBytes;
    this.receivedBytes += end - start;
    if (this.options.comparesBytes && this.receivedBytes <= this.expected.length) {
      this.differs ||= this.expected.compare(buffer, start, end, at, this.receivedBytes) !== 0;
    }
    this.stream?.consume(end - start);
    if (endStream) this.slot.legEnded('the answer ended without a status');
  }

  onDrain(): void {}

  onAborted(reason: StreamAbort): void {
    this.slot.legEnded(
      reason.kind === 'reset' ? `reset with code ${reason.code}` : `connection ended: ${reason.message}`,
    );
  }
}
