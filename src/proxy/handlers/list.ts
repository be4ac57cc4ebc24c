// Unary lists: the backends that can hold what is asked for are asked at once, and their replies joined, complete or
// not at all. Only lists of stats and metrics may lack a backend, for old figures would be worse than none.
import { type ListMethod, methodNamed } from '../../cri/methods.ts';
import { MessageTooLargeError, PartialListError } from '../../errors.ts';
import { STATUS, statusName } from '../../grpc/status.ts';
import { learnList } from '../../ledger/learn.ts';
import { mergeImages } from '../../merge/images.ts';
import { withoutRecords } from '../../merge/lists.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { type BackendOutcome, fanOut } from '../fan-out.ts';
import { narrow } from '../narrow.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { endReply, replyEmpty, startReply } from '../replies.ts';

export function listHandler(parts: ProxyParts): Handler<ListMethod> {
  return (call, method) => {
    const { backends, isFull } = narrow(parts, method, call.message);
    const present = backends.filter((backend) => !backend.isAbsent);
    const absent = backends.find((backend) => backend.isAbsent);
    if (absent !== undefined && (method.whenBackendAbsent === 'fail' || present.length === 0)) {
      throw lacking(method, absent.absenceError().message);
    }
    const fullList = isFull && method.learns ? parts.ledger.beginList() : undefined;
    fanOut(parts, call, present, { isRetryable: true }, (outcomes) => {
      const [only] = outcomes;
      if (only !== undefined && backends.length === 1 && only.outcome.kind !== 'answered') {
        replyWith(call, only.backend, only.outcome);
        return;
      }
      call.backendName = backends.length === 1 ? (only?.backend.name ?? 'none') : 'several';
      if (!method.relabels) answer(parts, call, method, outcomes, fullList);
      else
        return parts.metricLabels
          .prepare(present)
          .then(() => answer(parts, call, method, outcomes, fullList));
    });
  };
}

/** Joins the outcomes into the reply, or fails the call when one that must be there is missing. */
function answer(
  parts: ProxyParts,
  call: Call,
  method: ListMethod,
  outcomes: readonly BackendOutcome[],
  fullList: number | undefined,
): void {
  const joined: Buffer[] = [];
  let sizeBytes = 0;
  let firstTrouble: BackendOutcome | undefined;
  let answered: BackendOutcome | undefined;
  for (const result of outcomes) {
    const { backend, outcome } = result;
    if (outcome.kind !== 'answered') {
      if (!mayLack(method, result)) {
        failOn(call, method, result);
        return;
      }
      firstTrouble ??= result;
      continue;
    }
    answered ??= result;
    const message = method.relabels ? parts.metricLabels.relabel(backend, outcome.message) : outcome.message;
    const foreign = learnList(parts.ledger, method, backend, message, fullList);
    if (foreign.length > 0) parts.onForeignIds(backend, foreign.length);
    for (const part of withoutRecords(message, foreign)) {
      joined.push(part);
      sizeBytes += part.length;
    }
  }
  if (answered === undefined) {
    if (firstTrouble === undefined) replyEmpty(call);
    else replyWith(call, firstTrouble.backend, firstTrouble.outcome);
    return;
  }
  const messages = method.object === 'image' && outcomes.length > 1 ? mergeImages(joined) : joined;
  const { messageSizeBytes } = parts.config.limits;
  if (sizeBytes > messageSizeBytes) throw tooLong(method, sizeBytes, messageSizeBytes);
  startReply(call);
  call.sendMessage(messages);
  endReply(call);
}

/** Whether the reply may be given without this backend. */
function mayLack(method: ListMethod, { outcome }: BackendOutcome): boolean {
  if (outcome.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED)
    return method.whenUnimplemented === 'skip';
  return method.whenBackendAbsent === 'partial';
}

function failOn(call: Call, method: ListMethod, { backend, outcome }: BackendOutcome): void {
  switch (outcome.kind) {
    case 'status':
      // UNIMPLEMENTED has a meaning of its own for the kubelet (it changes its mode), so it goes on as it came.
      if (outcome.code === STATUS.UNIMPLEMENTED) replyWith(call, backend, outcome);
      else {
        const why = `backend ${backend.name} ends it ${statusName(outcome.code)}: ${outcome.text}`;
        call.fail(lacking(method, why));
      }
      return;
    case 'failed':
      call.fail(lacking(method, outcome.error.message));
      return;
    case 'answered':
      return;
    default:
      outcome satisfies never;
  }
}

function lacking(method: ListMethod, why: string): PartialListError {
  return new PartialListError(`${method.name} would not be complete: ${why}`, {
    hint: 'The kubelet would take a short list for removed pods, so it gets none',
  });
}

function tooLong(method: ListMethod, sizeBytes: number, limitBytes: number): MessageTooLargeError {
  const stream = methodNamed(method.name.replace('List', 'Stream'))?.name;
  return new MessageTooLargeError(
    `the joined reply of ${method.name} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    {
      hint: `Turn on the kubelet's feature gate CRIListStreaming${stream === undefined ? '' : `, which uses ${stream}`}`,
    },
  );
}
