// A backend's whole list, asked for only to see whether it gives one (list-watch.ts): on the connection that is there, with
// a time limit and no other.
import type { Clock } from '../clock.ts';
import { MalformedMessageError, MessageTooLargeError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import { releaseMemory } from '../grpc/message-memory.ts';
import { STATUS } from '../grpc/status.ts';
import type { BackendCall, BackendRequest } from './backend-call.ts';
import { UnaryCall, type UnaryOutcome } from './unary-call.ts';

const WHOLE_LIST = framed(new Uint8Array(0));

/** What is listed: the two lists that a kubelet needs each second. */
export type WatchedList = 'ListPodSandbox' | 'ListContainers';

/** Whether an RPC is one of them. */
export function isWatchedList(rpc: string): rpc is WatchedList {
  return rpc === 'ListPodSandbox' || rpc === 'ListContainers';
}

/** What became of a question: an answer or an error of the backend's own, nothing in its time, or it cannot tell. */
export type ListAnswer = 'some' | 'none' | 'lost';

export interface ListQuestion {
  readonly backendName: string;
  readonly clock: Clock;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  /** Sends the call now. */
  send(call: BackendCall, request: BackendRequest): void;
}

/** Asks; `done` gets what became of it once, unless what this gives is called before. */
export function askList(
  { backendName, clock, messageSizeBytes, send }: ListQuestion,
  rpc: WatchedList,
  timeoutMs: number,
  done: (answer: ListAnswer) => void,
): () => void {
  const call = new UnaryCall(backendName, messageSizeBytes, (outcome) => {
    timer.cancel();
    if (outcome.kind === 'answered') releaseMemory(outcome.message);
    done(isAnswer(outcome) ? 'some' : 'lost');
  });
  const end = () => {
    timer.cancel();
    call.cancel();
  };
  const timer = clock.after(timeoutMs, () => {
    end();
    done('none');
  });
  send(call, {
    service: 'RuntimeService',
    rpc,
    metadata: [],
    clientCalls: 0,
    deadlineAtMs: undefined,
    body: WHOLE_LIST,
    start: 0,
    end: WHOLE_LIST.length,
  });
  return end;
}

/** Whether a backend has answered: with an error of its own too, and with what cannot be taken; not when time was over. */
export function isAnswer(outcome: UnaryOutcome): boolean {
  switch (outcome.kind) {
    case 'answered':
      return true;
    case 'status':
      return isAnswerStatus(outcome.code);
    case 'failed':
      return outcome.error instanceof MalformedMessageError || outcome.error instanceof MessageTooLargeError;
    default:
      return outcome satisfies never;
  }
}

/** Some runtimes end a call by themselves when its deadline has passed. */
export function isAnswerStatus(code: number): boolean {
  return code !== STATUS.DEADLINE_EXCEEDED && code !== STATUS.CANCELLED;
}
