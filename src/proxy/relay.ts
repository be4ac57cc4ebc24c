// The usual way of an answer: a backend's frames go to the client as they arrive, without being held.
// A client that reads slowly slows its own stream on the backend; no message is ever kept whole.
import type { Backend } from '../backends/backend.ts';
import { BackendCall } from '../backends/backend-call.ts';
import { foreignAnswer } from '../backends/foreign-answer.ts';
import { abortError, lossOf, statusOf } from '../backends/unary-call.ts';
import { type BackendUnavailableError, MalformedMessageError } from '../errors.ts';
import { MessageLimit } from '../grpc/message-limit.ts';
import { isForwardedResponse } from '../grpc/metadata.ts';
import { STATUS } from '../grpc/status.ts';
import type { Field } from '../http2/field.ts';
import type { StreamAbort } from '../http2/stream.ts';
import type { Call } from './call.ts';
import { givenUp } from './hang-watch.ts';
import { type LastReplies, PassedReply } from './passed-reply.ts';

/** What a handler may want to know of a relayed answer before the client does. */
export interface RelayOptions {
  /** Called with the backend's status code before the trailers go on. */
  readonly onStatus?: (code: number) => void;
  /** Called before the call fails, when the backend surely has done nothing of it. */
  readonly onUntouched?: () => void;
  /** How long the call is waited for while the backend hangs; default: as long as the client waits. */
  readonly hangPatienceMs?: number;
  /** The framed request; default: the client's own. */
  readonly body?: Buffer;
  /** True when the call may be made again after a lost connection (reading calls only). */
  readonly isRetryable: boolean;
  /** Longest message of the answer. */
  readonly limitBytes: number;
  /** Who keeps the replies of these calls, and may have one for a call whose backend is absent. */
  readonly keeper?: LastReplies;
}

/** Sends the client's request to a backend and its answer back. */
export function relay(call: Call, backend: Backend, options: RelayOptions): void {
  call.backendName = backend.name;
  new Relay(call, backend, options, 0).start();
}

class Relay extends BackendCall {
  private readonly call: Call;
  private readonly backend: Backend;
  private readonly options: RelayOptions;
  private readonly retries: number;
  private readonly limit: MessageLimit;
  /** What the keeper is shown. */
  private readonly passed: PassedReply | undefined;
  /** Bytes handed to the client's stream that it has not let go yet, so the backend gets no credit for them. */
  private heldBytes = 0;

  constructor(call: Call, backend: Backend, options: RelayOptions, retries: number) {
    super();
    this.call = call;
    this.backend = backend;
    this.options = options;
    this.retries = retries;
    this.limit = new MessageLimit(options.limitBytes, backend.messageName);
    this.passed = options.keeper && new PassedReply(options.keeper, backend);
  }

  start(): void {
    const { call } = this;
    call.attach(this);
    const { metadata, deadlineAtMs, route, pathField, request } = call;
    const { body } = this.options;
    if (route === undefined) throw new Error('only calls of CRI services are relayed');
    this.backend.call(this, {
      service: route.service,
      rpc: route.rpc,
      path: pathField,
      version: route.version,
      metadata,
      clientCalls: call.client.calls.used,
      deadlineAtMs,
      body: body ?? request.buffer,
      start: body === undefined ? request.start : 0,
      end: body === undefined ? request.end : body.length,
    });
  }

  override onHeaders(fields: readonly Field[], endStream: boolean): void {
    const foreign = this.call.hasReplyHeaders
      ? undefined
      : foreignAnswer(this.backend.name, fields, endStream);
    if (foreign !== undefined) {
      this.call.fail(foreign);
      return;
    }
    const forwarded = fields.every(isForwardedResponse) ? fields : fields.filter(isForwardedResponse);
    if (!endStream) {
      this.call.sendHeaders(forwarded);
      return;
    }
    this.isOver = true;
    const { code, text } = statusOf(fields);
    this.options.onStatus?.(code);
    if (code === STATUS.NOT_FOUND) this.options.keeper?.deny(this.backend, this.call);
    this.call.finish(forwarded, code, text);
    if (code === STATUS.OK) this.passed?.finish();
  }

  override onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    const { call, stream } = this;
    try {
      this.limit.pass(buffer, start, end);
    } catch (error) {
      call.fail(error);
      return;
    }
    call.sendData(buffer, start, end);
    this.passed?.pass(buffer, start, end);
    if (call.stream.queuedBytes === 0) stream?.consume(end - start);
    else {
      this.heldBytes += end - start;
      call.onReplyDrained ??= () => this.release();
    }
    if (endStream) {
      this.isOver = true;
      this.call.fail(
        new MalformedMessageError(`backend ${this.backend.name} ended ${call.rpc} without trailers`, {
          from: 'backend',
        }),
      );
    }
  }

  override onAborted(reason: StreamAbort): void {
    this.isOver = true;
    const { call, backend } = this;
    const loss = lossOf(reason);
    const mayRetry = loss === 'untouched' || (loss === 'connection' && this.options.isRetryable);
    if (mayRetry && this.retries === 0 && !call.hasReplyHeaders) {
      new Relay(call, backend, this.options, 1).start();
      return;
    }
    this.endWithout(abortError(backend.name, `broke off ${call.rpc}`, reason), loss === 'untouched');
  }

  override onRefused(error: Error): void {
    this.isOver = true;
    this.endWithout(error, true);
  }

  /** The backend gives no answer. What goes wrong here is this call's trouble: others may hear of the same after it. */
  private endWithout(error: Error, isUntouched: boolean): void {
    try {
      if (isUntouched) this.options.onUntouched?.();
      if (!this.isAnswered()) this.call.fail(error);
    } catch (thrown) {
      this.call.fail(thrown);
    }
  }

  /** Whether the keeper has answered for the backend, because it is absent. */
  private isAnswered(): boolean {
    const { call, backend, options } = this;
    if (options.keeper === undefined || !backend.isAbsent || call.hasReplyHeaders || call.isOver)
      return false;
    return options.keeper.answer(call, backend);
  }

  override onHang(error: BackendUnavailableError, hungMs: number): void {
    const { hangPatienceMs = Number.POSITIVE_INFINITY } = this.options;
    if (hungMs < hangPatienceMs) return;
    this.cancel();
    this.endWithout(givenUp(this.call, error), false);
  }

  private release(): void {
    const { heldBytes } = this;
    this.heldBytes = 0;
    if (heldBytes > 0 && !this.isOver) this.stream?.consume(heldBytes);
  }
}
