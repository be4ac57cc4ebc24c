// List replies of sandboxes and containers, joined from the encoded elements that each object keeps.

import type { ContainerFilter } from '../cri/gen/runtime/v1/container_pb.ts';
import type { PodSandboxFilter } from '../cri/gen/runtime/v1/pod_sandbox_pb.ts';
import type { Container } from './container.ts';
import { isEmptySelector, matchesLabels, matchesState } from './filters.ts';
import type { ObjectIndex } from './object-index.ts';
import { chunkElements } from './record.ts';
import type { Sandbox } from './sandbox.ts';
import type { World } from './world.ts';

/** Elements in one message of a Stream* reply. */
const ELEMENTS_PER_MESSAGE = 500;

/** The unfiltered lists of a world at one of its versions. */
interface Joined {
  version: number;
  sandboxes: Buffer | undefined;
  containers: Buffer | undefined;
}
const joinedOf = new WeakMap<World, Joined>();

/** ListPodSandboxResponse, encoded. The unfiltered one is joined once for each version of the world. */
export function sandboxList(world: World, filter: PodSandboxFilter | undefined): Buffer {
  if (!isOpen(filter)) return Buffer.concat(sandboxElements(world, filter));
  const joined = joinedAt(world);
  joined.sandboxes ??= Buffer.concat(sandboxElements(world, undefined));
  return joined.sandboxes;
}

/** ListContainersResponse, encoded; as sandboxList. */
export function containerList(world: World, filter: ContainerFilter | undefined): Buffer {
  if (!isOpen(filter) || filter?.podSandboxId) return Buffer.concat(containerElements(world, filter));
  const joined = joinedAt(world);
  joined.containers ??= Buffer.concat(containerElements(world, undefined));
  return joined.containers;
}

/** The messages of StreamPodSandboxes. */
export function sandboxMessages(world: World, filter: PodSandboxFilter | undefined): Buffer[] {
  return chunkElements(sandboxElements(world, filter), ELEMENTS_PER_MESSAGE);
}

/** The messages of StreamContainers. */
export function containerMessages(world: World, filter: ContainerFilter | undefined): Buffer[] {
  return chunkElements(containerElements(world, filter), ELEMENTS_PER_MESSAGE);
}

/** Sandboxes that a filter by id and labels lets through. Ids may be prefixes, as runtimes accept them here too. */
export function* sandboxesBy(
  world: World,
  filter: { id: string; labelSelector: Record<string, string> } | undefined,
) {
  for (const sandbox of byId(world.sandboxes, filter?.id)) {
    if (matchesLabels(sandbox.config.labels, filter?.labelSelector)) yield sandbox;
  }
}

/** Containers that a filter by id, sandbox and labels lets through; as sandboxesBy. */
export function* containersBy(
  world: World,
  filter: { id: string; podSandboxId: string; labelSelector: Record<string, string> } | undefined,
) {
  const sandboxId = filter?.podSandboxId ?? '';
  const sandbox = sandboxId === '' ? undefined : [...byId(world.sandboxes, sandboxId)][0];
  if (sandboxId !== '' && sandbox === undefined) return;
  for (const container of byId(world.containers, filter?.id)) {
    if (sandbox !== undefined && container.sandboxId !== sandbox.id) continue;
    if (matchesLabels(container.config.labels, filter?.labelSelector)) yield container;
  }
}

function sandboxElements(world: World, filter: PodSandboxFilter | undefined): Buffer[] {
  const elements: Buffer[] = [];
  for (const sandbox of sandboxesBy(world, filter)) {
    if (matchesState(sandbox.state, filter?.state)) elements.push(sandbox.element(world.profile));
  }
  return elements;
}

function containerElements(world: World, filter: ContainerFilter | undefined): Buffer[] {
  const elements: Buffer[] = [];
  for (const container of containersBy(world, filter)) {
    if (matchesState(container.state, filter?.state)) elements.push(container.element(world.profile));
  }
  return elements;
}

function byId<T extends Sandbox | Container>(index: ObjectIndex<T>, id: string | undefined): Iterable<T> {
  if (id === undefined || id === '') return index.values();
  const lookup = index.find(id);
  return lookup.kind === 'found' ? [lookup.object] : [];
}

function isOpen(filter: PodSandboxFilter | ContainerFilter | undefined): boolean {
  return (
    filter === undefined ||
    (filter.id === '' && filter.state === undefined && isEmptySelector(filter.labelSelector))
  );
}

function joinedAt(world: World): Joined {
  let joined = joinedOf.get(world);
  if (joined === undefined || joined.version !== world.version) {
    joined = { version: world.version, sandboxes: undefined, containers: undefined };
    joinedOf.set(world, joined);
  }
  return joined;
}
