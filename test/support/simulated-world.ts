// The world of a simulated runtime without its sockets: what a runtime would list, for tests of code that stands for one.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type ContainerConfig,
  ContainerConfigSchema,
  ContainerMetadataSchema,
} from '../../src/cri/gen/runtime/v1/container_pb.ts';
import { ImageSpecSchema } from '../../src/cri/gen/runtime/v1/image_pb.ts';
import {
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  PodSandboxMetadataSchema,
} from '../../src/cri/gen/runtime/v1/pod_sandbox_pb.ts';
import type { Container } from '../../src/simulator/container.ts';
import { createIdSource } from '../../src/simulator/ids.ts';
import type { ProfileName } from '../../src/simulator/profile.ts';
import { profileOf } from '../../src/simulator/quirks.ts';
import type { Sandbox } from '../../src/simulator/sandbox.ts';
import { World } from '../../src/simulator/world.ts';
import { FakeClock } from './fake-clock.ts';

/** An image that the world has. */
export const WORLD_IMAGE = 'localhost/busybox:1.36';

export function simulatedWorld(clock = new FakeClock(), profile: ProfileName = 'reference'): World {
  const world = new World({
    profile: profileOf(profile),
    clock,
    ids: createIdSource(1),
    registry: undefined,
    podEvents: false,
  });
  world.images.add({ references: [WORLD_IMAGE] });
  return world;
}

/** Runs a sandbox in the world; the config needs no metadata. */
export function runSandbox(
  world: World,
  init: MessageInitShape<typeof PodSandboxConfigSchema>,
  handler = '',
): { sandbox: Sandbox; config: PodSandboxConfig } {
  const metadata = { name: `pod-${world.sandboxes.size}`, uid: world.ids.newId(), namespace: 'default' };
  const config = create(PodSandboxConfigSchema, init);
  config.metadata ??= create(PodSandboxMetadataSchema, metadata);
  const made = world.runSandbox(config, config.metadata, handler);
  if (made.kind !== 'created') throw new Error(`the name ${made.name} is taken`);
  return { sandbox: made.object, config };
}

/** Creates a container in the world. */
export function createContainer(
  world: World,
  sandbox: Sandbox,
  init: MessageInitShape<typeof ContainerConfigSchema>,
): { container: Container; config: ContainerConfig } {
  const image = world.images.find(WORLD_IMAGE);
  if (image === undefined) throw new Error('the world has no image');
  const config = create(ContainerConfigSchema, init);
  config.metadata ??= create(ContainerMetadataSchema, { name: `c-${world.containers.size}` });
  config.image ??= create(ImageSpecSchema, { image: image.id(world.profile.images) });
  const made = world.createContainer(sandbox, config, config.metadata, image, '');
  if (made.kind !== 'created') throw new Error(`the name ${made.name} is taken`);
  return { container: made.object, config };
}
