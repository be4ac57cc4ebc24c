// The RPCs of pod sandboxes: run, stop, remove, status, list, port forwarding, resources.

import type { RuntimeHandlers } from './handlers.ts';
import { sandboxList, sandboxMessages } from './lists.ts';
import { findSandbox, needSandbox } from './lookup.ts';
import { ProcessCrash } from './process-crash.ts';
import { refusalText } from './quirks.ts';
import { RpcError } from './rpc-error.ts';
import type { StreamUrls } from './stream-urls.ts';
import type { World } from './world.ts';

type SandboxRpcs =
  | 'runPodSandbox'
  | 'stopPodSandbox'
  | 'removePodSandbox'
  | 'podSandboxStatus'
  | 'listPodSandbox'
  | 'streamPodSandboxes'
  | 'portForward'
  | 'updatePodSandboxResources';

/** Handlers over one world. `handlerNames` are the runtime handlers known besides the empty one. */
export function sandboxHandlers(
  world: World,
  handlerNames: readonly string[],
  urls: StreamUrls,
): Pick<RuntimeHandlers, SandboxRpcs> {
  const { profile } = world;

  return {
    runPodSandbox({ config, runtimeHandler }) {
      if (config === undefined && profile.crashesOnTrimmedRequests) throw new ProcessCrash();
      if (config?.metadata === undefined)
        throw new RpcError('UNKNOWN', 'sandbox config must include metadata');
      if (runtimeHandler !== '' && !handlerNames.includes(runtimeHandler)) {
        const values = {
          name: runtimeHandler,
          handlers: handlerNames.map((name) => `${name}:0x0`).join(' '),
        };
        throw new RpcError(profile.unknownHandler.status, refusalText(profile.unknownHandler, values));
      }
      const run = world.runSandbox(config, config.metadata, runtimeHandler);
      if (run.kind === 'created') return { podSandboxId: run.object.id };
      const refused = profile.duplicateSandbox;
      if (refused === 'existing-id') return { podSandboxId: run.holderId };
      const values = { name: run.name, id: run.holderId, pod: config.metadata.name };
      throw new RpcError(refused.status, refusalText(refused, values));
    },

    stopPodSandbox({ podSandboxId }) {
      const sandbox = findSandbox(world, 'StopPodSandbox', podSandboxId);
      if (sandbox !== undefined) world.stopSandbox(sandbox);
      return {};
    },

    removePodSandbox({ podSandboxId }) {
      const sandbox = findSandbox(world, 'RemovePodSandbox', podSandboxId);
      if (sandbox !== undefined) world.removeSandbox(sandbox);
      return {};
    },

    podSandboxStatus({ podSandboxId, verbose }) {
      const sandbox = needSandbox(world, 'PodSandboxStatus', podSandboxId);
      const withContainers = profile.shows.containersInSandboxStatus && world.events.isEnabled;
      return {
        status: sandbox.status(profile),
        info: verbose ? { info: JSON.stringify({ pid: 0, runtimeHandler: sandbox.handler }) } : {},
        containersStatuses: withContainers
          ? world.containersOf(sandbox).map((one) => one.status(profile))
          : [],
        timestamp: withContainers ? world.nowNs() : 0n,
      };
    },

    listPodSandbox: ({ filter }) => sandboxList(world, filter),

    streamPodSandboxes({ filter }, _call, send) {
      for (const message of sandboxMessages(world, filter)) send(message);
    },

    portForward({ podSandboxId }) {
      const sandbox = findSandbox(world, 'PortForward', podSandboxId);
      if (sandbox !== undefined && !sandbox.isReady) {
        throw new RpcError('UNKNOWN', 'sandbox container is not running');
      }
      return { url: urls.next('portforward') };
    },

    updatePodSandboxResources({ podSandboxId, resources }) {
      needSandbox(world, 'UpdatePodSandboxResources', podSandboxId).resources = resources;
      return {};
    },
  };
}
