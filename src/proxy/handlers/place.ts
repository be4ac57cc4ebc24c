// RunPodSandbox and RestorePod: the only calls that choose a backend. What they create is on record, in the ledger,
// before the client can name it.
import type { Backend } from '../../backends/backend.ts';
import { changesOfPlace, lossesOf } from '../../backends/snapshot-change.ts';
import type { PlaceMethod } from '../../cri/methods.ts';
import { readString, readStrings, replaceString } from '../../cri/wire.ts';
import { framed, PREFIX_BYTES } from '../../grpc/message.ts';
import { recordContainer, recordSandbox } from '../../ledger/new-ids.ts';
import { type PodAttributes, readAttributes } from '../../routing/attributes.ts';
import type { Call } from '../call.ts';
import { collect, isUntouched, replyWith } from '../collect.ts';
import { guard, meet } from '../guard.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { choose, type Placement, type Refusal } from '../placement.ts';

export function placeHandler(parts: ProxyParts): Handler<PlaceMethod> {
  const { census, metrics, cgroupDrivers } = parts;
  // Right after a start the ledger may not know yet where a pod already lives, nor does anybody know whether a backend
  // that has just come back still fits the kubelet.
  const settle = async () => {
    if (!census.isSettled || !cgroupDrivers.isSettled)
      await Promise.all([census.settle(), cgroupDrivers.settle()]);
  };

  return async (call, method) => {
    const pod = readAttributes(call.message, method.configPath, method.handlerPath);
    const checkpoint =
      method.checkpointPath && readString(call.message, 0, call.message.length, method.checkpointPath);
    call.pod = { namespace: pod.namespace, name: pod.name, uid: pod.uid };
    await settle();
    if (call.isOver) return;
    let choice = choose(parts, pod, checkpoint);
    if (choice.kind === 'placed' && choice.backend.state.kind === 'connecting') {
      await meet(call, choice.backend);
      await settle();
      if (call.isOver) return;
      choice = choose(parts, pod, checkpoint);
    }
    if (choice.kind === 'refused') throw refused(parts, call, choice);
    const body = bodyFor(call, method, pod, choice);
    if (!choice.backend.isAbsent) {
      const message = body.subarray(PREFIX_BYTES);
      const { configPath, handlerPath } = method;
      const request = { makes: 'sandbox', message, configPath, handlerPath } as const;
      const check = guard(parts, call, choice.backend, request);
      // Waited for only when there is something to ask, so that a pod is pinned in the moment it is placed.
      if (check !== undefined) await check;
      if (call.isOver) return;
    }
    metrics.decision(choice.rule, choice.outcome);
    call.rule = choice.rule;
    if (choice.backend.isAbsent) throw choice.backend.absenceError();
    const mismatch = cgroupDrivers.mismatchOf(choice.backend);
    if (mismatch !== undefined) throw cgroupDrivers.refusal(choice.backend, mismatch);
    run(parts, call, method, pod, choice.backend, body);
  };
}

function refused({ metrics }: ProxyParts, call: Call, { rule, error }: Refusal): Error {
  metrics.decision(rule, 'refused');
  call.rule = rule;
  return error;
}

/** The client's request, with the handler that the backend knows. */
function bodyFor(call: Call, method: PlaceMethod, pod: PodAttributes, { handler }: Placement): Buffer {
  return handler === pod.handler
    ? call.body
    : framed(replaceString(call.message, method.handlerPath, handler));
}

function run(
  parts: ProxyParts,
  call: Call,
  method: PlaceMethod,
  pod: PodAttributes,
  backend: Backend,
  body: Buffer,
): void {
  const { config, placements, census, imageMemory, clock } = parts;
  const unpin = placements.pin(pod.uid, backend);
  // Should Switchyard die before the answer, the next run knows where the pod may be.
  parts.record();
  // The client leaves or the answer is lost: a fresh list shows whether there is a sandbox now. Until there is one the
  // pod stays with this backend.
  let isKnown = false;
  call.onLeave(() => {
    if (isKnown) return;
    backend.snapshot.change(...lossesOf(method));
    census.whenCounted(backend, unpin);
    void census.take(backend);
  });
  imageMemory.rememberPod(pod.annotations, backend);
  const options = { body, limitBytes: config.limits.messageSizeBytes, isRetryable: false };
  call.backendName = backend.name;
  collect(call, backend, options, (outcome) => {
    if (outcome.kind === 'answered') {
      record(parts, call, method, backend, pod.uid, outcome.message);
      const request = body.subarray(PREFIX_BYTES);
      backend.snapshot.change(...changesOfPlace(method, request, outcome.message, clock.wallMs()));
      parts.record();
    }
    isKnown = outcome.kind !== 'failed' || isUntouched(outcome);
    if (isKnown) unpin();
    replyWith(call, backend, outcome);
  });
}

function record(
  { ledger }: ProxyParts,
  call: Call,
  method: PlaceMethod,
  backend: Backend,
  podUid: string,
  reply: Buffer,
): void {
  const sandboxId = readString(reply, 0, reply.length, method.sandboxIdPath) ?? '';
  if (sandboxId === '') return;
  call.objectId = sandboxId;
  recordSandbox(ledger, backend, sandboxId, podUid);
  if (method.containerIdsPath === undefined) return;
  for (const id of readStrings(reply, 0, reply.length, method.containerIdsPath)) {
    recordContainer(ledger, backend, id, sandboxId);
  }
}
