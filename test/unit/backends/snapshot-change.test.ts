import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  changesOfOwned,
  changesOfPlace,
  lossesOf,
  type SnapshotChange,
} from '../../../src/backends/snapshot-change.ts';
import {
  RestorePodRequestSchema,
  RestorePodResponseSchema,
} from '../../../src/cri/gen/runtime/v1/checkpoint_pb.ts';
import {
  CreateContainerRequestSchema,
  CreateContainerResponseSchema,
  ListContainersResponseSchema,
} from '../../../src/cri/gen/runtime/v1/container_calls_pb.ts';
import {
  ListPodSandboxResponseSchema,
  RunPodSandboxRequestSchema,
  RunPodSandboxResponseSchema,
} from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import { methodNamed, type OwnedMethod, type PlaceMethod } from '../../../src/cri/methods.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { scrambleMessage } from '../../support/scramble-message.ts';
import { createContainer, runSandbox, simulatedWorld, WORLD_IMAGE } from '../../support/simulated-world.ts';

const run = methodNamed('RunPodSandbox') as PlaceMethod;
const restore = methodNamed('RestorePod') as PlaceMethod;
const createRow = methodNamed('CreateContainer') as OwnedMethod;
const ANNOTATIONS = { 'example.com/long': 'x'.repeat(300), 'example.com/ümlaut': 'ä' };

function recordOf(change: SnapshotChange | undefined): Buffer {
  if (change === undefined || !('record' in change)) throw new Error('the change has no record');
  return change.record;
}

describe('the record of a new object', () => {
  it('is for a sandbox what the runtime will list', () => {
    const world = simulatedWorld();
    const labels = { app: 'web', empty: '' };
    const { sandbox, config } = runSandbox(
      world,
      { labels, annotations: ANNOTATIONS, hostname: 'h' },
      'runc',
    );
    const request = create(RunPodSandboxRequestSchema, { config, runtimeHandler: 'runc' });
    const reply = create(RunPodSandboxResponseSchema, { podSandboxId: sandbox.id });
    const changes = changesOfPlace(
      run,
      toBinary(RunPodSandboxRequestSchema, request),
      toBinary(RunPodSandboxResponseSchema, reply),
      Number(sandbox.createdAtNs / 1_000_000n),
    );
    expect(changes.map(({ kind }) => kind)).toEqual(['run-sandbox']);
    expect(fromBinary(ListPodSandboxResponseSchema, recordOf(changes[0]))).toEqual(
      fromBinary(ListPodSandboxResponseSchema, sandbox.element(world.profile)),
    );
  });

  it('is for a container what the runtime will list', () => {
    const clock = new FakeClock();
    const world = simulatedWorld(clock);
    const { sandbox } = runSandbox(world, {});
    clock.advance(1);
    const imageRef = world.images.find(WORLD_IMAGE)?.id(world.profile.images) ?? '';
    const image = { image: imageRef, userSpecifiedImage: WORLD_IMAGE, imageRef };
    const { container, config } = createContainer(world, sandbox, {
      image,
      labels: { app: 'web' },
      annotations: ANNOTATIONS,
      envs: [{ key: 'SECRET', value: Buffer.from('hunter2') }],
    });
    const request = create(CreateContainerRequestSchema, { podSandboxId: sandbox.id, config });
    const reply = create(CreateContainerResponseSchema, { containerId: container.id });
    const changes = changesOfOwned(
      createRow,
      sandbox.id,
      toBinary(CreateContainerRequestSchema, request),
      toBinary(CreateContainerResponseSchema, reply),
      Number(container.createdAtNs / 1_000_000n),
    );
    expect(changes).toMatchObject([{ kind: 'create-container', id: container.id, sandboxId: sandbox.id }]);
    const record = recordOf(changes[0]);
    expect(fromBinary(ListContainersResponseSchema, record)).toEqual(
      fromBinary(ListContainersResponseSchema, container.element(world.profile)),
    );
    expect(record.includes('hunter2')).toBe(false);
  });

  it('is the same whatever order and parts the request comes in', () => {
    const world = simulatedWorld();
    const { sandbox, config } = runSandbox(world, { labels: { a: 'b' }, annotations: ANNOTATIONS });
    const plain = toBinary(RunPodSandboxRequestSchema, create(RunPodSandboxRequestSchema, { config }));
    const reply = toBinary(
      RunPodSandboxResponseSchema,
      create(RunPodSandboxResponseSchema, { podSandboxId: sandbox.id }),
    );
    for (let seed = 0; seed < 50; seed++) {
      const scrambled = scrambleMessage(RunPodSandboxRequestSchema, plain, seed);
      const [listed] = fromBinary(
        ListPodSandboxResponseSchema,
        recordOf(changesOfPlace(run, scrambled, reply, 7)[0]),
      ).items;
      const { config: meant } = fromBinary(RunPodSandboxRequestSchema, scrambled);
      expect(listed).toMatchObject({
        metadata: meant?.metadata,
        labels: meant?.labels,
        annotations: meant?.annotations,
        createdAt: 7_000_000n,
      });
    }
  });
});

