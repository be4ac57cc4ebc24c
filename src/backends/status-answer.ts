// The status that an absent backend would give of one of its objects, as far as is known: the last one it gave, with what
// lists and calls have shown since, or else what the list says of the object. Pure.
import { readString, readVarint } from '../cri/wire.ts';
import { field, LENGTH_DELIMITED, readField, VARINT } from '../cri/wire-field.ts';
import { encodeMessage, encodeNanoseconds, encodeNumber, encodeText } from '../cri/wire-writer.ts';
import { CONTAINER_STATE, SANDBOX_STATE } from './snapshot-record.ts';
import type { RecordEnd } from './snapshot-view.ts';
import type { KeptStatus, StatusObject } from './status-memory.ts';
import { isStub } from './status-stub.ts';

/** What the lists of the snapshot show of an object, with all changes since. */
export interface Listed {
  /** The body of its record. */
  readonly record: Uint8Array;
  /** When the list was asked for, in milliseconds since the Unix epoch. */
  readonly listedAtMs: number;
  /** What changes after the list did to it. */
  readonly end: RecordEnd;
  /**
   * The list was surely asked for after the last status was given. Then its state counts, also where that is the earlier
   * one: somebody started the container again behind our back. Else the later state does.
   */
  readonly isNewer: boolean;
  /**
   * The list came in this life of Switchyard. Over a restart no clock tells which came later, the list or the status; but
   * the changes of the list do: each end that a status showed is one of them, unless a list that began later lacks it.
   */
  readonly isOfThisLife: boolean;
}

type Numbers = readonly (readonly [from: number, to: number])[];

/** In a Container and a PodSandbox of a list. */
const LISTED_STATE: Readonly<Record<StatusObject, number>> = { sandbox: 3, container: 6 };
/** From there to the status: what a kept status has no copy of, and then all else. */
const LABELS: Readonly<Record<StatusObject, Numbers>> = {
  sandbox: [
    [5, 7],
    [6, 8],
  ],
  container: [
    [8, 12],
    [9, 13],
  ],
};
const REST: Readonly<Record<StatusObject, Numbers>> = {
  sandbox: [
    [1, 1],
    [2, 2],
    [4, 4],
    [7, 9],
  ],
  container: [
    [1, 1],
    [3, 2],
    [7, 4],
    [4, 8],
    [5, 9],
    [10, 17],
  ],
};
/** Without these a kubelet takes a status for broken (cri-client, utils.go). Texts; created_at is a number. */
const NEEDED: Readonly<Record<StatusObject, readonly (readonly number[])[]>> = {
  sandbox: [[1], [2, 1], [2, 2], [2, 3]],
  container: [[1], [2, 1], [8, 1], [9]],
};

/** In both statuses. */
const STATE = 3;
const CREATED_AT = 4;
/** In ContainerStatus. */
const STARTED_AT = 5;
const FINISHED_AT = 6;
const EXIT_CODE = 7;
const REASON = 10;
const MESSAGE = 11;
const END: readonly number[] = [FINISHED_AT, EXIT_CODE, REASON, MESSAGE];

/** What runtimes say of a container whose end nobody has seen. */
const EXIT = { code: 255, reason: 'Unknown' } as const;
/**
 * So long an absent backend is waited for where it alone knows how a container ended. A made-up exit is taken for the real
 * one for ever: a kubelet reads it once, and takes a Job that succeeded for failed. An error makes it ask again, but also
 * stops its collection of images, so that does not go on for ever.
 */
export const EXIT_WAIT_MS = 10 * 60_000;
/** In the replies of both RPCs. */
const REPLY_STATUS = 1;
const { created, exited } = CONTAINER_STATE;
/** By state: what is lower was before what is higher. A container of unknown state may be found running again. */
const RANKS: Readonly<Record<StatusObject, readonly number[]>> = { sandbox: [0, 1], container: [0, 1, 2, 1] };

/** The reply of PodSandboxStatus; undefined when too little is known. */
export function sandboxReply(kept: KeptStatus | undefined, listed: Listed): Buffer | undefined {
  const state = sandboxState(kept, listed);
  // Its network is not in the lists, and a kubelet that sees a ready sandbox without address, or in another network
  // namespace than its pod asks for, kills the pod and runs it again (kuberuntime, PodSandboxChanged).
  if (state === SANDBOX_STATE.ready && (kept === undefined || isStub(kept.status))) return undefined;
  const base = baseOf('sandbox', kept, listed);
  return base && reply([...without(base, [STATE]), encodeNumber(STATE, state)], 'sandbox', listed);
}

