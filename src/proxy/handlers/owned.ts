// Calls about one pod sandbox or container: to its owner, found in the ledger or by asking every backend.
import type { Backend } from '../../backends/backend.ts';
import { changesOfOwned, lossesOf } from '../../backends/snapshot-change.ts';
import { endsOnHang, type OwnedMethod } from '../../cri/methods.ts';
import { findString, readMap, readString } from '../../cri/wire.ts';
import { found } from '../../cri/wire-locate.ts';
import { BackendUnavailableError, MalformedMessageError, UnknownIdError } from '../../errors.ts';
import { PREFIX_BYTES } from '../../grpc/message.ts';
import { STATUS } from '../../grpc/status.ts';
import { recordContainer } from '../../ledger/new-ids.ts';
import { excerpt } from '../../quote.ts';
import type { Call } from '../call.ts';
import { collect, isUntouched, replyWith } from '../collect.ts';
import { guard, meet } from '../guard.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { type RelayOptions, relay } from '../relay.ts';
import { replyEmpty } from '../replies.ts';
import { replyWithUrl } from '../stream-reply.ts';
import { gapFor, mendStats, mustMend } from './owned-stats.ts';

export function ownedHandler(parts: ProxyParts): Handler<OwnedMethod> {
  const { ledger, locator } = parts;

  const limitBytes = parts.config.limits.messageSizeBytes;
  const passOnce: RelayOptions = { isRetryable: false, limitBytes, onHang: endHung };
  const passTwice: RelayOptions = { isRetryable: true, limitBytes, onHang: endHung };

  return (call, method) => {
    const { buffer, start, end } = call.request;
    if (isPlain(method) && findString(buffer, start + PREFIX_BYTES, end, method.idPath)) {
      const owner = ledger.ownerOfBytes(method.object, buffer, found.start, found.end);
      if (owner !== undefined && !owner.isAbsent && !mustMend(parts, method, owner)) {
        relay(call, owner, method.retry === 'once' ? passTwice : passOnce);
        return;
      }
    }
    const id = readString(buffer, start + PREFIX_BYTES, end, method.idPath);
    // An empty one is the same as none, and as a beginning it would fit every object.
    if (id === undefined || id === '') {
      throw (
        gapFor(parts, method) ??
        new MalformedMessageError(`${method.name} names no ${method.object}`, { hint: 'Give its id' })
      );
    }
    call.objectId = id;
    const owner = ledger.ownerOf(method.object, id);
    if (owner !== undefined) {
      return forward(parts, call, method, owner, id);
    }
    return locator.locate(method.object, id).then((location) => {
      if (call.isOver) return;
      switch (location.kind) {
        case 'owned':
          return forward(parts, call, method, location.backend, location.id);
        case 'absent':
          if (method.whenAbsent === 'ok') replyEmpty(call);
          else
            throw (
              gapFor(parts, method) ??
              new UnknownIdError(`${method.object} ${excerpt(id)} is on none of the backends`)
            );
          return;
        case 'undecided':
          throw gapFor(parts, method) ?? location.error;
        default:
          location satisfies never;
      }
    });
  };
}

/** A call that goes to its owner as it is, and back: nearly all. Nothing but the owner must be known of its id. */
function isPlain(method: OwnedMethod): boolean {
  return (
    !method.changesState &&
    method.effect === undefined &&
    method.stream === undefined &&
    method.newContainerIdPath === undefined &&
    method.whenAbsent !== 'ok'
  );
}

/** Sends the call to the owner; `id` is the whole id, also when the client gave only its beginning. */
function forward(
  parts: ProxyParts,
  call: Call,
  method: OwnedMethod,
  owner: Backend,
  id: string,
): void | Promise<void> {
  // At once, before anything is noted of a call that will not be made.
  if (owner.isAbsent) throw gapFor(parts, method, [owner]) ?? owner.absenceError();
  call.backendName = owner.name;
  if (method.newContainerIdPath !== undefined) return guardContainer(parts, call, method, owner, id);
  else if (method.stream !== undefined) replyWithUrl(parts, call, method.stream, owner);
  else if (method.whenAbsent === 'ok') endObject(parts, call, method, owner, id);
  else if (mustMend(parts, method, owner)) mendStats(parts, call, method, owner);
  else relayTo(parts, call, method, owner, id);
}