describe('the changes of a call', () => {
  it('are for a restored pod its sandbox and all containers, in states that nobody knows', () => {
    const request = create(RestorePodRequestSchema, {
      config: { metadata: { name: 'p', uid: 'u' } },
      containerConfigs: [{ metadata: { name: 'known' }, labels: { a: 'b' } }],
    });
    const reply = create(RestorePodResponseSchema, {
      podSandboxId: 's',
      restoredContainers: [
        { name: 'known', containerId: 'c1' },
        { name: 'new', containerId: 'c2' },
      ],
    });
    const changes = changesOfPlace(
      restore,
      toBinary(RestorePodRequestSchema, request),
      toBinary(RestorePodResponseSchema, reply),
      1,
    );
    expect(changes.map((change) => [change.kind, 'id' in change ? change.id : ''])).toEqual([
      ['run-sandbox', 's'],
      ['create-container', 'c1'],
      ['create-container', 'c2'],
      ['lose', ''],
    ]);
    const records = Buffer.concat([recordOf(changes[1]), recordOf(changes[2])]);
    expect(fromBinary(ListContainersResponseSchema, records).containers).toMatchObject([
      { id: 'c1', podSandboxId: 's', metadata: { name: 'known' }, labels: { a: 'b' } },
      { id: 'c2', podSandboxId: 's', metadata: { name: 'new' } },
    ]);
  });

  it('are none for a call that changes nothing in a list', () => {
    const exec = methodNamed('ExecSync') as OwnedMethod;
    expect(changesOfOwned(exec, 'c', new Uint8Array(0), new Uint8Array(0), 1)).toEqual([]);
    expect(lossesOf(exec)).toEqual([]);
  });

  it('are unknown when a reply names no new object', () => {
    expect(changesOfPlace(run, new Uint8Array(0), new Uint8Array(0), 1)).toEqual(lossesOf(run));
    expect(changesOfOwned(createRow, 's', new Uint8Array(0), new Uint8Array(0), 1)).toEqual(
      lossesOf(createRow),
    );
  });

  it.each([
    ['RunPodSandbox', ['ListPodSandbox']],
    ['RestorePod', ['ListPodSandbox', 'ListContainers']],
    ['StopPodSandbox', ['ListPodSandbox', 'ListContainers']],
    ['RemovePodSandbox', ['ListPodSandbox', 'ListContainers']],
    ['CreateContainer', ['ListContainers']],
    ['StartContainer', ['ListContainers']],
    ['StopContainer', ['ListContainers']],
    ['RemoveContainer', ['ListContainers']],
  ])('leave %s in doubt when its outcome is lost', (name, lists) => {
    const method = methodNamed(name) as PlaceMethod | OwnedMethod;
    expect(lossesOf(method)).toEqual(lists.map((list) => ({ kind: 'lose', list })));
  });
});
