// One backend's part in a list: asked for its own answer, and represented by its snapshot when it gives none in time.
// An answer that comes too late for the client still refreshes the snapshot.
import type { Backend } from '../backends/backend.ts';
import type { Endpoint } from '../backends/endpoint.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { Timer } from '../clock.ts';
import type { ListMethod } from '../cri/methods.ts';
import { MalformedMessageError, MessageTooLargeError } from '../errors.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';
import { STATUS, statusName } from '../grpc/status.ts';
import { ListLearner } from '../ledger/learn.ts';
import { withoutRecords } from '../merge/lists.ts';
import { excerpt } from '../quote.ts';
import type { Call } from './call.ts';
import { callTimer } from './call-timer.ts';
import { collect } from './collect.ts';
import { LOOK_AGAIN_MS } from './hang-watch.ts';
import { findRefusal, mayBeRefusal } from './list-refusal.ts';
import type { ProxyParts } from './parts.ts';
import { presented } from './presented.ts';
import { fromSnapshot, isTrusted, snapshotOf } from './snapshot-answer.ts';

/** What a backend contributes. */
export type LegResult =
  /**
   * Its records, as parts of a reply; from its own answer or from its snapshot. `memory` lies under them if it is the
   * taker's: who is done with the parts may release it.
   */
  | {
      readonly kind: 'records';
      readonly backend: Backend;
      readonly parts: readonly Buffer[];
      readonly memory?: Buffer;
    }
  | TroubleResult;

/** Nothing: why, and what it said itself if it said something. */
export interface TroubleResult {
  readonly kind: 'trouble';
  readonly backend: Backend;
  readonly why: string;
  readonly outcome: UnaryOutcome;
  /** It refuses what was asked for, in words that are the client's. */
  readonly isRefusal: boolean;
}

export interface ListQuestion {
  readonly method: ListMethod;
  /** True when the request has no filter. */
  readonly isFull: boolean;
  /** The framed request; the client's own or, for a streamed list, the same bytes. */
  readonly body: Buffer;
  /** The unary RPC to ask with. */
  readonly rpc: string;
  /** Whether the part of a backend that ends it with an error is made (pod-stats-leg.ts). */
  readonly isMadeUp?: boolean;
}

/**
 * Asks one backend for its part of a list; `done` gets the result once, unless the client leaves before. Gives what ends
 * the question before that.
 */
export function askLeg(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  question: ListQuestion,
  done: (result: LegResult) => void,
): () => void {
  return new ListLeg(parts, call, backend, question, done).start();
}

class ListLeg {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly backend: Backend;
  private readonly endpoint: Endpoint;
  private readonly question: ListQuestion;
  private readonly done: (result: LegResult) => void;
  private isDone = false;
  private timer: Timer | undefined;
  private cancel: (() => void) | undefined;
  private onLateAnswer: (() => void) | undefined;

  constructor(
    parts: ProxyParts,
    call: Call,
    backend: Backend,
    question: ListQuestion,
    done: (result: LegResult) => void,
  ) {
    this.parts = parts;
    this.call = call;
    this.backend = backend;
    this.endpoint = backend.endpointOf(question.method.service);
    this.question = question;
    this.done = done;
  }

  start(): () => void {
    const { parts, backend, call, question } = this;
    const { method, isFull, body, rpc } = question;
    const startedAtMs = parts.clock.now();
    const start = backend.snapshot.begin(startedAtMs);
    const fullList = isFull && method.learns ? parts.ledger.beginList() : undefined;
    call.onLeave(() => this.timer?.cancel());
    this.watch();
    let learner: ListLearner;
    const watchGrowth = () => {
      learner = new ListLearner(parts.ledger, method, backend, fullList ?? 'filtered');
      return learner.advance;
    };
    const limitBytes = parts.config.limits.messageSizeBytes;
    const options = { body, rpc, limitBytes, isRetryable: true, watchGrowth };
    this.cancel = collect(call, backend, options, (outcome) => {
      this.timer?.cancel();
      this.onLateAnswer?.();
      if (method.setsMode) parts.statistics.podStats.learn(backend, outcome);
      this.endpoint.lists.ended(rpc, outcome);
      const code = codeOf(outcome);
      parts.metrics.partFinished(backend.name, statusName(code), parts.clock.now() - startedAtMs);
      if (outcome.kind !== 'answered') {
        this.finishWithout(outcome);
        return;
      }
      try {
        const message = presented(parts, backend, method, outcome.message);
        const foreign = learner.finish(message);
        if (foreign.length > 0) parts.onForeignIds(backend, foreign.length);
        const records = withoutRecords(message, foreign);
        const list = snapshotOf(method);
        if (isFull && list !== undefined) {
          backend.snapshot.refresh(list, foreign.length === 0 ? message : Buffer.concat(records), start);
        }
        this.finish({ kind: 'records', backend, parts: records, memory: outcome.message });
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error;
        // An answer that cannot be read is as good as none.
        this.finishWithout({ kind: 'failed', error, loss: 'other' });
      }
    });
    return () => {
      this.isDone = true;
      this.timer?.cancel();
      this.cancel?.();
    };
  }

