// Where the answer to a pod's image call waits until the bare look-up that follows it can be answered rightly.
import { type Entrant, REFUSED_WAIT_MS } from '../ledger/image-turns.ts';
import type { Call } from './call.ts';
import type { ProxyParts } from './parts.ts';

/**
 * Whether the call, which has found the image for a pod, may lead the next bare look-up to its backend: resolves when it
 * may, or has waited long enough. A call of no pod may if it disturbs nobody.
 */
export function awaitTurn(
  { imageMemory: { turns } }: ProxyParts,
  call: Call,
  image: string,
  entrant: Entrant,
  waitMs = REFUSED_WAIT_MS,
): boolean | Promise<boolean> {
  if (entrant.pod === '') return turns.isFree(image, entrant.backend, entrant.user);
  // An answer at the last moment would come too late.
  const entry = turns.enter(image, entrant, Math.min(waitMs, call.remainingMs(2 * REFUSED_WAIT_MS) / 2));
  if (typeof entry === 'boolean') return entry;
  call.onLeave(() => entry.cancel());
  return entry.over;
}
