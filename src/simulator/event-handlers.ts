// GetContainerEvents: a stream that lives until its client leaves.

import type { RuntimeHandlers } from './handlers.ts';
import type { World } from './world.ts';

/** The events of one world. Where they are switched off the stream ends with OK at once, as CRI-O does it. */
export function eventHandlers(world: World): Pick<RuntimeHandlers, 'getContainerEvents'> {
  return {
    async getContainerEvents(_request, { signal }, send) {
      if (!world.events.isEnabled) return;
      const unsubscribe = world.events.subscribe(send);
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        if (signal.aborted) resolve();
      });
      unsubscribe();
    },
  };
}
