// Unary lists: the backends that can hold what is asked for are asked at once, and their replies joined, complete or
// not at all. A backend that does not answer is represented by its snapshot; only lists of stats and metrics may lack
// one, for old figures would be worse than none.
import type { Backend } from '../../backends/backend.ts';
import type { ListMethod } from '../../cri/methods.ts';
import { MessageTooLargeError, UnimplementedError } from '../../errors.ts';
import { releaseMemory } from '../../grpc/message-memory.ts';
import { mergeImages } from '../../merge/images.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { imageListRequestFor } from '../image-request.ts';
import { lacksRpc } from '../lacks-rpc.ts';
import { incomplete, nobodyAnswers, partTooLong, tooLong } from '../list-errors.ts';
import type { LegResult, TroubleResult } from '../list-leg.ts';
import { askLegs } from '../list-legs.ts';
import { narrow } from '../narrow.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { isMadeUp } from '../pod-stats-leg.ts';
import { reply, replyEmpty } from '../replies.ts';
import { labelOf } from '../who-answered.ts';

/**
 * The longest reply that kubelets and crictl take. A limit in the config that is higher is for what backends send (CRI-O
 * sends up to 80 MiB): sent on in one message such a list would fail at the client, which could not say why.
 */
const CLIENT_LIMIT_BYTES = 16 * 1024 * 1024;

export function listHandler(parts: ProxyParts): Handler<ListMethod> {
  return (call, method) => {
    const { backends, isFull } = narrow(parts, method, call.message);
    call.backendName = labelOf(backends);
    const questionFor = (backend: Backend) => ({
      method,
      isFull,
      body: method.object === 'image' ? imageListRequestFor(backend, call.body) : call.body,
      rpc: method.name,
      isMadeUp: isMadeUp(method, backends, call.message),
    });
    const ask = () =>
      askLegs(parts, call, backends, questionFor, (results) => answer(parts, call, method, results));
    if (method.setsMode) return whenServed(parts, call, backends, ask);
    if (!method.relabels) ask();
    else
      return parts.statistics.metricLabels.prepare(backends.filter((backend) => !backend.isAbsent)).then(ask);
  };
}

/** A list that sets the kubelet's mode. One backend that is there answers for itself. */
async function whenServed(
  { statistics: { podStats } }: ProxyParts,
  call: Call,
  backends: readonly Backend[],
  ask: () => void,
): Promise<void> {
  const [only] = backends;
  if (backends.length > 1) {
    const gap = await podStats.gapOf(backends);
    if (gap !== undefined) throw gap;
  } else if (only?.isAbsent && podStats.isLacking(only)) throw podStats.knownGapOf(backends);
  if (!call.isOver) ask();
}

/** Joins the results into the reply, or fails the call when one that must be there is missing. */
function answer(parts: ProxyParts, call: Call, method: ListMethod, results: readonly LegResult[]): void {
  const joined: Buffer[] = [];
  const memories: Buffer[] = [];
  const troubles: TroubleResult[] = [];
  let sizeBytes = 0;
  for (const result of results) {
    if (result.kind === 'trouble') {
      if (result.isRefusal || !mayLack(parts, method, result)) {
        const isBlocking = (one: LegResult) => one.kind === 'trouble' && !mayLack(parts, method, one);
        const blocking = results.filter(isBlocking) as TroubleResult[];
        failOn(parts, call, method, result, results.length, blocking);
        return;
      }
      troubles.push(result);
      continue;
    }
    if (result.memory !== undefined) memories.push(result.memory);
    for (const part of result.parts) {
      joined.push(part);
      sizeBytes += part.length;
    }
  }
  if (troubles.length === results.length) {
    if (troubles.length === 0) replyEmpty(call);
    else failWithout(parts, call, method, troubles);
    return;
  }
  for (const trouble of troubles)
    if (!isLacking(parts, method, trouble)) parts.metrics.leftOut(trouble.backend.name, method.name);
  const limitBytes = Math.min(parts.config.limits.messageSizeBytes, CLIENT_LIMIT_BYTES);
  parts.listSizes.see(method, sizeBytes, limitBytes);
  if (sizeBytes > limitBytes) throw tooLong(method, sizeBytes, limitBytes);
  const message = method.object === 'image' && results.length > 1 ? mergeImages(joined) : joined;
  reply(call, message, () => memories.forEach(releaseMemory));
}

/** Whether the reply may be given without this backend. */
function mayLack(parts: ProxyParts, method: ListMethod, result: TroubleResult): boolean {
  return isLacking(parts, method, result)
    ? method.whenUnimplemented === 'skip'
    : method.whenBackendAbsent === 'partial';
}

/**
 * A list of one backend ends as that ended it. So does any that is UNIMPLEMENTED somewhere, for that has a meaning of
 * its own to the kubelet (it changes its mode), or whose filter is refused. Otherwise the list is not complete.
 */
function failOn(
  parts: ProxyParts,
  call: Call,
  method: ListMethod,
  result: TroubleResult,
  backends: number,
  troubles: readonly TroubleResult[] = [result],
): void {
  const { backend, outcome, isRefusal } = result;
  const error = outcome.kind === 'failed' ? outcome.error : undefined;
  const isOwn = backends === 1 || isRefusal || isLacking(parts, method, result);
  if (outcome.kind === 'status' && isOwn) replyWith(call, backend, outcome);
  else if (error instanceof MessageTooLargeError) call.fail(partTooLong(method, backend, error));
  else if (backends === 1 && error !== undefined) call.fail(error);
  else call.fail(incomplete(call.rpc, method, troubles));
}

/**
 * Nobody has anything to give. UNIMPLEMENTED only if all are known to lack the RPC, those that are absent too: otherwise
 * it would depend on who is away. An empty list would say that nothing runs.
 */
function failWithout(
  parts: ProxyParts,
  call: Call,
  method: ListMethod,
  troubles: readonly TroubleResult[],
): void {
  const [first] = troubles;
  const able = troubles.filter((trouble) => !isLacking(parts, method, trouble));
  const said = troubles.find(({ outcome }) => outcome.kind === 'status');
  if (able.length === 0 && said === undefined)
    call.fail(new UnimplementedError(`no backend has ${method.name}`));
  else if (first !== undefined && (troubles.length === 1 || able.length === 0))
    failOn(parts, call, method, said ?? first, troubles.length);
  else call.fail(nobodyAnswers(method.name, able));
}

/** Whether the backend has no such RPC: it says so, or has said so when it was there. */
function isLacking(parts: ProxyParts, method: ListMethod, { backend, outcome }: TroubleResult): boolean {
  return lacksRpc(outcome) || (method.relabels && parts.statistics.metricLabels.isLacking(backend));
}
