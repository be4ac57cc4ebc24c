// The question whether a backend lives: the call that tells (probe.ts), on the connection that is there, with a time
// limit and no other. While all streams are in use it waits, before all calls: without an end to any of them nothing is
// alive.
import type { Clock } from '../clock.ts';
import { BackendUnavailableError } from '../errors.ts';
import type { ClientConnection } from '../http2/client.ts';
import type { BackendCall, BackendRequest } from './backend-call.ts';
import { type ProbedService, probeRequest } from './probe.ts';
import { UnaryCall } from './unary-call.ts';

export interface LifeQuestion extends ProbedService {
  readonly clock: Clock;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  readonly connection: ClientConnection;
  /** Sends the call, now or as the first when a stream is free. */
  hand(call: BackendCall, request: BackendRequest): void;
}

/** Why there was no sign of life. */
export interface Silence {
  readonly reason: string;
  /** False when the question could not even be put: then the calls that take all streams may be what it works at. */
  readonly wasAsked: boolean;
}

/** Asks; `done` gets why nothing was answered within `timeoutMs`, or undefined. It is not called for a connection that was lost. */
export function askLife(
  question: LifeQuestion,
  timeoutMs: number,
  done: (silence: Silence | undefined) => void,
): void {
  const { backendName, service, clock, messageSizeBytes, connection } = question;
  const request = probeRequest(service);
  const call = new UnaryCall(backendName, messageSizeBytes, (outcome) => {
    timer.cancel();
    // A refusal is an answer. A connection that was lost is the connector's affair, and ends this question too.
    if (outcome.kind !== 'failed' || outcome.loss === 'untouched') done(undefined);
    else if (outcome.loss === 'other')
      done({ reason: outcome.error.message, wasAsked: call.stream !== undefined });
  });
  const timer = clock.after(timeoutMs, () => {
    const why =
      call.stream === undefined
        ? noneEnded(connection.maxStreams, timeoutMs)
        : `it did not answer ${request.rpc} within ${timeoutMs} ms`;
    call.abandon(new BackendUnavailableError(why));
  });
  question.hand(call, request);
}

function noneEnded(maxCalls: number, timeoutMs: number): string {
  if (maxCalls === 0) return 'it allows no calls any more: MAX_CONCURRENT_STREAMS is 0';
  return `no call has ended within ${timeoutMs} ms, and it takes no more than ${maxCalls} at once`;
}
