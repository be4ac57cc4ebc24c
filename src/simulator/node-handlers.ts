// The RPCs about the runtime itself: Version, Status, RuntimeConfig, UpdateRuntimeConfig.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { CgroupDriver, type RuntimeConditionSchema } from '../cri/gen/runtime/v1/status_pb.ts';
import type { RuntimeHandlers } from './handlers.ts';
import type { World } from './world.ts';

/** Every runtime measured says this, whatever it is. */
const KUBELET_API_VERSION = '0.1.0';

type NodeRpcs = 'version' | 'status' | 'runtimeConfig' | 'updateRuntimeConfig';

/** Handlers over one world. `handlerNames` are the runtime handlers known besides the empty one. */
export function nodeHandlers(world: World, handlerNames: readonly string[]): Pick<RuntimeHandlers, NodeRpcs> {
  const { profile } = world;

  return {
    version: (_request, { version }) => ({
      version: KUBELET_API_VERSION,
      runtimeName: profile.runtimeName,
      runtimeVersion: profile.runtimeVersion,
      runtimeApiVersion: version,
    }),

    status: ({ verbose }) => ({
      status: { conditions: conditions(world) },
      info: verbose ? Object.fromEntries(world.status.infoKeys.map((key) => [key, '{}'])) : {},
      runtimeHandlers: world.status.listsHandlers
        ? ['', ...handlerNames].map((name) => ({ name, features: handlerFeatures(world) }))
        : [],
      ...(world.status.supplementalGroupsPolicy === undefined
        ? {}
        : { features: { supplementalGroupsPolicy: world.status.supplementalGroupsPolicy } }),
    }),

    runtimeConfig: () => ({
      linux: {
        cgroupDriver: world.status.cgroupDriver === 'systemd' ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS,
      },
    }),

    updateRuntimeConfig({ runtimeConfig }) {
      world.podCidr = runtimeConfig?.networkConfig?.podCidr ?? world.podCidr;
      return {};
    },
  };
}

function handlerFeatures(world: World) {
  const has = world.status.handlerFeatures;
  return { recursiveReadOnlyMounts: has, userNamespaces: has };
}

function conditions(world: World): MessageInitShape<typeof RuntimeConditionSchema>[] {
  const { isReady, isNetworkReady } = world.health;
  const list: MessageInitShape<typeof RuntimeConditionSchema>[] = [
    { type: 'RuntimeReady', status: isReady, reason: isReady ? '' : 'RuntimeNotReady' },
    { type: 'NetworkReady', status: isNetworkReady, reason: isNetworkReady ? '' : 'NetworkPluginNotReady' },
  ];
  const { deprecationCondition } = world.status;
  if (deprecationCondition === 'absent') return list;
  const warns = deprecationCondition === 'turns-false' && world.wasAskedInV1alpha2;
  list.push({
    type: 'ContainerdHasNoDeprecationWarnings',
    status: !warns,
    reason: warns ? 'ContainerdHasDeprecationWarnings' : '',
    message: warns
      ? JSON.stringify({ 'io.containerd.deprecation/cri-api-v1alpha2': 'CRI API v1alpha2 is deprecated' })
      : '',
  });
  return list;
}
