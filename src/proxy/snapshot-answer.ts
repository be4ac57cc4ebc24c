// What a backend's snapshot says in its place, and when it may.
import type { Backend } from '../backends/backend.ts';
import { isText } from '../backends/list-filter.ts';
import { isList } from '../backends/snapshot.ts';
import type { SnapshotList } from '../backends/snapshot-change.ts';
import type { ListMethod } from '../cri/methods.ts';
import { unreadable } from './list-errors.ts';
import type { ProxyParts } from './parts.ts';

/** A living backend is waited for when its snapshot is older than this. */
export const TRUSTED_AGE_MS = 30_000;

/** The list of snapshots that can answer this method. */
export function snapshotOf(method: ListMethod): SnapshotList | undefined {
  return isList(method.name) ? method.name : undefined;
}

/**
 * The snapshot's answer for a backend that is absent; undefined when there is none to give. Throws an
 * UnreadableFilterError where the backend might have said that it cannot read the filter.
 */
export function fromSnapshot(
  parts: ProxyParts,
  backend: Backend,
  method: ListMethod,
  request: Buffer,
): Buffer[] | undefined {
  const list = snapshotOf(method);
  if (list === undefined) return undefined;
  if (!isText(method, request))
    throw unreadable(`the filter of ${method.name} has a string that is not UTF-8`);
  const answer = backend.snapshot.answer(list, request, backend.imageRuntimeName);
  if (answer === undefined) return undefined;
  parts.metrics.snapshotAnswered(backend.name, method.name);
  return [answer];
}

/** Whether the snapshot may stand for a backend that lives and is late: it is young, and nothing in it is in doubt. */
export function isTrusted({ clock }: ProxyParts, { snapshot }: Backend, method: ListMethod): boolean {
  const list = snapshotOf(method);
  if (list === undefined) return false;
  return snapshot.isPatchable(list) && snapshot.ageMs(list, clock.now()) <= TRUSTED_AGE_MS;
}
