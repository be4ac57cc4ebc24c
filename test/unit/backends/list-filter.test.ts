import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isText, readListFilter } from '../../../src/backends/list-filter.ts';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import { ListContainersRequestSchema } from '../../../src/cri/gen/runtime/v1/container_calls_pb.ts';
import { ContainerFilterSchema, ContainerState } from '../../../src/cri/gen/runtime/v1/container_pb.ts';
import { ListPodSandboxRequestSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import { PodSandboxFilterSchema, PodSandboxState } from '../../../src/cri/gen/runtime/v1/pod_sandbox_pb.ts';
import { type ListMethod, methodNamed } from '../../../src/cri/methods.ts';
import { containerList, sandboxList } from '../../../src/simulator/lists.ts';
import type { World } from '../../../src/simulator/world.ts';
import { createContainer, runSandbox, simulatedWorld } from '../../support/simulated-world.ts';

const SANDBOX_STATES = [PodSandboxState.SANDBOX_READY, PodSandboxState.SANDBOX_NOTREADY];
const CONTAINER_STATES = [
  ContainerState.CONTAINER_CREATED,
  ContainerState.CONTAINER_RUNNING,
  ContainerState.CONTAINER_EXITED,
  ContainerState.CONTAINER_UNKNOWN,
];
const LABELS = fc.dictionary(fc.constantFrom('app', 'tier', ''), fc.constantFrom('a', 'b', ''), {
  maxKeys: 2,
});

/** A world of some sandboxes with some containers, in any states. */
const worlds = fc
  .array(
    fc.record({
      labels: LABELS,
      state: fc.constantFrom(...SANDBOX_STATES),
      containers: fc.array(fc.record({ labels: LABELS, state: fc.constantFrom(...CONTAINER_STATES) }), {
        maxLength: 4,
      }),
    }),
    { maxLength: 30 },
  )
  .map((pods) => {
    const world = simulatedWorld();
    for (const { labels, state, containers } of pods) {
      const { sandbox } = runSandbox(world, { labels });
      sandbox.state = state;
      for (const init of containers) {
        const { container } = createContainer(world, sandbox, { labels: init.labels });
        container.state = init.state;
      }
    }
    return world;
  });

/** Nothing, an id of the world, the beginning of one (short ones fit several), or an id that nobody has. */
function idsOf(objects: Iterable<{ readonly id: string }>): fc.Arbitrary<string> {
  const known = [...objects].map(({ id }) => id);
  const any = fc.constantFrom('', 'f'.repeat(64), 'x');
  if (known.length === 0) return any;
  const beginning = fc
    .tuple(fc.constantFrom(...known), fc.constantFrom(1, 2, 13, 64))
    .map(([id, length]) => id.slice(0, length));
  return fc.oneof(any, beginning, beginning);
}

function filtersOf(world: World) {
  return fc.record({
    id: idsOf(world.containers.values()),
    sandbox: idsOf(world.sandboxes.values()),
    sandboxState: fc.constantFrom(undefined, ...SANDBOX_STATES),
    containerState: fc.constantFrom(undefined, ...CONTAINER_STATES),
    labelSelector: LABELS,
  });
}

function snapshotOf(world: World): BackendSnapshot {
  const snapshot = new BackendSnapshot();
  snapshot.refresh('ListPodSandbox', sandboxList(world, undefined), snapshot.begin(0));
  snapshot.refresh('ListContainers', containerList(world, undefined), snapshot.begin(0));
  return snapshot;
}

describe('the filters of a snapshot', () => {
  const worldAndFilter = worlds.chain((world) => fc.tuple(fc.constant(world), filtersOf(world)));

  it('let through the same sandboxes as a runtime does', () => {
    fc.assert(
      fc.property(worldAndFilter, ([world, { sandbox: id, sandboxState: state, labelSelector }]) => {
        const filter = create(PodSandboxFilterSchema, {
          id,
          labelSelector,
          ...(state !== undefined && { state: { state } }),
        });
        const request = toBinary(
          ListPodSandboxRequestSchema,
          create(ListPodSandboxRequestSchema, { filter }),
        );
        expect(snapshotOf(world).answer('ListPodSandbox', request)).toEqual(sandboxList(world, filter));
      }),
      { numRuns: 300 },
    );
  });

  it('let through the same containers as a runtime does', () => {
    fc.assert(
      fc.property(worldAndFilter, ([world, { id, sandbox, containerState: state, labelSelector }]) => {
        const filter = create(ContainerFilterSchema, {
          id,
          podSandboxId: sandbox,
          labelSelector,
          ...(state !== undefined && { state: { state } }),
        });
        const request = toBinary(
          ListContainersRequestSchema,
          create(ListContainersRequestSchema, { filter }),
        );
        expect(snapshotOf(world).answer('ListContainers', request)).toEqual(containerList(world, filter));
      }),
      { numRuns: 300 },
    );
  });

  it('take an absent filter and an empty one for the same', () => {
    const method = methodNamed('ListContainers') as ListMethod;
    const empty = create(ListContainersRequestSchema, { filter: {} });
    expect(readListFilter(method, new Uint8Array(0))).toBeUndefined();
    expect(readListFilter(method, toBinary(ListContainersRequestSchema, empty))).toBeUndefined();
  });
});

describe('the text of a filter', () => {
  const request = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
  const method = (name: string) => methodNamed(name) as ListMethod;

  it.each([
    ['ListPodSandbox', 'an id', request([0x0a, 3, 0x0a, 1], [0xff])],
    ['ListPodSandbox', 'the key of a label', request([0x0a, 5, 0x1a, 3, 0x0a, 1], [0xff])],
    ['ListPodSandbox', 'the value of a label', request([0x0a, 5, 0x1a, 3, 0x12, 1], [0xff])],
    ['ListContainers', 'the id of a sandbox', request([0x0a, 3, 0x1a, 1], [0xff])],
    ['ListImages', 'a reference', request([0x0a, 5, 0x0a, 3, 0x0a, 1], [0xff])],
    ['ListImages', 'an earlier reference', request([0x0a, 8, 0x0a, 6, 0x0a, 1], [0xff], [0x0a, 1], 'a')],
    ['ListImages', 'an annotation', request([0x0a, 7, 0x0a, 5, 0x12, 3, 0x12, 1], [0xff])],
    ['ListImages', 'a runtime handler', request([0x0a, 6, 0x0a, 4, 0x9a, 1, 1], [0xff])],
  ])('of %s is not UTF-8 where %s is not', (name, _, bytes) => {
    expect(isText(method(name), bytes)).toBe(false);
  });

  it('is UTF-8 in any language, and where there is none', () => {
    expect(isText(method('ListImages'), request([0x0a, 6, 0x0a, 4, 0x0a, 2], 'ß'))).toBe(true);
    expect(isText(method('ListContainers'), Buffer.alloc(0))).toBe(true);
    expect(isText(method('ListPodSandboxMetrics'), request([0x0a, 1], [0xff]))).toBe(true);
  });
});
