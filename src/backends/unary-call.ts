// A unary call whose whole answer is wanted in memory: merged lists, lookups, probes, replies that must be learnt from.
import {
  BackendUnavailableError,
  HeadersTooLargeError,
  MalformedMessageError,
  type SwitchyardError,
  UnimplementedError,
} from '../errors.ts';
import { MessageReader, type OnGrowth } from '../grpc/message.ts';
import { decodeStatusMessage, STATUS, statusFromHttp } from '../grpc/status.ts';
import { ERROR_CODE } from '../http2/connection-error.ts';
import { type Field, KNOWN } from '../http2/field.ts';
import type { StreamAbort } from '../http2/stream.ts';
import { BackendCall } from './backend-call.ts';
import { foreignAnswer } from './foreign-answer.ts';
import type { ReplyKeeper } from './reply-keeper.ts';

/** What a unary call came to. */
export type UnaryOutcome =
  /**
   * The backend answered OK. `message` has no prefix and may be kept. Whoever is done with a long one may release its
   * memory (grpc/message-memory.ts); then all others that want it for longer must hold it.
   */
  | {
      readonly kind: 'answered';
      readonly headers: readonly Field[];
      readonly message: Buffer;
      readonly trailers: readonly Field[];
    }
  /** The backend answered with a status of its own; `trailers` are what it sent, complete enough for a trailers-only reply. */
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly text: string;
      readonly headers: readonly Field[];
      readonly trailers: readonly Field[];
    }
  /** No answer. */
  | { readonly kind: 'failed'; readonly error: Error; readonly loss: Loss };

/**
 * How an answer was lost: `refused`, the call was never sent; `untouched`, the backend surely did nothing; `connection`, it went away in mid call and may
 * have done it; `other`, it may have done it and asking again would not help (time over, broken protocol).
 */
export type Loss = 'refused' | 'untouched' | 'connection' | 'other';

/** What a stream's abnormal end says about the call. */
export function lossOf(reason: StreamAbort): Loss {
  if (!reason.processed) return 'untouched';
  return reason.kind === 'connection' ? 'connection' : 'other';
}

/** The error for a call that lost its answer so; `what` says what the backend did. */
export function abortError(backendName: string, what: string, reason: StreamAbort): SwitchyardError {
  const text = `backend ${backendName} ${what}: ${reason.message}`;
  const options = { backends: [backendName] };
  return reason.kind === 'oversize'
    ? new HeadersTooLargeError(text, options)
    : new BackendUnavailableError(text, options);
}

/** Reads grpc-status out of trailers; a reply without one is judged by its HTTP status. */
export function statusOf(trailers: readonly Field[]): { code: number; text: string } {
  let code: number | undefined;
  let text = '';
  let httpStatus = 200;
  for (const field of trailers) {
    if (field.known === KNOWN.grpcStatus) code = field.value === '0' ? 0 : Number(field.value);
    else if (field.known === KNOWN.grpcMessage) text = decodeStatusMessage(field.value);
    else if (field.known === KNOWN.status) httpStatus = Number(field.value);
  }
  if (code !== undefined && Number.isInteger(code)) return { code, text };
  return {
    code: STATUS[statusFromHttp(httpStatus)],
    text: text || `HTTP status ${httpStatus} without grpc-status`,
  };
}

/** Collects one unary answer of at most `limitBytes` and hands over its outcome exactly once, unless it is cancelled. */
export class UnaryCall extends BackendCall {
  /** How long it is waited for while its backend hangs. */
  hangPatienceMs = Number.POSITIVE_INFINITY;
  /** What is said when it is given up for that. */
  wordHang: ((error: BackendUnavailableError) => Error) | undefined;
  private hasBegun = false;
  private headers: readonly Field[] = [];
  private message: Buffer | undefined;
  private readonly reader: MessageReader;
  private readonly keeper: ReplyKeeper | undefined;
  private readonly backendName: string;
  private readonly done: (outcome: UnaryOutcome) => void;

  /** `onGrowth` may look at a long message while it comes; `keeper` is who counts it. */
  constructor(
    backendName: string,
    limitBytes: number,
    done: (outcome: UnaryOutcome) => void,
    onGrowth?: OnGrowth,
    keeper?: ReplyKeeper,
  ) {
    super();
    this.keeper = keeper;
    this.backendName = backendName;
    this.done = done;
    this.reader = new MessageReader(limitBytes, `the reply of backend ${backendName}`, 'backend', onGrowth);
  }

  override onHeaders(fields: readonly Field[], endStream: boolean): void {
    const foreign = this.hasBegun ? undefined : foreignAnswer(this.backendName, fields, endStream);
    if (foreign !== undefined) {
      this.abandon(foreign);
      return;
    }
    if (!endStream) {
      this.hasBegun = true;
      this.headers = fields.slice();
      return;
    }
    const trailers = fields.slice();
    const { code, text } = statusOf(trailers);
    if (code !== STATUS.OK) {
      this.finish({ kind: 'status', code, text, headers: this.headers, trailers });
      return;
    }
    if (this.message === undefined) {
      this.failMalformed('it ended OK without a message');
      return;
    }
    this.finish({ kind: 'answered', headers: this.headers, message: this.message, trailers });
  }

  override onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    this.stream?.consume(end - start);
    this.keeper?.keep(end - start);
    if (this.isOver) return;
    try {
      this.reader.push(buffer, start, end, (bytes, from, to, isOwned) => {
        if (this.message !== undefined) throw new UnimplementedError('a second message in a unary reply');
        this.message = isOwned ? bytes.subarray(from, to) : Buffer.from(bytes.subarray(from, to));
      });
    } catch (error) {
      this.stream?.reset(ERROR_CODE.CANCEL);
      this.finish({ kind: 'failed', error: error as Error, loss: 'other' });
      return;
    }
    if (endStream) this.failMalformed('its stream ended without trailers');
  }

  override onAborted(reason: StreamAbort): void {
    const error = abortError(this.backendName, 'gave no answer', reason);
    this.finish({ kind: 'failed', error, loss: lossOf(reason) });
  }

  override onRefused(error: Error): void {
    this.finish({ kind: 'failed', error, loss: 'refused' });
  }

  override onHang(error: BackendUnavailableError, hungMs: number): void {
    if (hungMs >= this.hangPatienceMs) this.abandon(this.wordHang?.(error) ?? error);
  }

  /** Gives up waiting: the backend is told, and `error` is the outcome. */
  abandon(error: Error): void {
    if (this.isOver) return;
    this.stream?.reset(ERROR_CODE.CANCEL);
    this.finish({ kind: 'failed', error, loss: 'other' });
  }

  private failMalformed(what: string): void {
    const error = new MalformedMessageError(`backend ${this.backendName} broke the protocol: ${what}`, {
      from: 'backend',
    });
    this.finish({ kind: 'failed', error, loss: 'other' });
  }

  private finish(outcome: UnaryOutcome): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stopWaiting?.();
    this.done(outcome);
  }
}