  /** Half the budget: is it alive at all? The whole budget: may its snapshot stand for it? And so on while it is waited for. */
  private watch(): void {
    const { clock } = this.parts;
    const { listMs } = this.backend.config.timeouts;
    const look = () => {
      this.endpoint.lists.late(this.question.rpc);
      if (this.isDone || this.call.isOver || this.mayReplace()) return;
      this.timer = callTimer(clock, this.call, LOOK_AGAIN_MS, look);
    };
    this.timer = callTimer(clock, this.call, listMs / 2, () => {
      this.endpoint.suspect(listMs / 2);
      this.timer = callTimer(clock, this.call, listMs / 2, look);
    });
  }

  /** Answers from the snapshot if it may stand for a backend that is late. */
  private mayReplace(): boolean {
    const { parts, backend, endpoint, question } = this;
    const list = snapshotOf(question.method);
    if (list === undefined) {
      if (endpoint.isAbsent) this.finish(absence(backend, question.method));
      return this.isDone;
    }
    if (!endpoint.isAbsent && !isTrusted(parts, backend, question.method)) return false;
    const records = fromSnapshot(parts, backend, question.method, messageOf(question));
    if (records !== undefined) {
      this.onLateAnswer = parts.lateLists.await(backend.name, list, () => this.cancel?.());
      this.finish({ kind: 'records', backend, parts: records });
    } else if (endpoint.isAbsent) this.finish(absence(backend, question.method));
    return this.isDone;
  }

  /** It answered with an error, or not at all. */
  private finishWithout(outcome: UnaryOutcome): void {
    const { parts, call, backend, question } = this;
    if (this.isDone) return;
    const isDoubtful = !question.isFull && outcome.kind === 'status' && mayBeRefusal(outcome.code);
    if (!isDoubtful) this.finishFromSnapshot(outcome);
    else
      this.cancel = findRefusal(parts, call, backend, question.method, (isRefusal) => {
        if (isRefusal) this.finish(trouble(backend, reasonOf(backend, outcome), outcome, true));
        else this.finishFromSnapshot(outcome);
      });
  }

  private finishFromSnapshot(outcome: UnaryOutcome): void {
    const { parts, backend, question } = this;
    const isUnimplemented = outcome.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED;
    // A list that has grown too long will not get shorter: a snapshot would be shown for ever.
    const isTooLong = outcome.kind === 'failed' && outcome.error instanceof MessageTooLargeError;
    const records =
      isUnimplemented || isTooLong
        ? undefined
        : fromSnapshot(parts, backend, question.method, messageOf(question));
    if (records !== undefined) this.finish({ kind: 'records', backend, parts: records });
    else this.finish(trouble(backend, reasonOf(backend, outcome), outcome));
  }

  private finish(result: LegResult): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.call.isOver) return;
    // It may be a timer that got here: what goes wrong is this call's trouble, not the process's.
    try {
      this.done(result);
    } catch (error) {
      this.call.fail(error);
    }
  }
}

/** The request without its prefix. */
export function messageOf({ body }: ListQuestion): Buffer {
  return body.subarray(PREFIX_BYTES);
}

/** The result of a backend that cannot be asked and has no snapshot. */
export function absence(backend: Backend, method: ListMethod): LegResult {
  const error = backend.endpointOf(method.service).absenceError();
  return trouble(backend, error.message, { kind: 'failed', error, loss: 'other' });
}

/** The result of a backend that gives nothing. */
export function trouble(
  backend: Backend,
  why: string,
  outcome: UnaryOutcome,
  isRefusal = false,
): TroubleResult {
  return { kind: 'trouble', backend, why, outcome, isRefusal };
}

function codeOf(outcome: UnaryOutcome): number {
  if (outcome.kind === 'answered') return STATUS.OK;
  return outcome.kind === 'status' ? outcome.code : STATUS.UNAVAILABLE;
}

function reasonOf(backend: Backend, outcome: UnaryOutcome): string {
  if (outcome.kind === 'status')
    return `backend ${backend.name} ends it ${statusName(outcome.code)}: ${excerpt(outcome.text)}`;
  return outcome.kind === 'failed' ? outcome.error.message : '';
}
