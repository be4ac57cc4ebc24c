// RPCs of a newer CRI that have no row in the table: to the owner when field 1 of the request is the id of a pod sandbox
// or container, else to the default backend. Bytes pass, so a new RPC works before Switchyard has heard of it.
import type { Backend } from '../../backends/backend.ts';
import { readString } from '../../cri/wire.ts';
import type { Call } from '../call.ts';
import type { ProxyParts } from '../parts.ts';
import { relay } from '../relay.ts';

/** A whole id, or as short a one as tools show; anything shorter is more likely a word that only looks like one. */
const ID = /^[0-9a-f]{12,64}$/;

export function unknownHandler(parts: ProxyParts): (call: Call) => void | Promise<void> {
  const { ledger, registry, config } = parts;
  const seen = new Set<string>();
  const relayTo = (call: Call, backend: Backend) =>
    relay(call, backend, { isRetryable: false, limitBytes: config.limits.messageSizeBytes });
  return (call) => {
    parts.metrics.unknownRpc();
    if (!seen.has(call.path) && seen.size < 1_000) {
      seen.add(call.path);
      parts.log.warn({ path: call.path }, 'an RPC that has no row in the method table: routed by field 1');
    }
    const id = firstField(call.message) ?? '';
    const owner = ledger.ownerOf('sandbox', id) ?? ledger.ownerOf('container', id);
    const mayBeId = owner === undefined && ID.test(id) && call.route?.service === 'RuntimeService';
    if (!mayBeId) {
      relayTo(call, owner ?? registry.default);
      return;
    }
    return findOwner(parts, id).then((found) => {
      if (!call.isOver) relayTo(call, found ?? registry.default);
    });
  };
}

/** The owner of what looks like an id; undefined when nobody has it. Rejects when one who may have it can't be asked. */
async function findOwner({ locator }: ProxyParts, id: string): Promise<Backend | undefined> {
  const places = await Promise.all([locator.locate('sandbox', id), locator.locate('container', id)]);
  const owned = places.find((place) => place.kind === 'owned');
  if (owned !== undefined) return owned.backend;
  const undecided = places.find((place) => place.kind === 'undecided');
  if (undecided !== undefined) throw undecided.error;
  return undefined;
}

/** Field 1 of the request if it is a string; a message of an RPC nobody knows here may have anything there. */
function firstField(message: Buffer): string | undefined {
  try {
    return readString(message, 0, message.length, [1]);
  } catch {
    // Not protobuf as we know it: it still goes to the default backend, which can tell.
    return undefined;
  }
}