/** The reply of ContainerStatus; undefined when too little is known. `absentMs`: how long its backend has been absent. */
export function containerReply(
  kept: KeptStatus | undefined,
  listed: Listed,
  absentMs: number,
): Buffer | undefined {
  const state = containerState(kept, listed);
  const base = baseOf('container', kept, listed);
  if (base === undefined) return undefined;
  if (kept !== undefined && state === stateIn(base)) return reply([base], 'container', listed);
  if (state === exited && listed.end === 'none' && absentMs < EXIT_WAIT_MS) return undefined;
  const startedAtMs = timeIn(base, STARTED_AT);
  const parts = without(base, [STATE, ...END]);
  if (state !== created && startedAtMs === 0) parts.push(...retagged(base, [[CREATED_AT, STARTED_AT]]));
  parts.push(encodeNumber(STATE, state));
  if (state === exited) {
    const lastMs = Math.max(
      listed.end === 'ended' ? listed.listedAtMs : 0,
      kept?.given.wallMs ?? 0,
      startedAtMs || timeIn(base, CREATED_AT),
    );
    // After the last moment on record at which it was alive: later than its start, and the same in every answer.
    parts.push(encodeNanoseconds(FINISHED_AT, Math.round(lastMs) + 1));
    parts.push(encodeNumber(EXIT_CODE, EXIT.code), encodeText(REASON, EXIT.reason));
  }
  return reply(parts, 'container', listed);
}

/** Whether an object had the first state before the second, so that a status that shows it is the older one. */
export function isEarlier(object: StatusObject, state: number, than: number): boolean {
  const [rank = 0, other = 0] = [RANKS[object][state], RANKS[object][than]];
  return rank < other;
}

/** The state in a record of a list. */
export function listedState(object: StatusObject, record: Uint8Array): number {
  return stateIn(record, LISTED_STATE[object]);
}

/** READY or NOTREADY: what is not ready will not be again. */
export function sandboxState(kept: KeptStatus | undefined, listed: Listed): number {
  const { record, isNewer, isOfThisLife } = listed;
  const inList = listedState('sandbox', record);
  if (kept === undefined || isNewer || !isOfThisLife) return inList;
  return Math.max(stateIn(kept.status), inList);
}

/** The state of a container that comes last of those that were seen. */
export function containerState(kept: KeptStatus | undefined, listed: Listed): number {
  const { record, isNewer, isOfThisLife, end } = listed;
  const inList = listedState('container', record);
  if (kept === undefined || isNewer) return inList;
  const keptState = stateIn(kept.status);
  if (keptState === inList || isEarlier('container', keptState, inList)) return inList;
  if (end !== 'none') return exited;
  const isLater = isEarlier('container', inList, keptState);
  return isOfThisLife || (isLater && keptState !== exited) ? keptState : inList;
}

/** The kept status, or one made of the record and the stub; undefined when that lacks what every status has. */
function baseOf(object: StatusObject, kept: KeptStatus | undefined, { record }: Listed): Buffer | undefined {
  if (kept !== undefined && !isStub(kept.status)) return kept.status;
  const made = Buffer.concat([
    ...retagged(record, REST[object]),
    ...(kept === undefined ? [] : [kept.status]),
  ]);
  const isWhole = NEEDED[object].every((path) => (readString(made, 0, made.length, path) ?? '') !== '');
  return isWhole && timeIn(made, CREATED_AT) > 0 ? made : undefined;
}

function reply(parts: readonly Uint8Array[], object: StatusObject, { record }: Listed): Buffer {
  return Buffer.from(encodeMessage(REPLY_STATUS, ...parts, ...retagged(record, LABELS[object])));
}

/** The state in a status, or in another message's field. */
export function stateIn(message: Uint8Array, number = STATE): number {
  return readVarint(message, 0, message.length, [number]) ?? 0;
}

/** In milliseconds since the Unix epoch; 0 when it is not there. */
function timeIn(status: Uint8Array, number: number): number {
  return (readVarint(status, 0, status.length, [number]) ?? 0) / 1e6;
}

/** The fields of a message but for some. */
function without(message: Uint8Array, numbers: readonly number[]): Uint8Array[] {
  const kept: Uint8Array[] = [];
  for (let at = 0; at < message.length; ) {
    const start = at;
    at = readField(message, at, message.length);
    if (!numbers.includes(field.number)) kept.push(message.subarray(start, at));
  }
  return kept;
}

/** Some fields of a message under other numbers, their bodies as they are: a time has more digits than a number here. */
function retagged(message: Uint8Array, numbers: Numbers): Uint8Array[] {
  const moved: Uint8Array[] = [];
  for (let at = 0; at < message.length; ) {
    at = readField(message, at, message.length);
    const { number, wireType, bodyStart, bodyEnd } = field;
    const to = numbers.find(([from]) => from === number)?.[1];
    if (to === undefined) continue;
    const body = message.subarray(bodyStart, bodyEnd);
    if (wireType === LENGTH_DELIMITED) moved.push(encodeMessage(to, body));
    else if (wireType === VARINT) moved.push(tagOf(to), body);
  }
  return moved;
}

/** The tag of a varint field; numbers up to 2047 have one or two bytes. */
function tagOf(number: number): Uint8Array {
  const tag = number * 8 + VARINT;
  return Uint8Array.from(tag < 0x80 ? [tag] : [(tag & 0x7f) | 0x80, tag >> 7]);
}
