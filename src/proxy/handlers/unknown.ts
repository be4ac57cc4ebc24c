// RPCs of a newer CRI that have no row in the table: to the owner when field 1 of the request is an id that is known,
// else to the default backend. Bytes pass, so a new RPC works before Switchyard has heard of it.
import { readString } from '../../cri/wire.ts';
import type { Call } from '../call.ts';
import type { ProxyParts } from '../parts.ts';
import { relay } from '../relay.ts';

export function unknownHandler(parts: ProxyParts): (call: Call) => void {
  const seen = new Set<string>();
  return (call) => {
    parts.metrics.unknownRpc();
    if (!seen.has(call.path) && seen.size < 1_000) {
      seen.add(call.path);
      parts.log.warn({ path: call.path }, 'an RPC that has no row in the method table: routed by field 1');
    }
    const id = firstField(call.message);
    const { ledger, registry } = parts;
    const owner =
      id === undefined ? undefined : (ledger.ownerOf('sandbox', id) ?? ledger.ownerOf('container', id));
    relay(call, owner ?? registry.default, {
      isRetryable: false,
      limitBytes: parts.config.limits.messageSizeBytes,
    });
  };
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
