// What a call that passed through us changes in the lists of its backend, as plain values: a snapshot applies them, the
// journal keeps them. Made from the request and the reply of a call that the backend answered OK, or from one whose
// outcome nobody knows.
import type { Effect, OwnedMethod, PlaceMethod } from '../cri/methods.ts';
import { forEachRecord, readString } from '../cri/wire.ts';
import {
  bodyOf,
  containerNameOf,
  containerRecord,
  nameOnlyConfig,
  sandboxRecord,
} from './snapshot-record.ts';

/** The lists that a snapshot holds. */
export const SNAPSHOT_LISTS = ['ListPodSandbox', 'ListContainers', 'ListImages'] as const;
export type SnapshotList = (typeof SNAPSHOT_LISTS)[number];

/** One change. Ids are whole ids; records are list records with tag and length. */
export type SnapshotChange =
  | { readonly kind: 'run-sandbox'; readonly id: string; readonly record: Buffer }
  | {
      readonly kind: 'create-container';
      readonly id: string;
      readonly sandboxId: string;
      readonly record: Buffer;
    }
  | { readonly kind: Exclude<Effect, 'create-container'>; readonly id: string }
  /** A status or an event has shown that it ended, by whatever: its owner knows how. What is in the sandbox may go on. */
  | { readonly kind: 'exit-sandbox' | 'exit-container'; readonly id: string }
  /** The node was started anew: nothing runs any more. */
  | { readonly kind: 'end-all' }
  /** Something happened to this list that nobody can say for certain. */
  | { readonly kind: 'lose'; readonly list: SnapshotList };

/**
 * What a RunPodSandbox or RestorePod did. `request` is the message as the backend got it, with the handler under the
 * backend's own name. Throws MalformedMessageError when request or reply do not parse.
 */
export function changesOfPlace(
  method: PlaceMethod,
  request: Uint8Array,
  reply: Uint8Array,
  createdAtMs: number,
): SnapshotChange[] {
  const id = readString(reply, 0, reply.length, method.sandboxIdPath) ?? '';
  if (id === '') return lossesOf(method);
  const config = bodyOf(request, method.configPath[0] as number);
  const handler = readString(request, 0, request.length, method.handlerPath) ?? '';
  const record = sandboxRecord({ id, createdAtMs }, config, handler);
  const changes: SnapshotChange[] = [{ kind: 'run-sandbox', id, record }];
  if (method.containerIdsPath === undefined) return changes;
  changes.push(...restoredContainers(id, request, reply, createdAtMs));
  // In which state they come back is the runtime's affair.
  changes.push({ kind: 'lose', list: 'ListContainers' });
  return changes;
}

/**
 * What a call to an owner did; nothing for most calls. `id` is the whole id of the object, where a client may have sent
 * the beginning of it. Throws MalformedMessageError when request or reply do not parse.
 */
export function changesOfOwned(
  method: OwnedMethod,
  id: string,
  request: Uint8Array,
  reply: Uint8Array,
  createdAtMs: number,
): SnapshotChange[] {
  const { effect, newContainerIdPath } = method;
  if (effect === undefined) return [];
  if (effect !== 'create-container') return [{ kind: effect, id }];
  const newId = newContainerIdPath && readString(reply, 0, reply.length, newContainerIdPath);
  if (!newId) return lossesOf(method);
  const record = containerRecord({ id: newId, createdAtMs }, id, bodyOf(request, CREATE_CONFIG));
  return [{ kind: 'create-container', id: newId, sandboxId: id, record }];
}

/** What to note when a call may or may not have been carried out: its answer was lost, or its client left. */
export function lossesOf(method: PlaceMethod | OwnedMethod): SnapshotChange[] {
  const effect = method.kind === 'place' ? 'run-sandbox' : method.effect;
  switch (effect) {
    case undefined:
      return [];
    case 'run-sandbox':
      return method.kind === 'place' && method.containerIdsPath !== undefined ? LOSE_BOTH : LOSE_SANDBOXES;
    case 'stop-sandbox':
    case 'remove-sandbox':
      return LOSE_BOTH;
    case 'create-container':
    case 'start-container':
    case 'stop-container':
    case 'remove-container':
      return LOSE_CONTAINERS;
    default:
      return effect satisfies never;
  }
}

const LOSE_SANDBOXES: SnapshotChange[] = [{ kind: 'lose', list: 'ListPodSandbox' }];
const LOSE_CONTAINERS: SnapshotChange[] = [{ kind: 'lose', list: 'ListContainers' }];
const LOSE_BOTH: SnapshotChange[] = [...LOSE_SANDBOXES, ...LOSE_CONTAINERS];

/** In CreateContainerRequest. */
const CREATE_CONFIG = 2;
/** In RestorePodRequest: the configs of the containers; an image of the checkpoint may hold more than they say. */
const RESTORE_CONFIGS = 5;
/** In RestorePodResponse: name and id of each container. */
const RESTORED = 2;
const RESTORED_NAME = [1];
const RESTORED_ID = [2];

function restoredContainers(
  sandboxId: string,
  request: Uint8Array,
  reply: Uint8Array,
  createdAtMs: number,
): SnapshotChange[] {
  const configs = new Map<string, Uint8Array>();
  forEachRecord(request, 0, request.length, RESTORE_CONFIGS, (_, start, end) => {
    const config = request.subarray(start, end);
    configs.set(containerNameOf(config), config);
  });
  const changes: SnapshotChange[] = [];
  forEachRecord(reply, 0, reply.length, RESTORED, (_, start, end) => {
    const id = readString(reply, start, end, RESTORED_ID) ?? '';
    const name = readString(reply, start, end, RESTORED_NAME) ?? '';
    if (id === '') return;
    const record = containerRecord({ id, createdAtMs }, sandboxId, configs.get(name) ?? nameOnlyConfig(name));
    changes.push({ kind: 'create-container', id, sandboxId, record });
  });
  return changes;
}
