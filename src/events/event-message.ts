// ContainerEventResponse: what is read of a backend's own, and how one is made.
import { encodeField, forEachRecord, readBytes, readString, readStrings, readVarint } from '../cri/wire.ts';
import { encodeNanoseconds, encodeNumber, encodeText } from '../cri/wire-writer.ts';
import { STAGE, type Stage } from './pod-lists.ts';

const CONTAINER_ID = 1;
const TYPE = 2;
const CREATED_AT = 3;
const SANDBOX_STATUS = 4;
const CONTAINER_STATUSES = 5;
/** In PodSandboxStatus and ContainerStatus. */
const STATE = 3;
const RUNNING = 1;
const NOT_READY = 1;
/** By their number on the wire. */
const STAGES: readonly Stage[] = [STAGE.created, STAGE.started, STAGE.stopped, STAGE.deleted];

/** An event as a backend sent it. */
export interface NativeEvent {
  /** The message itself, whole. */
  readonly message: Buffer;
  /** Of a container, or of the sandbox. */
  readonly id: string;
  /** Undefined for a type that is newer than Switchyard. */
  readonly stage: Stage | undefined;
  /** Milliseconds since the epoch, with fractions. */
  readonly createdAtMs: number;
  /** The pod; undefined without metadata: a kubelet drops such an event. */
  readonly pod: EventPod | undefined;
  /** The containers whose status it carries. */
  readonly containerIds: readonly string[];
  /** A ContainerStatus each: views of the message. */
  readonly containerStatuses: readonly Buffer[];
  /** How many of them run. */
  readonly runningCount: number;
}

export interface EventPod {
  readonly sandboxId: string;
  readonly uid: string;
  readonly createdAtNs: number;
  /** The PodSandboxStatus. */
  readonly status: Buffer;
}

/** Reads an event; the message is kept. Throws MalformedMessageError. */
export function readEvent(message: Buffer): NativeEvent {
  const end = message.length;
  return {
    message,
    id: readString(message, 0, end, [CONTAINER_ID]) ?? '',
    stage: STAGES[readVarint(message, 0, end, [TYPE]) ?? 0],
    createdAtMs: (readVarint(message, 0, end, [CREATED_AT]) ?? 0) / 1e6,
    pod: readPod(message),
    containerIds: readStrings(message, 0, end, [CONTAINER_STATUSES, 1]),
    containerStatuses: statusesIn(message),
    runningCount: countRunning(message),
  };
}

function readPod(message: Buffer): EventPod | undefined {
  const end = message.length;
  const status = readBytes(message, 0, end, [SANDBOX_STATUS]);
  if (status === undefined || readBytes(message, 0, end, [SANDBOX_STATUS, 2]) === undefined) return undefined;
  return {
    sandboxId: readString(message, 0, end, [SANDBOX_STATUS, 1]) ?? '',
    uid: readString(message, 0, end, [SANDBOX_STATUS, 2, 2]) ?? '',
    createdAtNs: readVarint(message, 0, end, [SANDBOX_STATUS, 4]) ?? 0,
    status: Buffer.from(status),
  };
}

function statusesIn(message: Buffer): Buffer[] {
  const statuses: Buffer[] = [];
  forEachRecord(message, 0, message.length, CONTAINER_STATUSES, (_, start, end) =>
    statuses.push(message.subarray(start, end)),
  );
  return statuses;
}

function countRunning(message: Buffer): number {
  let count = 0;
  forEachRecord(message, 0, message.length, CONTAINER_STATUSES, (_, start, end) => {
    if (readVarint(message, start, end, [STATE]) === RUNNING) count++;
  });
  return count;
}

/** What an event of our own says. */
export interface MadeEvent {
  readonly id: string;
  readonly stage: Stage;
  readonly createdAtMs: number;
  /** A PodSandboxStatus. */
  readonly podStatus: Uint8Array;
  /** A ContainerStatus each. */
  readonly containerStatuses: readonly Uint8Array[];
}

export function writeEvent(event: MadeEvent): Buffer {
  return Buffer.concat([
    encodeText(CONTAINER_ID, event.id),
    encodeNumber(TYPE, event.stage),
    encodeNanoseconds(CREATED_AT, event.createdAtMs),
    encodeField(SANDBOX_STATUS, event.podStatus),
    ...event.containerStatuses.map((status) => encodeField(CONTAINER_STATUSES, status)),
  ]);
}

/** The PodSandboxStatus of a sandbox that is gone: whatever it was last, it is not ready. Of two states the later counts. */
export function asGone(podStatus: Uint8Array): Buffer {
  return Buffer.concat([podStatus, encodeNumber(STATE, NOT_READY)]);
}
