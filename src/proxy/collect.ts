// An answer that must be understood before the client sees it: collected whole, then sent on as it came.
import type { Backend } from '../backends/backend.ts';
import { UnaryCall, type UnaryOutcome } from '../backends/unary-call.ts';
import type { Clock } from '../clock.ts';
import { hangPatienceMs } from '../cri/methods.ts';
import type { BackendUnavailableError } from '../errors.ts';
import type { OnGrowth } from '../grpc/message.ts';
import { isForwardedResponse } from '../grpc/metadata.ts';
import { STATUS } from '../grpc/status.ts';
import { type Field, KNOWN } from '../http2/field.ts';
import type { Call } from './call.ts';
import { watchHang } from './hang-watch.ts';

export interface CollectOptions {
  /** The framed request for the backend. */
  readonly body: Buffer;
  /** Longest reply message. */
  readonly limitBytes: number;
  /** True when the call may be made again after a lost connection. What a backend surely did not touch always may. */
  readonly isRetryable: boolean;
  /** Another RPC than the client's, of the same service. */
  readonly rpc?: string;
  /** Called for each attempt; gives who may look at a long reply while it comes. */
  readonly watchGrowth?: () => OnGrowth;
  /** Given: a backend that turns out to hang is not waited for until the client's deadline. */
  readonly hangClock?: Clock;
  /** What is said when a backend hangs for longer than the RPC waits for that; default: that it hangs. */
  readonly wordHang?: (error: BackendUnavailableError) => Error;
}

/**
 * Makes the client's call on one backend with its metadata and remaining time; `done` gets the outcome once, unless
 * the client leaves or its deadline passes before, or what this gives is called: then the backend is told.
 */
export function collect(
  call: Call,
  backend: Backend,
  options: CollectOptions,
  done: (outcome: UnaryOutcome) => void | Promise<void>,
): () => void {
  const service = call.route?.service ?? 'RuntimeService';
  let isDelivered = false;
  const deliver = (outcome: UnaryOutcome) => {
    if (isDelivered) return;
    isDelivered = true;
    watch?.cancel();
    // What goes wrong while an outcome is understood is this call's trouble, not the connection's.
    try {
      done(outcome)?.catch((error: unknown) => call.fail(error));
    } catch (error) {
      call.fail(error);
    }
  };
  const watch =
    options.hangClock &&
    watchHang(options.hangClock, backend, service, () =>
      deliver({ kind: 'failed', error: backend.endpointOf(service).absenceError(), loss: 'other' }),
    );
  if (watch !== undefined) call.onLeave(() => watch.cancel());
  let current: UnaryCall | undefined;
  const first = attempt(call, backend, options, (outcome) => {
    const mayRetry =
      outcome.kind === 'failed' &&
      (outcome.loss === 'untouched' || (outcome.loss === 'connection' && options.isRetryable));
    if (!mayRetry) deliver(outcome);
    else
      current = attempt(call, backend, options, (again) =>
        deliver(again.kind === 'failed' ? worse(outcome, again) : again),
      );
  });
  current ??= first;
  return () => {
    watch?.cancel();
    current?.cancel();
  };
}

type Failure = Extract<UnaryOutcome, { kind: 'failed' }>;

/** A second attempt that was not even made says nothing of what the first has done. */
function worse(first: Failure, second: Failure): Failure {
  return first.loss === 'connection' ? { ...second, loss: 'connection' } : second;
}

/** True when the backend surely has done nothing of a call. */
export function isUntouched(outcome: UnaryOutcome): boolean {
  return outcome.kind === 'failed' && (outcome.loss === 'refused' || outcome.loss === 'untouched');
}

function attempt(
  call: Call,
  backend: Backend,
  options: CollectOptions,
  done: (outcome: UnaryOutcome) => void,
): UnaryCall {
  const { route, deadlineAtMs } = call;
  if (route === undefined) throw new Error('only calls of CRI services are collected');
  const unary = new UnaryCall(backend.name, options.limitBytes, done, options.watchGrowth?.(), call);
  call.onLeave(() => unary.cancel());
  const { body, rpc = route.rpc } = options;
  unary.wordHang = options.wordHang;
  unary.hangPatienceMs = options.hangClock === undefined ? hangPatienceMs(rpc) : 0;
  backend.call(unary, {
    service: route.service,
    rpc,
    clientCalls: call.client.calls.used,
    metadata: call.metadata.filter(isReadable),
    deadlineAtMs,
    body,
    start: 0,
    end: body.length,
  });
  return unary;
}

/** The client's offer to take compressed replies is kept back: a compressed reply could not be read here. */
function isReadable(field: Field): boolean {
  return field.known !== KNOWN.grpcAcceptEncoding && field.known !== KNOWN.grpcEncoding;
}

/** Answers the client with what a backend answered: message and metadata as they came, or its own status. */
export function replyWith(call: Call, backend: Backend, outcome: UnaryOutcome): void {
  call.backendName = backend.name;
  switch (outcome.kind) {
    case 'answered':
      call.sendHeaders(outcome.headers.filter(isForwardedResponse));
      call.sendCollected([outcome.message]);
      call.finish(outcome.trailers.filter(isForwardedResponse), STATUS.OK, '');
      return;
    case 'status':
      if (outcome.headers.length > 0) call.sendHeaders(outcome.headers.filter(isForwardedResponse));
      call.finish(outcome.trailers.filter(isForwardedResponse), outcome.code, outcome.text);
      return;
    case 'failed':
      call.fail(outcome.error);
      return;
    default:
      outcome satisfies never;
  }
}
