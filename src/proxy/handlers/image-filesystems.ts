// ImageFsInfo. The kubelet reads the first file system only, asks often, and cannot start without an answer: the default
// backend's comes first, its last one while it is absent, and no other backend holds it up.
import type { Backend } from '../../backends/backend.ts';
import type { UnaryOutcome } from '../../backends/unary-call.ts';
import { statusName } from '../../grpc/status.ts';
import { joinFsInfo, withTimestamps } from '../../merge/images.ts';
import { excerpt } from '../../quote.ts';
import type { Call } from '../call.ts';
import { type CollectOptions, collect, replyWith } from '../collect.ts';
import type { BackendOutcome } from '../fan-out.ts';
import { LOOK_AGAIN_MS } from '../hang-watch.ts';
import type { ProxyParts } from '../parts.ts';
import { reply } from '../replies.ts';
import { TRUSTED_AGE_MS } from '../snapshot-answer.ts';

/** Runtimes may walk their disks for an answer; the kubelet does not look at those of backends that are not the default. */
const YOUNG_MS = 5_000;
/** A question to such a backend is on no call's way, so it may take its time. */
const PATIENCE_MS = 30_000;
/**
 * So long the last answer of a default backend stands for one that lives and gives errors. Beyond a hiccup an error is
 * better: old figures look new to the kubelet, which frees no disk by them while it fills.
 */
const ERROR_MS = 60_000;

const NAME = 'ImageFsInfo';

/** What is known of a backend's answer beside the snapshot, which keeps the last one. */
interface Question {
  /** From when on the kept answer is true; undefined: it is not. */
  freshAtMs: number | undefined;
  asking: Promise<void> | undefined;
}

export class ImageFilesystems {
  private readonly parts: ProxyParts;
  private readonly questions = new Map<Backend, Question>();
  /** Since when the default backend has ended each question with an error; undefined: it has not. */
  private errsSinceMs: number | undefined;

  constructor(parts: ProxyParts) {
    this.parts = parts;
  }

  /** Images of this backend have changed: its answer is not true any more. */
  expire(backend: Backend): void {
    this.questions.delete(backend);
  }

  /** Answers an ImageFsInfo. */
  answer(call: Call): void {
    const { registry } = this.parts;
    const others = registry.all.filter((backend) => backend !== registry.default);
    let own: BackendOutcome | undefined;
    let left = others.length + 1;
    const arrive = () => {
      left--;
      if (left > 0 || call.isOver) return;
      // It may be a timer that got here: what goes wrong is this call's trouble, not the process's.
      try {
        this.reply(call, own);
      } catch (error) {
        call.fail(error);
      }
    };
    for (const backend of others) this.refresh(call, backend, arrive);
    this.askDefault(call, (outcome) => {
      own = outcome;
      arrive();
    });
  }

  /** The default backend is waited for; not longer than its list budget if its last answer is young or it is absent. */
  private askDefault(call: Call, done: (own: BackendOutcome | undefined) => void): void {
    const { clock, config, registry } = this.parts;
    const backend = registry.default;
    const { listMs } = backend.config.timeouts;
    let isDone = false;
    const finish = (own: BackendOutcome | undefined) => {
      if (isDone) return;
      isDone = true;
      timer.cancel();
      done(own);
    };
    const look = () => {
      const kept = backend.snapshot.kept(NAME);
      const mayStand = kept !== undefined && clock.now() - kept.atMs <= TRUSTED_AGE_MS;
      if (mayStand || backend.images.isAbsent) finish(undefined);
      else timer = clock.after(LOOK_AGAIN_MS, look);
    };
    let timer = clock.after(listMs / 2, () => {
      backend.images.suspect(listMs / 2);
      timer = clock.after(listMs / 2, look);
    });
    call.onLeave(() => timer.cancel());
    const options: CollectOptions = {
      body: call.body,
      limitBytes: config.limits.messageSizeBytes,
      isRetryable: true,
    };
    collect(call, backend, options, (outcome) => {
      // Also one that comes too late for this call.
      if (outcome.kind === 'answered') backend.snapshot.keep(NAME, outcome.message, clock.now());
      this.noteError(backend, outcome);
      finish({ backend, outcome });
    });
  }