/** Most calls: the answer goes on as it comes. Its status is noted before the client sees it. */
function relayTo(parts: ProxyParts, call: Call, method: OwnedMethod, owner: Backend, id: string): void {
  const { clock, config } = parts;
  const options = {
    isRetryable: method.retry === 'once',
    limitBytes: config.limits.messageSizeBytes,
    ...(endsOnHang(method.name) && { onHang: endHung }),
  };
  if (method.effect === undefined) {
    const onStatus = noteCheckpoint(parts, call, method, owner);
    relay(call, owner, onStatus === undefined ? options : { ...options, onStatus });
    return;
  }
  let isKnown = false;
  const onUntouched = () => {
    isKnown = true;
  };
  call.onLeave(() => {
    if (!isKnown) owner.snapshot.change(...lossesOf(method));
  });
  const onStatus = (code: number) => {
    // An error may leave a state that is old here for a while; it makes and unmakes no object.
    if (code !== STATUS.OK) return;
    owner.snapshot.change(...changesOfOwned(method, id, call.message, NOTHING, clock.wallMs()));
    parts.record();
  };
  relay(call, owner, { ...options, onStatus, onUntouched });
}

/** A checkpoint is on record, with who wrote it, before the client knows that it is there. */
function noteCheckpoint(
  { checkpoints, record }: ProxyParts,
  { message }: Call,
  { checkpointPath }: OwnedMethod,
  owner: Backend,
): RelayOptions['onStatus'] {
  if (checkpointPath === undefined) return undefined;
  return (code) => {
    if (code !== STATUS.OK) return;
    checkpoints.add(readString(message, 0, message.length, checkpointPath) ?? '', owner);
    record();
  };
}

/**
 * The end of a call in flight whose owner turns out to hang: as if it had come a moment later. A reading call that can be
 * answered without its owner is answered here as it is in forward().
 */
function endHung(call: Call, error: BackendUnavailableError): void {
  const doubt = call.route?.method?.retry === 'once' ? '' : ', though it may still be carried out';
  const { message, hint, backends } = error;
  const text = `${call.rpc} is given up${doubt}: ${message}`;
  call.fail(new BackendUnavailableError(text, { hint, backends }));
}

const NOTHING = new Uint8Array(0);
/** CreateContainerRequest.config. */
const CONTAINER_CONFIG = [2];
/** In CreateContainerRequest: the annotations of the pod as it is now. */
const POD_ANNOTATIONS = [3, 7];

/** A container goes to no runtime that would ignore what isolates it. */
async function guardContainer(
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

/**
 * Stop and Remove: an object that its owner does not have is stopped and removed, whatever the runtime calls that.
 * Old containerds say NOT_FOUND; cri-dockerd has a plain error for a container that is gone, so its list decides.
 */
function endObject(parts: ProxyParts, call: Call, method: OwnedMethod, owner: Backend, id: string): void {
  const { config, locator, clock } = parts;
  const note = () =>
    owner.snapshot.change(...changesOfOwned(method, id, call.message, NOTHING, clock.wallMs()));
  let isKnown = false;
  call.onLeave(() => {
    if (!isKnown) owner.snapshot.change(...lossesOf(method));
  });
  const options = {
    body: call.body,
    limitBytes: config.limits.messageSizeBytes,
    isRetryable: method.retry === 'once',
  };
  collect(call, owner, options, async (outcome) => {
    const isGone =
      outcome.kind === 'status' &&
      (outcome.code === STATUS.NOT_FOUND ||
        (outcome.code === STATUS.UNKNOWN && (await locator.isGone(owner, method.object, id))));
    if (isGone) {
      note();
      forget(parts, method, id);
      parts.record();
      replyEmpty(call);
      return;
    }
    if (outcome.kind === 'answered') note();
    if (outcome.kind === 'answered' && method.effect?.startsWith('remove-')) forget(parts, method, id);
    parts.record();
    isKnown = isUntouched(outcome);
    replyWith(call, owner, outcome);
  });
}

function forget({ ledger, locator }: ProxyParts, method: OwnedMethod, id: string): void {
  if (method.object === 'sandbox') ledger.removeSandbox(id);
  else ledger.removeContainer(id);
  locator.noteRemoved(method.object, id);
}
