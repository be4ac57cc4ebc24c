// Fills a world with running pods in one go, for load tests and long lists.

import { create } from '@bufbuild/protobuf';
import { ContainerConfigSchema } from '../cri/gen/runtime/v1/container_pb.ts';
import { PodSandboxConfigSchema } from '../cri/gen/runtime/v1/pod_sandbox_pb.ts';
import type { World } from './world.ts';

/** How much to make. */
export interface WorldSeed {
  readonly sandboxes: number;
  readonly containersPerSandbox: number;
  /** Start of the pods' names and namespace of all; default `seed` and `load`. */
  readonly namePrefix?: string;
  readonly namespace?: string;
  /** Runtime handler of all sandboxes; default the empty name. */
  readonly handler?: string;
  /** Image of all containers; it is added when it is not there. */
  readonly image?: string;
}

/** Makes running pods with the labels, annotations and paths that a kubelet gives its own. */
export function seedWorld(world: World, seed: WorldSeed): void {
  const prefix = seed.namePrefix ?? 'seed';
  const namespace = seed.namespace ?? 'load';
  const reference = seed.image ?? 'localhost/busybox:1.36';
  const image = world.images.find(reference) ?? world.images.add({ references: [reference] });
  for (let at = 0; at < seed.sandboxes; at++) {
    const uid = uuidFrom(world.ids.newId());
    const name = `${prefix}-${at}`;
    const labels = {
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': namespace,
      'io.kubernetes.pod.uid': uid,
    };
    const logDirectory = `/var/log/pods/${namespace}_${name}_${uid}`;
    const annotations = {
      'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000000Z',
      'kubernetes.io/config.source': 'api',
    };
    const metadata = { name, uid, namespace, attempt: 0 };
    const linux = { cgroupParent: `/kubepods/pod${uid}` };
    const config = create(PodSandboxConfigSchema, {
      metadata,
      hostname: name,
      logDirectory,
      labels,
      annotations,
      linux,
    });
    if (config.metadata === undefined) continue;
    const run = world.runSandbox(config, config.metadata, seed.handler ?? '');
    if (run.kind !== 'created') continue;
    for (let nth = 0; nth < seed.containersPerSandbox; nth++) {
      const container = create(ContainerConfigSchema, {
        metadata: { name: `c${nth}`, attempt: 0 },
        image: { image: image.id(world.profile.images), userSpecifiedImage: reference },
        labels: { ...labels, 'io.kubernetes.container.name': `c${nth}` },
        annotations: { 'io.kubernetes.container.restartCount': '0' },
        logPath: `c${nth}/0.log`,
      });
      if (container.metadata === undefined) continue;
      const made = world.createContainer(run.object, container, container.metadata, image, logDirectory);
      if (made.kind === 'created') world.startContainer(made.object);
    }
  }
}

function uuidFrom(id: string): string {
  return [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20, 32)].join('-');
}