  /** An error that clients do not see is in the log, once until there is an answer again. */
  private noteError({ name, snapshot }: Backend, outcome: UnaryOutcome): void {
    const { clock, log } = this.parts;
    if (outcome.kind === 'answered') this.errsSinceMs = undefined;
    if (outcome.kind !== 'status' || this.errsSinceMs !== undefined) return;
    this.errsSinceMs = clock.now();
    if (snapshot.kept(NAME) === undefined) return;
    const reason = `${statusName(outcome.code)}: ${excerpt(outcome.text)}`;
    const hint = `Its last answer is given for ${ERROR_MS / 1_000} s, then the error: look at the disk of its images`;
    log.warn({ backend: name, reason, hint }, 'the default backend ends ImageFsInfo with an error');
  }

  /** Calls `done` when the backend's answer is young or new, or its list budget is over. */
  private refresh(call: Call, backend: Backend, done: () => void): void {
    const { clock } = this.parts;
    const question = this.questionOf(backend);
    const isYoung = question.freshAtMs !== undefined && clock.now() - question.freshAtMs <= YOUNG_MS;
    if (isYoung || backend.images.isAbsent) {
      done();
      return;
    }
    let isDone = false;
    const finish = () => {
      if (isDone) return;
      isDone = true;
      timer.cancel();
      done();
    };
    const { listMs } = backend.config.timeouts;
    let timer = clock.after(listMs / 2, () => {
      backend.images.suspect(listMs / 2);
      timer = clock.after(listMs / 2, finish);
    });
    call.onLeave(() => timer.cancel());
    question.asking ??= this.ask(backend, question, call.message);
    void question.asking.then(finish);
  }

  /** Calls that come meanwhile wait for the same answer. */
  private async ask(backend: Backend, question: Question, request: Buffer): Promise<void> {
    const { clock } = this.parts;
    const own = { service: 'ImageService', rpc: NAME, request, timeoutMs: PATIENCE_MS } as const;
    const outcome = await backend.ask(own);
    question.asking = undefined;
    if (outcome.kind !== 'answered') return;
    backend.snapshot.keep(NAME, outcome.message, clock.now());
    question.freshAtMs = clock.now();
  }

  /**
   * Of a default backend that has never answered, or only with errors for long, there is nothing to say. While it is absent the others' file systems
   * are better than none: without an answer a kubelet cannot start.
   */
  private reply(call: Call, own: BackendOutcome | undefined): void {
    const { registry, clock } = this.parts;
    const isNew = own?.outcome.kind === 'answered';
    const known = registry.all.flatMap((backend) => {
      const kept = backend.snapshot.kept(NAME);
      if (kept === undefined) return [];
      const isOld = backend !== registry.default || !isNew;
      return [{ backend, message: isOld ? withTimestamps(kept.message, clock.wallMs()) : kept.message }];
    });
    const errsForMs = this.errsSinceMs === undefined ? 0 : clock.now() - this.errsSinceMs;
    const lacksDefault = known[0]?.backend !== registry.default || errsForMs >= ERROR_MS;
    if (lacksDefault && own !== undefined && (known.length === 0 || own.outcome.kind === 'status')) {
      replyWith(call, own.backend, own.outcome);
      return;
    }
    if (known.length === 0) throw registry.default.images.absenceError();
    call.backendName = 'several';
    reply(call, joinFsInfo(known.map(({ message }) => message)));
  }

  private questionOf(backend: Backend): Question {
    let question = this.questions.get(backend);
    if (question === undefined) {
      question = { freshAtMs: undefined, asking: undefined };
      this.questions.set(backend, question);
    }
    return question;
  }
}
