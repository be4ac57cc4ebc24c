// The RPCs that run something inside a container, and those that hand out a URL for it.

import { type Clock, sleep } from '../clock.ts';
import { outcomeOf } from './command.ts';
import type { Container } from './container.ts';
import type { RuntimeHandlers } from './handlers.ts';
import { needContainer } from './lookup.ts';
import { LONGEST_TIMER_MS } from './process.ts';
import { refusalText } from './quirks.ts';
import { RpcError } from './rpc-error.ts';
import type { StreamUrls } from './stream-urls.ts';
import type { World } from './world.ts';

/** ExecSync, Exec and Attach over one world. */
export function execHandlers(
  world: World,
  urls: StreamUrls,
): Pick<RuntimeHandlers, 'execSync' | 'exec' | 'attach'> {
  return {
    async execSync({ containerId, cmd, timeout }, { signal }) {
      const container = needContainer(world, 'ExecSync', containerId);
      needRunning(container, 'failed to exec in container: ');
      const outcome = outcomeOf(cmd, world.surroundings(container));
      if (outcome === undefined) {
        throw new RpcError(
          'UNKNOWN',
          `failed to exec in container: exec: "${cmd[0] ?? ''}": executable file not found in $PATH`,
        );
      }
      const limitMs = timeout > 0n ? Number(timeout) * 1000 : Number.POSITIVE_INFINITY;
      await pause(world.clock, Math.min(outcome.durationMs, limitMs), signal);
      if (outcome.durationMs <= limitMs) {
        return { stdout: outcome.stdout, stderr: outcome.stderr, exitCode: outcome.exitCode };
      }
      const { execTimeout } = world.profile;
      if (execTimeout === 'exit-code') return { stderr: Buffer.from('command timed out'), exitCode: -1 };
      throw new RpcError(execTimeout.status, refusalText(execTimeout, { seconds: String(timeout) }));
    },

    exec({ containerId }) {
      needRunning(needContainer(world, 'Exec', containerId), '');
      return { url: urls.next('exec') };
    },

    attach({ containerId }) {
      needRunning(needContainer(world, 'Attach', containerId), '');
      return { url: urls.next('attach') };
    },
  };
}

function needRunning(container: Container, context: string): void {
  if (!container.isRunning)
    throw new RpcError('UNKNOWN', `${context}container is in ${container.stateName} state`);
}

/** Waits; endless commands wait for the client to leave. */
async function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  if (durationMs > 0) await sleep(clock, Math.min(durationMs, LONGEST_TIMER_MS), signal);
}
