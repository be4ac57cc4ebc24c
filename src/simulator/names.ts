// Names that a runtime keeps for one object at a time: pod and container names with their attempt.

import type { ContainerMetadata } from '../cri/gen/runtime/v1/container_pb.ts';
import type { PodSandboxMetadata } from '../cri/gen/runtime/v1/pod_sandbox_pb.ts';

/** `name_namespace_uid_attempt`: what runtimes reserve while a sandbox exists. */
export function sandboxName(metadata: PodSandboxMetadata): string {
  return [metadata.name, metadata.namespace, metadata.uid, metadata.attempt].join('_');
}

/** The container's name and attempt inside its pod. */
export function containerName(container: ContainerMetadata, pod: PodSandboxMetadata): string {
  return [container.name, pod.name, pod.namespace, pod.uid, container.attempt].join('_');
}

/** Which id holds which name. */
export class NameReservations {
  readonly #holders = new Map<string, string>();

  /** Reserves the name and returns undefined, or returns the id that holds it already. */
  reserve(name: string, id: string): string | undefined {
    const holder = this.#holders.get(name);
    if (holder !== undefined) return holder;
    this.#holders.set(name, id);
    return undefined;
  }

  release(name: string): void {
    this.#holders.delete(name);
  }
}
