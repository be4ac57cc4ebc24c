// CreateContainer: goes to the backend of its pod sandbox, if that isolates it, and its id is on record before the reply.
import type { Backend } from '../../backends/backend.ts';
import { changesOfOwned, lossesOf } from '../../backends/snapshot-change.ts';
import type { OwnedMethod } from '../../cri/methods.ts';
import { readMap, readString } from '../../cri/wire.ts';
import { recordContainer } from '../../ledger/new-ids.ts';
import type { Call } from '../call.ts';
import { collect, isUntouched, replyWith } from '../collect.ts';
import { guard, meet } from '../guard.ts';
import type { ProxyParts } from '../parts.ts';

/** CreateContainerRequest.config. */
const CONTAINER_CONFIG = [2];
/** In CreateContainerRequest: the annotations of the pod as it is now. */
const POD_ANNOTATIONS = [3, 7];

/** A container goes to no runtime that would ignore what isolates it. */
export async function makeContainer(
  parts: ProxyParts,
  call: Call,
  method: OwnedMethod,
  owner: Backend,
  sandboxId: string,
): Promise<void> {
  if (owner.state.kind === 'connecting') await meet(call, owner);
  if (owner.isAbsent) throw owner.absenceError();
  const { message } = call;
  await guard(parts, call, owner, { makes: 'container', message, configPath: CONTAINER_CONFIG });
  if (!call.isOver) createContainer(parts, call, method, owner, sandboxId);
}

/** The new id is on record before the client can use it. A lost answer is found again by listing the backend. */
function createContainer(
  parts: ProxyParts,
  call: Call,
  method: OwnedMethod,
  owner: Backend,
  sandboxId: string,
): void {
  const { ledger, census, imageMemory, config, clock } = parts;
  const { message: request } = call;
  // They may be new to us, after a restart or an edit; the next look-up of an image has nothing else.
  imageMemory.rememberPod(readMap(request, 0, request.length, POD_ANNOTATIONS), owner);
  let isKnown = false;
  call.onLeave(() => {
    if (isKnown) return;
    owner.snapshot.change(...lossesOf(method));
    void census.take(owner);
  });
  const options = { body: call.body, limitBytes: config.limits.messageSizeBytes, isRetryable: false };
  collect(call, owner, options, (outcome) => {
    if (outcome.kind === 'answered' && method.newContainerIdPath !== undefined) {
      const { message } = outcome;
      const id = readString(message, 0, message.length, method.newContainerIdPath);
      if (id !== undefined) recordContainer(ledger, owner, id, sandboxId);
      owner.snapshot.change(...changesOfOwned(method, sandboxId, call.message, message, clock.wallMs()));
    }
    parts.record();
    isKnown = isUntouched(outcome);
    replyWith(call, owner, outcome);
  });
}
