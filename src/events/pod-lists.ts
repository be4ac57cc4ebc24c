// A backend's lists of pod sandboxes and containers as the event ledger wants them: ids, where they belong, how far they
// are. Records are read where they lie; nothing here keeps the lists.
import { type ListMethod, methodNamed } from '../cri/methods.ts';
import { encodeField, forEachRecord, type Path, readString, readVarint } from '../cri/wire.ts';
import { field, readField } from '../cri/wire-field.ts';

/** How far an object is in its life: the numbers of ContainerEventType, each of which tells that it got there. */
export const STAGE = { created: 0, started: 1, stopped: 2, deleted: 3 } as const;
export type Stage = (typeof STAGE)[keyof typeof STAGE];

export interface ListedSandbox {
  readonly id: string;
  /** The pod's UID. */
  readonly uid: string;
  readonly stage: Stage;
  /** Nanoseconds since the epoch, as exact as a number is: to tell which sandbox of a pod is the newest. */
  readonly createdAtNs: number;
  /** A PodSandboxStatus made of what the list says; copied out of it. */
  status(): Buffer;
}

export interface ListedContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly stage: Stage;
}

/** Both lists of one backend, in full, begun at the same time. */
export interface PodLists {
  readonly sandboxes: readonly ListedSandbox[];
  readonly containers: readonly ListedContainer[];
}

const CREATED_AT: Path = [4];
/** State in a list to stage; a container in state UNKNOWN exists, and more is not known. */
const SANDBOX_STAGES: readonly Stage[] = [STAGE.started, STAGE.stopped];
const CONTAINER_STAGES: readonly Stage[] = [STAGE.created, STAGE.started, STAGE.stopped, STAGE.created];

/** Reads a reply of ListPodSandbox, which is kept. Throws MalformedMessageError. */
export function readSandboxes(list: Uint8Array): ListedSandbox[] {
  const { recordIdPath, record } = methodNamed('ListPodSandbox') as ListMethod;
  return recordsOf(list).map(([start, end]) => ({
    id: readString(list, start, end, recordIdPath) ?? '',
    uid: (record?.uid && readString(list, start, end, record.uid)) ?? '',
    stage: stageAt(SANDBOX_STAGES, list, start, end, record?.state),
    createdAtNs: readVarint(list, start, end, CREATED_AT) ?? 0,
    status: () => statusOf(list.subarray(start, end)),
  }));
}

/** Reads a reply of ListContainers. Throws MalformedMessageError. */
export function readContainers(list: Uint8Array): ListedContainer[] {
  const { recordIdPath, record } = methodNamed('ListContainers') as ListMethod;
  return recordsOf(list).map(([start, end]) => ({
    id: readString(list, start, end, recordIdPath) ?? '',
    sandboxId: (record?.sandboxId && readString(list, start, end, record.sandboxId)) ?? '',
    stage: stageAt(CONTAINER_STAGES, list, start, end, record?.state),
  }));
}

function recordsOf(list: Uint8Array): [start: number, end: number][] {
  const records: [number, number][] = [];
  forEachRecord(list, 0, list.length, 1, (_, start, end) => records.push([start, end]));
  return records;
}

function stageAt(
  stages: readonly Stage[],
  list: Uint8Array,
  start: number,
  end: number,
  path: Path | undefined,
): Stage {
  const state = (path && readVarint(list, start, end, path)) ?? 0;
  return stages[state] ?? STAGE.created;
}

/** PodSandbox to PodSandboxStatus: id, metadata, state and created_at have the same numbers in both. */
const LAST_SAME_NUMBER = 4;
/** labels, annotations and runtime_handler come two later, after network and linux. */
const LAST_SHIFTED_NUMBER = 7;

function statusOf(record: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < record.length; ) {
    const start = at;
    at = readField(record, at, record.length);
    const { number, bodyStart, bodyEnd } = field;
    if (number <= LAST_SAME_NUMBER) parts.push(record.subarray(start, at));
    else if (number <= LAST_SHIFTED_NUMBER)
      parts.push(encodeField(number + 2, record.subarray(bodyStart, bodyEnd)));
  }
  return Buffer.concat(parts);
}
