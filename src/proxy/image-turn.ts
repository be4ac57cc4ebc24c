// Where the answer to a pod's image call waits until the bare look-up that follows it can be answered rightly.
import { type Entrant, WAIT_MS } from '../ledger/image-turns.ts';
import type { Call } from './call.ts';
import type { ProxyParts } from './parts.ts';

/** Resolves when the call, which has found the image for a pod, may say so; undefined when it may at once. */
export function awaitTurn(
  { imageMemory }: ProxyParts,
  call: Call,
  image: string,
  entrant: Entrant,
): Promise<void> | undefined {
  if (entrant.pod === '') return undefined;
  // An answer at the last moment would come too late.
  const waiting = imageMemory.turns.enter(image, entrant, call.remainingMs(2 * WAIT_MS) / 2);
  if (waiting === undefined) return undefined;
  call.onLeave(() => waiting.cancel());
  return waiting.over;
}
