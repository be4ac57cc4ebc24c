// One client's call: what it asks for, and the ways to answer it. Handlers work on this object; layers watch it.
// All CRI requests are a single message, so a call is served once its request is complete.
import { Buffer } from 'node:buffer';
import type { BackendCall } from '../backends/backend-call.ts';
import { type Route, routeOf } from '../cri/versions.ts';
import { MalformedMessageError, MessageTooLargeError } from '../errors.ts';
import { PREFIX_BYTES, writePrefix } from '../grpc/message.ts';
import { forwardedFields } from '../grpc/metadata.ts';
import { STATUS } from '../grpc/status.ts';
import { timeoutMsOf } from '../grpc/timeout.ts';
import { ERROR_CODE } from '../http2/connection-error.ts';
import { copyBytes } from '../http2/copy-bytes.ts';
import { type Field, KNOWN } from '../http2/field.ts';
import type { Stream, StreamAbort, StreamReceiver } from '../http2/stream.ts';
import type { CallEnd, CallHost, ClientSide, Watcher } from './call-host.ts';
import { requestFault } from './request-fault.ts';

const NO_FIELDS: readonly Field[] = [];
const NO_BODY = Buffer.alloc(0);
const resetStream = (call: Call) => call.stream.reset(ERROR_CODE.INTERNAL_ERROR);

export class Call implements StreamReceiver {
  readonly stream: Stream;
  readonly startedAtMs: number;
  /** As the client sent it, e.g. /runtime.v1.RuntimeService/Version. */
  path = '';
  pathField: Field | undefined; // the same, as it came
  /** Undefined for a service that is not CRI's. */
  route: Route | undefined;
  /** The client's metadata that crosses the hop. */
  metadata: readonly Field[] = NO_FIELDS;
  /** On the clock of now(); undefined when the client set no deadline. */
  deadlineAtMs: number | undefined;
  deadlineSlot = -1; // for Deadlines alone: its place among the watched
  /** The framed request: 5 bytes of prefix, then the message. */
  body: Buffer = NO_BODY;
  /** For metrics and logs: who answered, by which rule, for which pod or object. */
  backendName = 'none';
  rule: string | undefined;
  pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
  objectId: string | undefined;
  replyBytes = 0;
  /** True when the last of the answer was handed to the stream, or the client has left. */
  isOver = false;
  /** True once reply headers have gone out: from then on only trailers can tell of trouble. */
  hasReplyHeaders = false;
  /** What was wrong with the request, found before it was served. */
  requestError: Error | undefined;
  /** Turns an error into the reply; set by the rescue layer. */
  rescue: (call: Call, error: unknown) => void = resetStream;
  /** Called when all queued reply bytes have left. */
  onReplyDrained: (() => void) | undefined;

  /** The connection it came on. */
  readonly client: ClientSide;

  private readonly host: CallHost;
  private firstPiece: Buffer = NO_BODY; // nearly always the whole request
  private morePieces: Buffer[] | undefined;
  private receivedBytes = 0;
  private isServed = false;
  private isRequestComplete = false;
  private backendCall: BackendCall | undefined;
  private leavers: (() => void)[] | undefined;
  private watchers: Watcher | undefined;

  constructor(stream: Stream, host: CallHost, client: ClientSide) {
    this.stream = stream;
    this.host = host;
    this.client = client;
    this.startedAtMs = host.now();
  }

  /** Name of the RPC for metrics and logs. */
  get rpc(): string {
    return this.route?.rpc ?? 'unknown';
  }

