// Checkpoints of containers and pods, and pods restored from them. A checkpoint lives in memory under its path, and is
// found by any that leads there on a disk without links.

import path from 'node:path';
import type { ContainerConfig } from '../cri/gen/runtime/v1/container_pb.ts';
import type { RuntimeHandlers } from './handlers.ts';
import type { Image } from './image.ts';
import { needContainer, needSandbox } from './lookup.ts';
import { RpcError } from './rpc-error.ts';
import type { World } from './world.ts';

interface PodCheckpoint {
  readonly containers: readonly { readonly config: ContainerConfig; readonly image: Image }[];
}

/** Handlers over one world. A restored pod gets new ids; its containers are created, not started. */
export function checkpointHandlers(
  world: World,
): Pick<RuntimeHandlers, 'checkpointContainer' | 'checkpointPod' | 'restorePod'> {
  const checkpoints = new Map<string, PodCheckpoint>();

  return {
    checkpointContainer({ containerId }) {
      const container = needContainer(world, 'CheckpointContainer', containerId);
      if (!container.isRunning) throw new RpcError('UNKNOWN', `container ${container.id} is not running`);
      return {};
    },

    checkpointPod({ podSandboxId, outputPath, containerIds }) {
      const sandbox = needSandbox(world, 'CheckpointPod', podSandboxId);
      const wanted = world
        .containersOf(sandbox)
        .filter((container) => containerIds.length === 0 || containerIds.includes(container.id));
      checkpoints.set(placeOf(outputPath), {
        containers: wanted.map(({ config, image }) => ({ config, image })),
      });
      return {};
    },

    restorePod({ checkpointPath, config, runtimeHandler, containerConfigs }) {
      const checkpoint = checkpoints.get(placeOf(checkpointPath));
      if (checkpoint === undefined) throw new RpcError('NOT_FOUND', `no checkpoint at ${checkpointPath}`);
      if (config?.metadata === undefined)
        throw new RpcError('UNKNOWN', 'sandbox config must include metadata');
      const run = world.runSandbox(config, config.metadata, runtimeHandler);
      if (run.kind === 'name-taken') {
        throw new RpcError('ALREADY_EXISTS', `name "${run.name}" is reserved for "${run.holderId}"`);
      }
      const restoredContainers: { name: string; containerId: string }[] = [];
      for (const saved of checkpoint.containers) {
        const name = saved.config.metadata?.name ?? '';
        const override = containerConfigs.find((candidate) => candidate.metadata?.name === name);
        const settings = override ?? saved.config;
        if (settings.metadata === undefined) continue;
        const made = world.createContainer(
          run.object,
          settings,
          settings.metadata,
          saved.image,
          config.logDirectory,
        );
        if (made.kind === 'created') restoredContainers.push({ name, containerId: made.object.id });
      }
      return { podSandboxId: run.object.id, restoredContainers };
    },
  };
}

function placeOf(checkpoint: string): string {
  return path.posix.join(checkpoint, '.');
}
