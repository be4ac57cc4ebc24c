// Unary lists: the backends that can hold what is asked for are asked at once, and their replies joined, complete or
// not at all. A backend that does not answer is represented by its snapshot; only lists of stats and metrics may lack
// one, for old figures would be worse than none.
import type { Backend } from '../../backends/backend.ts';
import { type ListMethod, METHODS } from '../../cri/methods.ts';
import { MessageTooLargeError, PartialListError } from '../../errors.ts';
import { releaseMemory } from '../../grpc/message-memory.ts';
import { STATUS } from '../../grpc/status.ts';
import { mergeImages } from '../../merge/images.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { imageListRequestFor } from '../image-request.ts';
import type { LegResult } from '../list-leg.ts';
import { askLegs } from '../list-legs.ts';
import { narrow } from '../narrow.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { reply, replyEmpty } from '../replies.ts';

export function listHandler(parts: ProxyParts): Handler<ListMethod> {
  return (call, method) => {
    const { backends, isFull } = narrow(parts, method, call.message);
    const [only] = backends;
    call.backendName = backends.length === 1 && only !== undefined ? only.name : 'several';
    const questionFor = (backend: Backend) => ({
      method,
      isFull,
      body: method.object === 'image' ? imageListRequestFor(backend, call.body) : call.body,
      rpc: method.name,
    });
    const ask = () =>
      askLegs(parts, call, backends, questionFor, (results) => answer(parts, call, method, results));
    if (!method.relabels) ask();
    else return parts.metricLabels.prepare(backends.filter((backend) => !backend.isAbsent)).then(ask);
  };
}

/** Joins the results into the reply, or fails the call when one that must be there is missing. */
function answer(parts: ProxyParts, call: Call, method: ListMethod, results: readonly LegResult[]): void {
  const joined: Buffer[] = [];
  const memories: Buffer[] = [];
  let sizeBytes = 0;
  let hasRecords = false;
  let firstTrouble: LegResult | undefined;
  for (const result of results) {
    if (result.kind === 'trouble') {
      if (!mayLack(method, result)) {
        failOn(call, method, result, results.length);
        return;
      }
      firstTrouble ??= result;
      continue;
    }
    hasRecords = true;
    if (result.memory !== undefined) memories.push(result.memory);
    for (const part of result.parts) {
      joined.push(part);
      sizeBytes += part.length;
    }
  }
  if (!hasRecords) {
    if (firstTrouble === undefined) replyEmpty(call);
    else failOn(call, method, firstTrouble, results.length);
    return;
  }
  const { messageSizeBytes } = parts.config.limits;
  if (sizeBytes > messageSizeBytes) throw tooLong(method, sizeBytes, messageSizeBytes);
  const message = method.object === 'image' && results.length > 1 ? mergeImages(joined) : joined;
  reply(call, message, () => memories.forEach(releaseMemory));
}

/** Whether the reply may be given without this backend. */
function mayLack(method: ListMethod, result: LegResult): boolean {
  return isUnimplemented(result)
    ? method.whenUnimplemented === 'skip'
    : method.whenBackendAbsent === 'partial';
}

/**
 * A list of one backend ends as that ended it. So does any that is UNIMPLEMENTED somewhere, for that has a meaning of
 * its own to the kubelet (it changes its mode). Otherwise the list is not complete.
 */
function failOn(call: Call, method: ListMethod, result: LegResult, backends: number): void {
  if (result.kind !== 'trouble') return;
  const isOwnStatus = result.outcome.kind === 'status';
  if (isOwnStatus && (backends === 1 || isUnimplemented(result)))
    replyWith(call, result.backend, result.outcome);
  else if (backends === 1 && result.outcome.kind === 'failed') call.fail(result.outcome.error);
  else call.fail(incomplete(method.name, result.why));
}

function isUnimplemented(result: LegResult): boolean {
  const outcome = result.kind === 'trouble' ? result.outcome : undefined;
  return outcome?.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED;
}

/** The error of a list that would lack a backend. */
export function incomplete(rpc: string, why: string): PartialListError {
  return new PartialListError(`${rpc} would not be complete: ${why}`, {
    hint: 'The kubelet would take a short list for removed pods, so it gets none',
  });
}

function tooLong(method: ListMethod, sizeBytes: number, limitBytes: number): MessageTooLargeError {
  const stream = METHODS.find((row) => row.kind === 'stream-list' && row.unary === method.name)?.name;
  return new MessageTooLargeError(
    `the joined reply of ${method.name} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    { hint: `Turn on the kubelet's feature gate CRIListStreaming, which uses ${stream}` },
  );
}
