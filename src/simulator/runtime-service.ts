// The runtime service: all 37 RPCs, put together from the parts that share a subject.

import { checkpointHandlers } from './checkpoint-handlers.ts';
import { containerHandlers } from './container-handlers.ts';
import { eventHandlers } from './event-handlers.ts';
import { execHandlers } from './exec-handlers.ts';
import type { RuntimeHandlers } from './handlers.ts';
import { nodeHandlers } from './node-handlers.ts';
import { sandboxHandlers } from './sandbox-handlers.ts';
import { statsHandlers } from './stats-handlers.ts';
import type { StreamUrls } from './stream-urls.ts';
import type { World } from './world.ts';

/** Handlers over one world. `handlerNames` are the runtime handlers known besides the empty one. */
export function runtimeHandlers(
  world: World,
  handlerNames: readonly string[],
  urls: StreamUrls,
): RuntimeHandlers {
  return {
    ...sandboxHandlers(world, handlerNames, urls),
    ...containerHandlers(world),
    ...execHandlers(world, urls),
    ...statsHandlers(world),
    ...nodeHandlers(world, handlerNames),
    ...eventHandlers(world),
    ...checkpointHandlers(world),
  };
}
