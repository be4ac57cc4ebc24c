// Which backends a list has to ask: only the owner when the filter names an object or pod whose owner is known.
// Beside speed this keeps the kubelet's lists of one pod working while another backend is down.
import type { Backend } from '../backends/backend.ts';
import { readListFilter } from '../backends/list-filter.ts';
import type { ListMethod } from '../cri/methods.ts';
import { readBytes } from '../cri/wire.ts';
import { MalformedMessageError } from '../errors.ts';
import { unreadable } from './list-errors.ts';
import type { ProxyParts } from './parts.ts';

/** The label by which the kubelet asks for the objects of one pod. */
const POD_UID_LABEL = 'io.kubernetes.pod.uid';
/** In all list requests the filter is field 1. */
const FILTER = [1];

export interface Narrowed {
  readonly backends: readonly Backend[];
  /** True when the request has no filter, so that the answer is all a backend has. */
  readonly isFull: boolean;
}

/**
 * Reads the filter of a list request and picks the backends that can hold what it asks for. Throws an
 * UnreadableFilterError for bytes that no runtime could read either.
 */
export function narrow(parts: ProxyParts, method: ListMethod, request: Buffer): Narrowed {
  try {
    return narrowed(parts, method, request);
  } catch (error) {
    throw error instanceof MalformedMessageError ? unreadable(error.message) : error;
  }
}

function narrowed(parts: ProxyParts, method: ListMethod, request: Buffer): Narrowed {
  const { ledger, registry, placements, census } = parts;
  const end = request.length;
  const all = registry.all;
  if ((readBytes(request, 0, end, FILTER)?.length ?? 0) === 0) return { backends: all, isFull: true };

  const { id, sandboxId, labels } = readListFilter(method, request) ?? {};
  if (id && method.object !== 'image') {
    const owner = ledger.find(method.object, id);
    if (owner.kind === 'owned') return { backends: [owner.backend], isFull: false };
  }
  if (sandboxId) {
    const owner = ledger.find('sandbox', sandboxId);
    if (owner.kind === 'owned') return { backends: [owner.backend], isFull: false };
  }
  const uid = labels?.get(POD_UID_LABEL);
  // Right after a start a pod may have more homes than are known.
  if (uid && all.every((backend) => backend.isAbsent || census.isCounted(backend))) {
    const homes = new Set(ledger.backendsOfPod(uid));
    const pending = placements.backendOf(uid);
    if (pending !== undefined) homes.add(pending);
    if (homes.size > 0) return { backends: all.filter((backend) => homes.has(backend)), isFull: false };
  }
  return { backends: all, isFull: false };
}