  /** The request message without its prefix. */
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
      switch (field.known) {
        case KNOWN.path:
          this.pathField = field;
          this.path = field.value;
          break;
        case KNOWN.grpcTimeout: {
          const timeoutMs = timeoutMsOf(field);
          if (timeoutMs === undefined) {
            this.requestError = new MalformedMessageError(`grpc-timeout "${field.value}" is not a timeout`);
          } else this.deadlineAtMs = this.startedAtMs + timeoutMs;
          break;
        }
        default:
      }
    }
    this.metadata = forwardedFields(fields);
    this.route = routeOf(this.path);
    if (this.deadlineAtMs !== undefined) this.host.watchDeadline(this);
    if (endStream) this.completeRequest();
  }

  onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    this.stream.consume(end - start);
    if (this.isServed) {
      if (endStream) this.isRequestComplete = true;
      return;
    }
    if (end > start) {
      this.keep(buffer, start, end);
      if (this.receivedBytes > this.host.messageSizeBytes + PREFIX_BYTES) {
        this.requestError = new MessageTooLargeError(
          `the request of ${this.rpc} is longer than ${this.host.messageSizeBytes} bytes`,
          { hint: 'Raise limits.messageSize in the config if the backend takes longer ones' },
        );
        this.firstPiece = NO_BODY;
        this.morePieces = undefined;
        this.serve();
        return;
      }
    }
    if (endStream) this.completeRequest();
  }

  onDrain(): void {
    this.onReplyDrained?.();
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
    else {
      // Not even asked in full: it goes through the layers with this error alone, so that it is counted and answered.
      this.requestError = error;
      this.serve();
    }
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

  sendHeaders(fields: readonly Field[]): void {
    this.hasReplyHeaders = true;
    this.stream.sendHeaders(fields, false);
  }

  /** DATA bytes as they came from a backend, prefix and all; they are copied if they have to wait. */
  sendData(buffer: Buffer, start: number, end: number): void {
    this.replyBytes += end - start;
    this.stream.sendData(buffer, start, end, false);
  }

  /** One message made of `parts`, which become the stream's. */
  sendMessage(parts: readonly Buffer[]): void {
    let sizeBytes = 0;
    for (const part of parts) sizeBytes += part.length;
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
    writePrefix(prefix, 0, sizeBytes);
    this.replyBytes += PREFIX_BYTES + sizeBytes;
    this.stream.sendData(prefix, 0, PREFIX_BYTES, false);
    for (const part of parts) this.stream.sendOwned(part, 0, part.length, false);
  }

  /** Ends the reply with these trailers (or, before any headers, as a trailers-only reply). `code` is what they say. */
  finish(trailers: readonly Field[], code: number, text: string): void {
    if (this.isOver) return;
    this.stream.sendHeaders(trailers, true);
    if (!this.isRequestComplete) this.stream.reset(ERROR_CODE.NO_ERROR);
    this.end(code, text);
  }

  /** Ends the call with an error, which the rescue layer turns into a reply. Backends that still work on it are told. */
  fail(error: unknown): void {
    if (this.isOver) return;
    this.leave();
    this.rescue(this, error);
  }

  private keep(buffer: Buffer, start: number, end: number): void {
    const piece = Buffer.allocUnsafe(end - start);
    copyBytes(buffer, start, end, piece, 0);
    if (this.receivedBytes === 0) this.firstPiece = piece;
    else {
      this.morePieces ??= [];
      this.morePieces.push(piece);
    }
    this.receivedBytes += end - start;
  }

  private completeRequest(): void {
    this.isRequestComplete = true;
    if (this.isServed) return;
    const { firstPiece, morePieces } = this;
    this.body = morePieces === undefined ? firstPiece : Buffer.concat([firstPiece, ...morePieces]);
    this.morePieces = undefined;
    this.serve();
  }

  private serve(): void {
    this.isServed = true;
    if (this.isRequestComplete) this.requestError ??= requestFault(this.rpc, this.body);
    this.host.serve(this);
  }

  private leave(): void {
    this.backendCall?.cancel();
    if (this.leavers !== undefined) for (const leave of this.leavers) leave();
  }

  private end(code: number, text: string): void {
    this.isOver = true;
    for (let at = this.watchers; at !== undefined; at = at.next) at.watcher(this, code, text);
  }
}
