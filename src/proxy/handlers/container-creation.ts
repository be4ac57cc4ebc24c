// CreateContainer: goes to the backend of its pod sandbox, if that isolates it, and its id is on record before the reply.
import type { Backend } from '../../backends/backend.ts';
import { changesOfOwned, lossesOf } from '../../backends/snapshot-change.ts';
import type { OwnedMethod } from '../../cri/methods.ts';
import { readString } from '../../cri/wire.ts';
import { PREFIX_BYTES } from '../../grpc/message.ts';
import { recordContainer } from '../../ledger/new-ids.ts';
import type { Call } from '../call.ts';
import { collect, isUntouched, replyWith } from '../collect.ts';
import { containerRequestFor } from '../container-image.ts';
import { guard, meet } from '../guard.ts';
import type { ProxyParts } from '../parts.ts';

/** CreateContainerRequest.config. */
const CONTAINER_CONFIG = [2];

/** A container goes to no runtime that would ignore what isolates it, and has nothing of another backend's image. */
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
  if (call.isOver) return;
  const body = await containerRequestFor(parts, call, owner);
  if (!call.isOver) createContainer(parts, call, method, owner, sandboxId, body);
}

/** The new id is on record before the client can use it. A lost answer is found again by listing the backend. */
function createContainer(
  parts: ProxyParts,
  call: Call,
  method: OwnedMethod,
  owner: Backend,
  sandboxId: string,
  body: Buffer,
): void {
  const { ledger, census, config, clock } = parts;
  let isKnown = false;
  call.onLeave(() => {
    if (isKnown) return;
    owner.snapshot.change(...lossesOf(method));
    void census.take(owner);
  });
  const options = { body, limitBytes: config.limits.messageSizeBytes, isRetryable: false };
  collect(call, owner, options, (outcome) => {
    if (outcome.kind === 'answered' && method.newContainerIdPath !== undefined) {
      const { message } = outcome;
      const id = readString(message, 0, message.length, method.newContainerIdPath);
      if (id !== undefined) recordContainer(ledger, owner, id, sandboxId);
      const request = body.subarray(PREFIX_BYTES);
      owner.snapshot.change(...changesOfOwned(method, sandboxId, request, message, clock.wallMs()));
    }
    parts.record();
    isKnown = isUntouched(outcome);
    replyWith(call, owner, outcome);
  });
}
