// Most calls about one object go to its owner as they are, and the answer comes back as it comes. What is noted on the way.
import type { Backend } from '../../backends/backend.ts';
import { changesOfOwned, lossesOf } from '../../backends/snapshot-change.ts';
import type { OwnedMethod } from '../../cri/methods.ts';
import { readString } from '../../cri/wire.ts';
import { STATUS } from '../../grpc/status.ts';
import type { Call } from '../call.ts';
import type { ProxyParts } from '../parts.ts';
import { type RelayOptions, relay } from '../relay.ts';
import { StatusKeeper } from '../status-keeper.ts';

const NOTHING = new Uint8Array(0);

/** How the calls of a method are relayed: made once, for there is one of these for every call of a kubelet. */
export function relayOptions(parts: ProxyParts): (method: OwnedMethod) => RelayOptions {
  const limitBytes = parts.config.limits.messageSizeBytes;
  const changeOnce: RelayOptions = { isRetryable: false, limitBytes };
  const changeTwice: RelayOptions = { isRetryable: true, limitBytes };
  const readOnce: RelayOptions = { ...changeOnce, hangPatienceMs: 0 };
  const readTwice: RelayOptions = { ...changeTwice, hangPatienceMs: 0 };
  const kept: Readonly<Record<OwnedMethod['object'], RelayOptions>> = {
    sandbox: { ...readTwice, keeper: new StatusKeeper(parts, 'sandbox') },
    container: { ...readTwice, keeper: new StatusKeeper(parts, 'container') },
  };
  return ({ isKept, object, changesState, retry }) => {
    if (isKept) return kept[object];
    if (changesState) return retry === 'once' ? changeTwice : changeOnce;
    return retry === 'once' ? readTwice : readOnce;
  };
}

/** Relays a call. Its status is noted before the client sees it. */
export function relayOwned(
  parts: ProxyParts,
  call: Call,
  method: OwnedMethod,
  owner: Backend,
  id: string,
  options: RelayOptions,
): void {
  if (method.effect === undefined) {
    const note = noteOf(parts, call, method, owner, id);
    relay(call, owner, note === undefined ? options : { ...options, ...watched(call, note) });
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
    owner.snapshot.change(...changesOfOwned(method, id, call.message, NOTHING, parts.clock.wallMs()));
    parts.record();
  };
  relay(call, owner, { ...options, onStatus, onUntouched });
}

/** What is noted of a call before its client knows the outcome; `undefined`: of the code of one that nobody knows. */
type Note = (code: number | undefined) => void;

/** Calls `note`, unless the backend has surely done nothing. */
function watched(call: Call, note: Note): Pick<RelayOptions, 'onStatus' | 'onUntouched'> {
  let isKnown = false;
  const onUntouched = () => {
    isKnown = true;
  };
  call.onLeave(() => {
    if (!isKnown) note(undefined);
  });
  return { onStatus: note, onUntouched };
}

/** What there is to note of a call that changes neither lists nor states. */
function noteOf(
  parts: ProxyParts,
  call: Call,
  method: OwnedMethod,
  owner: Backend,
  id: string,
): Note | undefined {
  const { checkpoints, record } = parts;
  const { checkpointPath, changesField } = method;
  const { message } = call;
  if (changesField !== undefined)
    // Also after an error: it may have been carried out in part.
    return () => owner.snapshot.statuses.leaveOut(method.object, id, changesField);
  if (checkpointPath === undefined) return undefined;
  return (code) => {
    if (code !== undefined && code !== STATUS.OK) return;
    const path = readString(message, 0, message.length, checkpointPath) ?? '';
    // It may be there now, or still the one that was there before.
    if (code === undefined) checkpoints.doubt(path, owner);
    else checkpoints.add(path, owner);
    record();
  };
}
