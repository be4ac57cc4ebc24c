// One client's call: what it asks for, and the ways to answer it. Handlers work on this object; layers watch it.
// All CRI requests are a single message, so a call is served once its request is complete.
import type { BackendCall } from '../backends/backend-call.ts';
import { type Route, routeOf } from '../cri/versions.ts';
import { sendTrailers } from '../grpc/header-fit.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';
import { forwardedBytes, forwardedFields } from '../grpc/metadata.ts';
import { STATUS } from '../grpc/status.ts';
import { timeoutMsOf } from '../grpc/timeout.ts';
import { type BehindFlush, doBehindFlush } from '../http2/batch.ts';
import { ERROR_CODE } from '../http2/connection-error.ts';
import { type Field, KNOWN } from '../http2/field.ts';
import type { Stream, StreamAbort, StreamReceiver } from '../http2/stream.ts';
import type { CallEnd, CallHost, ClientSide, Watcher } from './call-host.ts';
import { CallReply, UNREAD } from './call-reply.ts';
import { RequestBytes } from './request-bytes.ts';
import { headersFault, noRoom, noTimeout, requestFault, tooLong } from './request-fault.ts';

const NO_FIELDS: readonly Field[] = [];
const isHeadMethod = ({ known, value }: Field) => known === KNOWN.method && value === 'HEAD';
const resetStream = (call: Call) => call.stream.reset(ERROR_CODE.INTERNAL_ERROR);

export class Call extends CallReply implements StreamReceiver, BehindFlush {
  readonly startedAtMs: number;
  /** As the client sent it, e.g. /runtime.v1.RuntimeService/Version. */
  path = '';
  pathField: Field | undefined; // the same, as it came
  /** Undefined for a service that is not CRI's. */
  route: Route | undefined;
  /** The answer may have headers alone; known only of a call without a route. */
  isHead = false;
  /** The client's metadata that crosses the hop. */
  metadata: readonly Field[] = NO_FIELDS;
  /** On the clock of now(); undefined when the client set no deadline. */
  deadlineAtMs: number | undefined;
  deadlineSlot = -1; // for Deadlines alone: its place among the watched
  readonly request = new RequestBytes();
  /** For metrics and logs: who answered, by which rule, for which pod or object. */
  backendName = 'none';
  backendNames: readonly string[] | undefined; // where it is the affair of several, for logs
  rule: string | undefined;
  pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
  objectId: string | undefined;
  image: string | undefined; // as the client names it
  /** What was wrong with the request, found before it was served. */
  requestError: Error | undefined;
  /** Turns an error into the reply; set by the rescue layer. */
  rescue: (call: Call, error: unknown) => void = resetStream;
  /** Gives back its place among the calls in flight; set by the admission layer. */
  leavePlace: ((call: Call) => void) | undefined;

  private readonly host: CallHost;
  private isServed = false;
  private isRequestComplete = false;
  private backendCall: BackendCall | undefined;
  private leavers: (() => void)[] | undefined;
  private watchers: Watcher | undefined;
  private endCode = 0;
  private endText = '';

  constructor(stream: Stream, host: CallHost, client: ClientSide) {
    super(stream, client);
    this.host = host;
    this.startedAtMs = host.now();
  }

  /** Name of the RPC for metrics and logs. */
  get rpc(): string {
    return this.route?.rpc ?? 'unknown';
  }

  /** The framed request, to be kept as long as one likes. */
  get body(): Buffer {
    return this.request.own();
  }

  /** The request message without its prefix; likewise. */
  get message(): Buffer {
    return this.body.subarray(PREFIX_BYTES);
  }

  /** Milliseconds until the client gives up, at most `atMostMs`. */
  remainingMs(atMostMs: number): number {
    if (this.deadlineAtMs === undefined) return atMostMs;
    return Math.max(0, Math.min(atMostMs, this.deadlineAtMs - this.host.now()));
  }

  onHeaders(fields: readonly Field[], endStream: boolean): void {
    if (this.path !== '') {
      // Trailers of a request mean nothing in gRPC; they only end it.
      if (endStream) this.completeRequest();
      return;
    }
    for (const field of fields) {
      if (field.known === KNOWN.path) {
        this.pathField = field;
        this.path = field.value;
      } else if (field.known === KNOWN.grpcTimeout) {
        const timeoutMs = timeoutMsOf(field);
        if (timeoutMs === undefined) this.requestError = noTimeout(field.value);
        else this.deadlineAtMs = this.startedAtMs + timeoutMs;
      }
    }
    this.metadata = forwardedFields(fields);
    this.route = routeOf(this.path);
    if (this.route === undefined) this.isHead = fields.some(isHeadMethod);
    if (this.deadlineAtMs !== undefined) doBehindFlush(this);
    const keptBytes = forwardedBytes() + this.path.length;
    if (!this.request.countHeaders(keptBytes, this.client.requestBytes)) this.refuse(noRoom(this.rpc));
    if (endStream) this.completeRequest();
  }

  onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    this.stream.consume(end - start);
    if (this.isServed) {
      if (endStream) this.isRequestComplete = true;
      return;
    }
    if (endStream && this.request.sizeBytes === 0) {
      this.request.borrow(buffer, start, end);
      doBehindFlush(this); // to own it, should it still be needed then
    } else if (end > start) {
      const fault = this.collect(buffer, start, end);
      if (fault !== undefined) {
        this.request.drop();
        this.refuse(fault);
        return;
      }
    }
    if (endStream) this.completeRequest();
  }

  onAborted(_reason: StreamAbort): void {
    if (this.isOver) return;
    this.leave();
    this.end(STATUS.CANCELLED, 'the client left');
  }

  /** The client's deadline has passed: `error` is answered and the backends are told. */
  expire(error: Error): void {
    if (this.isOver) return;
    if (this.isServed) this.fail(error);
    else this.refuse(error); // not even asked in full
  }

  /** Registers who is told when the call is over, the last one first. */
  watch(watcher: CallEnd): void {
    this.watchers = { watcher, next: this.watchers };
  }

  /** Ties a backend's call to this one: it is cancelled when the client leaves or its deadline passes. */
  attach(backendCall: BackendCall): void {
    this.backendCall = backendCall;
  }

  /** `leave` is called when the client leaves or the call fails while it is being served. */
  onLeave(leave: () => void): void {
    this.leavers ??= [];
    this.leavers.push(leave);
  }

  /** Reply headers; fails the call when they are longer than the client takes. */
  override sendHeaders(fields: readonly Field[]): void {
    const fault = headersFault(this.rpc, fields, this.stream.peerHeaderListBytes);
    if (fault === undefined) super.sendHeaders(fields);
    else this.fail(fault);
  }

  /** Ends the reply with these trailers (or, before any headers, as a trailers-only reply). `code` is what they say. */
  finish(trailers: readonly Field[], code: number, text: string): void {
    if (this.isOver) return;
    sendTrailers(this.stream, trailers);
    if (!this.isRequestComplete) this.stream.reset(ERROR_CODE.NO_ERROR);
    this.end(code, text);
  }

  /** Ends the call with an error, which the rescue layer turns into a reply. Backends that still work on it are told. */
  override fail(error: unknown): void {
    if (this.isOver) return;
    this.leave();
    this.rescue(this, error);
  }

  /** For the batch: books are kept, and what is borrowed is copied, while the peers are at work. */
  behindFlush(): void {
    try {
      this.request.own(); // also when it is over: who works on it may not know yet
      if (!this.isOver) {
        if (this.deadlineAtMs !== undefined && this.deadlineSlot < 0) this.host.watchDeadline(this);
        return;
      }
      let at = this.watchers;
      this.watchers = undefined; // they are told once
      for (; at !== undefined; at = at.next) at.watcher(this, this.endCode, this.endText);
    } catch (error) {
      this.host.onError(error);
    }
  }

  private completeRequest(): void {
    this.isRequestComplete = true;
    if (this.isServed) return;
    this.request.complete();
    this.serve();
  }

  private collect(buffer: Buffer, start: number, end: number): Error | undefined {
    const { request, host } = this;
    if (request.sizeBytes + end - start > host.messageSizeBytes + PREFIX_BYTES) {
      return tooLong(this.rpc, host.messageSizeBytes);
    }
    return request.append(buffer, start, end, this.client.requestBytes) ? undefined : noRoom(this.rpc);
  }

  // A call that was not asked in full goes through the layers with this error alone, so that it is counted and answered.
  private refuse(error: Error): void {
    this.requestError = error;
    this.serve();
  }

  private serve(): void {
    this.isServed = true;
    if (this.isRequestComplete) this.requestError ??= requestFault(this.rpc, this.request);
    this.host.serve(this);
  }

  /** With RST_STREAM: trailers would wait behind what the client does not read. The code is gRPC's RESOURCE_EXHAUSTED. */
  protected override cutOff(): void {
    this.leave();
    this.stream.reset(ERROR_CODE.ENHANCE_YOUR_CALM);
    this.end(STATUS.RESOURCE_EXHAUSTED, UNREAD);
  }

  private leave(): void {
    this.backendCall?.cancel();
    if (this.leavers !== undefined) for (const leave of this.leavers) leave();
  }

  private end(code: number, text: string): void {
    this.isOver = true;
    this.request.settle();
    this.giveBack();
    this.leavePlace?.(this);
    this.endCode = code;
    this.endText = text;
    doBehindFlush(this);
  }
}
