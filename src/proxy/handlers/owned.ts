// Calls about one pod sandbox or container: to its owner, found in the ledger or by asking every backend.
import type { Backend } from '../../backends/backend.ts';
import { changesOfOwned, lossesOf } from '../../backends/snapshot-change.ts';
import { momentOf } from '../../clock.ts';
import type { OwnedMethod } from '../../cri/methods.ts';
import { findString, readString } from '../../cri/wire.ts';
import { found } from '../../cri/wire-locate.ts';
import { MalformedMessageError, UnknownIdError } from '../../errors.ts';
import { PREFIX_BYTES } from '../../grpc/message.ts';
import { STATUS } from '../../grpc/status.ts';
import { excerpt } from '../../quote.ts';
import type { Call } from '../call.ts';
import { collect, isUntouched, replyWith } from '../collect.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { type RelayOptions, relay } from '../relay.ts';
import { replyEmpty } from '../replies.ts';
import { replyWithUrl } from '../stream-reply.ts';
import { makeContainer } from './container-creation.ts';
import { relayOptions, relayOwned } from './owned-relay.ts';
import { gapFor, mendStats, mustMend } from './owned-stats.ts';

export function ownedHandler(parts: ProxyParts): Handler<OwnedMethod> {
  const { ledger, locator } = parts;

  const optionsOf = relayOptions(parts);

  return (call, method) => {
    const { buffer, start, end } = call.request;
    if (isPlain(method) && findString(buffer, start + PREFIX_BYTES, end, method.idPath)) {
      const owner = ledger.ownerOfBytes(method.object, buffer, found.start, found.end);
      if (owner !== undefined && !owner.isAbsent && !mustMend(parts, method, owner)) {
        relay(call, owner, optionsOf(method));
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
      return forward(parts, call, method, owner, id, optionsOf(method));
    }
    return locator.locate(method.object, id).then((location) => {
      if (call.isOver) return;
      switch (location.kind) {
        case 'owned':
          return forward(parts, call, method, location.backend, location.id, optionsOf(method));
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
  options: RelayOptions,
): void | Promise<void> {
  if (owner.isAbsent) {
    if (options.keeper?.answer(call, owner) || isStopped(parts, call, method, owner, id)) return;
    // At once, before anything is noted of a call that will not be made.
    throw gapFor(parts, method, [owner]) ?? owner.absenceError();
  }
  call.backendName = owner.name;
  if (method.newContainerIdPath !== undefined) return makeContainer(parts, call, method, owner, id);
  else if (method.stream !== undefined) replyWithUrl(parts, call, method.stream, owner);
  else if (method.whenAbsent === 'ok') endObject(parts, call, method, owner, id);
  else if (mustMend(parts, method, owner)) mendStats(parts, call, method, owner);
  else relayOwned(parts, call, method, owner, id, options);
}

/**
 * Answers a stop of what is known to have ended: it changes nothing. A kubelet stops all sandboxes of a pod before it
 * deletes it, also a dead one that the pod has beside that on another backend.
 */
function isStopped(parts: ProxyParts, call: Call, method: OwnedMethod, owner: Backend, id: string): boolean {
  const { clock, metrics } = parts;
  if (method.effect !== 'stop-sandbox' && method.effect !== 'stop-container') return false;
  if (!owner.snapshot.statuses.hasEnded(method.object, id, momentOf(clock))) return false;
  call.backendName = owner.name;
  metrics.snapshotAnswered(owner.name, method.name);
  replyEmpty(call);
  return true;
}

const NOTHING = new Uint8Array(0);

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
