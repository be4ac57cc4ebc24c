// The RPCs of containers: create, start, stop, remove, status, list, resources, log.

import { sleep } from '../clock.ts';
import { ContainerState } from '../cri/gen/runtime/v1/container_pb.ts';
import type { Container } from './container.ts';
import type { RuntimeHandlers } from './handlers.ts';
import { containerList, containerMessages } from './lists.ts';
import { findContainer, needContainer, needSandbox } from './lookup.ts';
import { ProcessCrash } from './process-crash.ts';
import { refusalText } from './quirks.ts';
import { RpcError } from './rpc-error.ts';
import type { World } from './world.ts';

type ContainerRpcs =
  | 'createContainer'
  | 'startContainer'
  | 'stopContainer'
  | 'removeContainer'
  | 'containerStatus'
  | 'listContainers'
  | 'streamContainers'
  | 'updateContainerResources'
  | 'reopenContainerLog';

/** Handlers over one world. */
export function containerHandlers(world: World): Pick<RuntimeHandlers, ContainerRpcs> {
  const { profile } = world;

  return {
    createContainer({ podSandboxId, config, sandboxConfig }) {
      const sandbox = needSandbox(world, 'CreateContainer', podSandboxId);
      if (config?.metadata === undefined) {
        throw new RpcError('UNKNOWN', 'container config must include metadata');
      }
      const name = config.image?.image ?? '';
      const image = world.images.find(name);
      if (image === undefined) {
        const { notPresent } = profile.images;
        throw new RpcError(notPresent.status, refusalText(notPresent, { name }));
      }
      const logDirectory = sandboxConfig?.logDirectory ?? sandbox.config.logDirectory;
      const made = world.createContainer(sandbox, config, config.metadata, image, logDirectory);
      if (made.kind === 'created') return { containerId: made.object.id };
      const refused = profile.duplicateContainer;
      throw new RpcError(refused.status, refusalText(refused, { name: made.name, id: made.holderId }));
    },

    startContainer({ containerId }) {
      const container = needContainer(world, 'StartContainer', containerId);
      if (container.state !== ContainerState.CONTAINER_CREATED) {
        throw new RpcError(
          'UNKNOWN',
          `failed to set starting state for container "${container.id}": container is already in ${container.stateName} state`,
        );
      }
      if (world.sandboxes.get(container.sandboxId)?.isReady !== true) {
        throw new RpcError('UNKNOWN', `sandbox container "${container.sandboxId}" is not running`);
      }
      world.startContainer(container);
      return {};
    },

    async stopContainer({ containerId, timeout }, { signal }) {
      const container = findContainer(world, 'StopContainer', containerId);
      if (container !== undefined) await stop(world, container, Number(timeout), signal);
      return {};
    },

    removeContainer({ containerId }) {
      const container = findContainer(world, 'RemoveContainer', containerId);
      if (container !== undefined) world.removeContainer(container);
      return {};
    },

    containerStatus({ containerId, verbose }) {
      const container = needContainer(world, 'ContainerStatus', containerId);
      const info = { sandboxID: container.sandboxId, pid: 0, removing: false };
      return { status: container.status(profile), info: verbose ? { info: JSON.stringify(info) } : {} };
    },

    listContainers: ({ filter }) => containerList(world, filter),

    streamContainers({ filter }, _call, send) {
      for (const message of containerMessages(world, filter)) send(message);
    },

    updateContainerResources({ containerId, linux }) {
      if (linux === undefined && profile.crashesOnTrimmedRequests) throw new ProcessCrash();
      const container = needContainer(world, 'UpdateContainerResources', containerId);
      if (linux !== undefined) container.resources = linux;
      return {};
    },

    reopenContainerLog({ containerId }) {
      if (profile.reopenLog !== 'served')
        throw new RpcError(profile.reopenLog.status, profile.reopenLog.text);
      const container = needContainer(world, 'ReopenContainerLog', containerId);
      if (!container.isRunning) throw new RpcError('UNKNOWN', 'container is not running');
      container.logReopens++;
      return {};
    },
  };
}

/** SIGTERM, the grace period, SIGKILL. A client that leaves in between leaves the container running. */
async function stop(
  world: World,
  container: Container,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  if (timeoutSeconds > 0) {
    container.process?.terminate();
    if (container.isRunning) await exitOrTimeout(world, container, timeoutSeconds * 1000, signal);
  }
  if (!signal.aborted) container.process?.kill();
}

async function exitOrTimeout(
  world: World,
  container: Container,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const exited = container.exited.then(() => ended.abort());
  const waited = sleep(world.clock, timeoutMs, AbortSignal.any([signal, ended.signal])).catch(
    () => undefined,
  );
  await Promise.race([exited, waited]);
}
