// One call on one backend, from the moment it is handed over until its stream ends.
// What is done with the answer is the subclass's business: relayed frame by frame, or collected.
import type { ServiceName } from '../cri/methods.ts';
import type { ApiVersion } from '../cri/versions.ts';
import type { BackendUnavailableError } from '../errors.ts';
import { ERROR_CODE } from '../http2/connection-error.ts';
import type { Field } from '../http2/field.ts';
import type { Stream, StreamAbort, StreamReceiver } from '../http2/stream.ts';

/** What a backend is asked. The path and the remaining time are worked out when it is sent, for it may have to wait. */
export interface BackendRequest {
  readonly service: ServiceName;
  readonly rpc: string;
  /**
   * The client's own path, and the version it asks in: sent on as it is to a backend that speaks that version. Undefined
   * where another RPC is asked than the client's.
   */
  readonly path?: Field | undefined;
  readonly version?: ApiVersion | undefined;
  /** The client's metadata that crosses the hop; empty for calls of our own. */
  readonly metadata: readonly Field[];
  /** Calls that the client has in flight on its connection, this one among them; 0: a question of Switchyard's own. */
  readonly clientCalls: number;
  /** The moment, on the clock's now(), at which the caller gives up; undefined: never. */
  readonly deadlineAtMs: number | undefined;
  /** The framed message is `body[start, end)`; it is copied when the call has to wait. */
  readonly body: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A call of Switchyard's own on a backend. */
export interface OwnCall {
  readonly service: ServiceName;
  readonly rpc: string;
  /** The request message without its prefix. */
  readonly request: Uint8Array;
  /** Over after this time, and told to the backend as grpc-timeout. */
  readonly timeoutMs: number;
}

/** Receives one backend's answer. The backend calls it; nobody else may. */
export abstract class BackendCall implements StreamReceiver {
  /** Set while the call is on a connection; undefined while it waits for one. */
  stream: Stream | undefined;
  /** True when the answer is complete, or nobody wants it any more. */
  isOver = false;
  /** Takes it out of the queue in which it waits to be sent; undefined when it does not. Set by the queue. */
  stopWaiting: (() => void) | undefined;

  abstract onHeaders(fields: readonly Field[], endStream: boolean): void;
  abstract onData(buffer: Buffer, start: number, end: number, endStream: boolean): void;
  abstract onAborted(reason: StreamAbort): void;
  /** The backend could not take the call at all: it is absent, or too many calls wait for it. */
  abstract onRefused(error: Error): void;

  /**
   * Its backend hangs, for `hungMs` by now, while it waits for the answer; called each time the backend was asked for a
   * sign of life in vain. Without more it waits on, for as long as its caller.
   */
  onHang(_error: BackendUnavailableError, _hungMs: number): void {}

  /** The request is sent once and nothing waits for it. */
  onDrain(): void {}

  /** Ends the call towards the backend. Nothing is delivered afterwards. */
  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.stopWaiting?.();
    this.stream?.reset(ERROR_CODE.CANCEL);
  }
}
