// Every RPC of the method table, made directly at real containerds 1.6, 1.7 and 2 and through Switchyard in front of all
// three: equal byte for byte where the table says that a call passes, field for field where it says that replies merge.
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { METHODS } from '../../src/cri/methods.ts';
import { CriClient, type RawReply } from '../support/cri-client.ts';
import type { Response, Rpc } from '../support/cri-codec.ts';
import { aPodSandboxConfig } from '../support/cri-configs.ts';
import { type Pod, runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { type EventListener, listenToEvents } from '../support/event-listener.ts';
import { IMAGES } from '../support/oci-image.ts';
import { until } from '../support/until.ts';
import {
  type Ask,
  aroundMessages,
  ask,
  asks,
  comparableMessage,
  comparableRecords,
  comparableReply,
  expectSame,
} from './both-ways.ts';
import { liveAndRecord } from './pod-life-record.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
/** In the order of the config: the default backend first. */
const BACKENDS = ['old', 'new', 'middle'] as const;
type BackendName = (typeof BACKENDS)[number];
const HANDLERS = { old: 'runc', new: 'runc2', middle: 'runc17' } as const;
const SLEEP = ['-c', 'sleep 600'];
const CONTAINER_EXITED = 2;
const SANDBOX_NOTREADY = 1;
const NOBODY = 'f'.repeat(64);

type Image = Response<'ListImages'>['images'][number];

/** A pod with a container that runs and one that has ended. */
interface Subject {
  readonly backend: BackendName;
  readonly pod: Pod;
  readonly running: string;
  readonly ended: string;
}

let world: World;
let subjects: Subject[];

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  const made = BACKENDS.flatMap((backend) => [
    aSubject(backend, world.cri, HANDLERS[backend]),
    // Switchyard learns of these by itself.
    aSubject(backend, world[backend].cri, 'runc'),
  ]);
  subjects = await Promise.all(made);
});

afterAll(() => world?.[Symbol.asyncDispose]());

async function aSubject(backend: BackendName, cri: CriClient, handler: string): Promise<Subject> {
  const { cgroupParent } = world.run;
  const annotations = { 'test/for': backend, 'test/made': cri === world.cri ? 'through' : 'directly' };
  const pod = await runPod(cri, {
    cgroupParent,
    handler,
    annotations,
    labels: { tier: 'front' },
    logDirectory: world.run.file('logs'),
  });
  const running = await runContainer(cri, pod, {
    image: IMAGES.app,
    args: SLEEP,
    labels: { role: 'db' },
    logPath: `${backend}-${annotations['test/made']}.log`,
  });
  const ended = await runContainer(cri, pod, { name: 'once', image: IMAGES.app, args: ['-c', 'exit 3'] });
  const hasEnded = async () =>
    (await cri.call('ContainerStatus', { containerId: ended })).status?.state === CONTAINER_EXITED;
  await until(hasEnded, 'the second container has ended');
  return { backend, pod, running, ended };
}

/** Runs `compare` for all subjects at once. */
async function forEachSubject(
  compare: (subject: Subject, direct: CriClient) => Promise<void>,
): Promise<void> {
  await Promise.all(subjects.map((subject) => compare(subject, world[subject.backend].cri)));
}

/** Of each RPC that goes to the owner: requests that go well, and requests that the owner refuses. */
const OWNED: Partial<Record<Rpc, (subject: Subject) => Ask[]>> = {
  PodSandboxStatus: ({ pod: { podSandboxId } }) => [
    asks('PodSandboxStatus', { podSandboxId }),
    asks('PodSandboxStatus', { podSandboxId, verbose: true }),
    asks('PodSandboxStatus', { podSandboxId: podSandboxId.slice(0, 20) }),
  ],
  PodSandboxStats: ({ pod: { podSandboxId } }) => [asks('PodSandboxStats', { podSandboxId })],
  PortForward: ({ pod: { podSandboxId } }) => [asks('PortForward', { podSandboxId, port: [80, 443] })],
  UpdatePodSandboxResources: ({ pod: { podSandboxId } }) => [
    asks('UpdatePodSandboxResources', { podSandboxId, resources: { cpuShares: 300 } }),
  ],
  CheckpointPod: ({ pod: { podSandboxId } }) => [
    asks('CheckpointPod', { podSandboxId, outputPath: '/nowhere/pod' }),
  ],
  ContainerStatus: ({ running, ended }) => [
    asks('ContainerStatus', { containerId: running }),
    asks('ContainerStatus', { containerId: running, verbose: true }),
    asks('ContainerStatus', { containerId: running.slice(0, 20) }),
    asks('ContainerStatus', { containerId: ended, verbose: true }),
  ],
  ContainerStats: ({ running, ended }) => [
    asks('ContainerStats', { containerId: running }),
    asks('ContainerStats', { containerId: ended }),
  ],
  ExecSync: ({ running, ended }) => [
    asks('ExecSync', {
      containerId: running,
      cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'],
      timeout: 10,
    }),
    asks('ExecSync', { containerId: running, cmd: ['no-such-program'], timeout: 10 }),
    asks('ExecSync', { containerId: running, cmd: [], timeout: 10 }),
    asks('ExecSync', { containerId: running, cmd: ['sleep', '9'], timeout: 1 }),
    asks('ExecSync', { containerId: ended, cmd: ['true'], timeout: 10 }),
  ],
  Exec: ({ running, ended }) => [
    asks('Exec', { containerId: running, cmd: ['sh'], stdin: true, stdout: true, tty: true }),
    asks('Exec', { containerId: running, cmd: ['sh'] }),
    asks('Exec', { containerId: ended, cmd: ['sh'], stdout: true }),
  ],
  Attach: ({ running, ended }) => [
    asks('Attach', { containerId: running, stdout: true }),
    asks('Attach', { containerId: running }),
    asks('Attach', { containerId: ended, stdout: true }),
  ],
  ReopenContainerLog: ({ running, ended }) => [
    asks('ReopenContainerLog', { containerId: running }),
    asks('ReopenContainerLog', { containerId: ended }),
  ],
  UpdateContainerResources: ({ running, ended }) => [
    asks('UpdateContainerResources', { containerId: running, linux: { cpuShares: 512 } }),
    asks('UpdateContainerResources', { containerId: running, linux: { cpusetCpus: '4095' } }),
    asks('UpdateContainerResources', { containerId: ended, linux: { cpuShares: 512 } }),
  ],
  CheckpointContainer: ({ ended }) => [
    asks('CheckpointContainer', { containerId: ended, location: '/nowhere/checkpoint.tar', timeout: 5 }),
  ],
  StartContainer: ({ running, ended }) => [
    asks('StartContainer', { containerId: running }),
    asks('StartContainer', { containerId: ended }),
  ],
  CreateContainer: ({ pod: { podSandboxId, config } }) => [
    asks('CreateContainer', {
      podSandboxId,
      sandboxConfig: config,
      config: { metadata: { name: 'x' }, image: { image: 'e2e.test/none:1' } },
    }),
    asks('CreateContainer', {
      podSandboxId,
      sandboxConfig: config,
      config: { image: { image: IMAGES.app } },
    }),
    asks('CreateContainer', { podSandboxId }),
  ],
};

/** What a list may be asked for. */
const LISTS: Partial<Record<Rpc, (subject: Subject) => Ask[]>> = {
  ListPodSandbox: ({ pod: { podSandboxId, uid } }) => [
    asks('ListPodSandbox', {}),
    asks('ListPodSandbox', { filter: {} }),
    asks('ListPodSandbox', { filter: { state: { state: SANDBOX_NOTREADY } } }),
    asks('ListPodSandbox', { filter: { labelSelector: { tier: 'front' } } }),
    asks('ListPodSandbox', { filter: { labelSelector: { 'io.kubernetes.pod.uid': uid } } }),
    asks('ListPodSandbox', { filter: { labelSelector: { tier: 'none' } } }),
    asks('ListPodSandbox', { filter: { id: podSandboxId } }),
    asks('ListPodSandbox', { filter: { id: podSandboxId.slice(0, 20) } }),
    asks('ListPodSandbox', { filter: { id: NOBODY } }),
  ],
  ListContainers: ({ pod: { podSandboxId, uid }, running }) => [
    asks('ListContainers', {}),
    asks('ListContainers', { filter: { state: { state: CONTAINER_EXITED } } }),
    asks('ListContainers', { filter: { labelSelector: { role: 'db' } } }),
    asks('ListContainers', { filter: { labelSelector: { 'io.kubernetes.pod.uid': uid } } }),
    asks('ListContainers', { filter: { podSandboxId } }),
    asks('ListContainers', { filter: { id: running } }),
    asks('ListContainers', { filter: { id: running.slice(0, 20) } }),
    asks('ListContainers', { filter: { id: NOBODY } }),
  ],
  ListContainerStats: ({ pod: { podSandboxId }, running }) => [
    asks('ListContainerStats', {}),
    asks('ListContainerStats', { filter: { labelSelector: { role: 'db' } } }),
    asks('ListContainerStats', { filter: { podSandboxId } }),
    asks('ListContainerStats', { filter: { id: running } }),
  ],
  ListPodSandboxStats: ({ pod: { podSandboxId } }) => [
    asks('ListPodSandboxStats', {}),
    asks('ListPodSandboxStats', { filter: { labelSelector: { tier: 'front' } } }),
    asks('ListPodSandboxStats', { filter: { id: podSandboxId } }),
  ],
};

/** Of each streamed list, the one whose records it streams: no containerd here has the stream itself. */
const STREAMED: Partial<Record<Rpc, Rpc>> = {
  StreamPodSandboxes: 'ListPodSandbox',
  StreamContainers: 'ListContainers',
  StreamContainerStats: 'ListContainerStats',
  StreamPodSandboxStats: 'ListPodSandboxStats',
};

/** The calls in a pod's life: they cannot be made twice on one object, so one pod lives directly and one through. */
const IN_A_LIFE: readonly Rpc[] = [
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'StopContainer',
  'RemoveContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
];

describe('a call to the owner', () => {
  for (const [rpc, requests] of Object.entries(OWNED)) {
    it(`has through Switchyard the answer that the owner gives: ${rpc}`, async () => {
      await forEachSubject(async (subject, direct) => {
        for (const asked of requests(subject)) await expectSame(direct, world.cri, asked);
      });
    });
  }

  it(`has the same answer in each step of a pod's life: ${IN_A_LIFE.join(', ')}`, async () => {
    const { cgroupParent } = world.run;
    const compareLives = async (backend: BackendName) => {
      const direct = world[backend].cri;
      const live = async (client: CriClient, name: string) => {
        const handler = client === world.cri ? HANDLERS[backend] : 'runc';
        return { backend, steps: await liveAndRecord(client, { name, handler, cgroupParent }) };
      };
      // One after the other under one name, in both orders.
      expect(await live(world.cri, `first-${backend}`)).toEqual(await live(direct, `first-${backend}`));
      const directly = await live(direct, `second-${backend}`);
      expect(await live(world.cri, `second-${backend}`)).toEqual(directly);
      const rpcs = directly.steps.map(({ rpc }) => rpc);
      expect(rpcs).toEqual(expect.arrayContaining([...IN_A_LIFE]));
    };
    await Promise.all(BACKENDS.map(compareLives));
  });

  it.each(BACKENDS)(
    'that none of the runtimes has is refused in the words of backend %s: RestorePod',
    async (backend) => {
      const config = aPodSandboxConfig({ cgroupParent: world.run.cgroupParent });
      const asked = asks('RestorePod', {
        checkpointPath: '/nowhere/pod',
        config,
        runtimeHandler: HANDLERS[backend],
      });
      await expectSame(world[backend].cri, world.cri, asked);
    },
  );
});

describe('a list', () => {
  /** One subject of each backend, made through Switchyard or behind its back. */
  const some = () => subjects.filter((_, index) => [0, 3, 4].includes(index));
  /** What the runtimes answer to the same question. */
  const askAll = (asked: Ask) => Promise.all(BACKENDS.map((backend) => ask(world[backend].cri, asked)));

  for (const [rpc, requests] of Object.entries(LISTS) as [Rpc, (subject: Subject) => Ask[]][]) {
    it(`has through Switchyard the records that all runtimes have, and no others: ${rpc}`, async () => {
      for (const subject of some()) {
        for (const asked of requests(subject)) {
          const before = await ask(world.cri, asked);
          const all = comparableRecords(rpc, await askAll(asked));
          const after = await ask(world.cri, asked);
          expect(comparableRecords(rpc, [before])).toEqual(all);
          expect(comparableRecords(rpc, [after])).toEqual(all);
          const own = await ask(world[subject.backend].cri, asked);
          expect(aroundMessages(rpc, after)).toEqual(aroundMessages(rpc, own));
        }
      }
    });
  }

  for (const [rpc, unary] of Object.entries(STREAMED) as [Rpc, Rpc][]) {
    it(`is the same streamed by Switchyard: ${rpc}`, async () => {
      for (const { bytes } of some().flatMap((subject) => LISTS[unary]?.(subject) ?? [])) {
        const streamed = await ask(world.cri, { rpc, bytes });
        const all = await askAll({ rpc: unary, bytes });
        expect(comparableRecords(rpc, [streamed])).toEqual(comparableRecords(unary, all));
      }
    });
  }

  it.each(['ListMetricDescriptors', 'ListPodSandboxMetrics'] as const)(
    'that no runtime here has is UNIMPLEMENTED through Switchyard in the words of the default one: %s',
    async (rpc) => {
      await expectSame(world.old.cri, world.cri, asks(rpc, {}));
    },
  );
});

describe('a stream of what no runtime here has', () => {
  it('is empty: an UNIMPLEMENTED would make the kubelet take unary lists for everything', async () => {
    const { code, messages } = await ask(world.cri, asks('StreamPodSandboxMetrics', {}));
    expect({ code, messages }).toEqual({ code: 0, messages: [] });
  });
});

describe('a stream of events', () => {
  const CONTAINER_DELETED_EVENT = 3;
  const eventsOf = ({ events }: EventListener, podName: string) =>
    events.filter(({ podSandboxStatus }) => podSandboxStatus?.metadata?.name === podName);
  const isOver = (listener: EventListener, podName: string) =>
    eventsOf(listener, podName).some(
      ({ containerId, containerEventType, podSandboxStatus }) =>
        containerEventType === CONTAINER_DELETED_EVENT && containerId === podSandboxStatus?.id,
    );

  // containerd 1.6 has no events, and 1.7 gives each to one listener only, which is Switchyard.
  it('tells of a pod on containerd 2 what that tells by itself: GetContainerEvents', async () => {
    const listeners = [listenToEvents(world.new.cri), listenToEvents(world.cri)];
    try {
      // A listener that has heard the end of the first pod hears all of the second.
      for (const name of ['heard', 'compared']) {
        const { cgroupParent } = world.run;
        await liveAndRecord(world.cri, { name, handler: HANDLERS.new, cgroupParent });
        await until(
          () => listeners.every((one) => isOver(one, name)),
          `all are told of the end of pod ${name}`,
        );
      }
      const [directly, through] = listeners.map((listener) => eventsOf(listener, 'compared'));
      expect(through).toEqual(directly);
    } finally {
      for (const listener of listeners) listener.leave();
    }
  });
});

describe('a call about images', () => {
  /** By id, what the runtimes say of each image, the default one first. */
  async function copiesById(): Promise<Map<string, Image[]>> {
    const copies = new Map<string, Image[]>();
    for (const backend of BACKENDS) {
      const { images } = await world[backend].cri.call('ListImages', {});
      for (const image of images) copies.set(image.id, [...(copies.get(image.id) ?? []), image]);
    }
    return copies;
  }

  async function streamedImages(): Promise<Image[]> {
    const images: Image[] = [];
    for await (const part of world.cri.stream('StreamImages', {})) images.push(...part.images);
    return images;
  }

  it('lists each image once, with what all runtimes know of it: ListImages, StreamImages', async () => {
    // One that only one of them has, in the middle of the list.
    await world.new.cri.call('PullImage', { image: { image: world.pullable } });
    const copies = await copiesById();
    expect([...copies.values()].map(({ length }) => length).sort()).toEqual([1, 3, 3]);
    const united = (lists: readonly string[][]) => [...new Set(lists.flat())].sort();
    const expected = [...copies].map(([id, all]) => ({
      ...(all[0] as Image),
      id,
      repoTags: united(all.map(({ repoTags }) => repoTags)),
      repoDigests: united(all.map(({ repoDigests }) => repoDigests)),
      size: Math.max(...all.map(({ size }) => size)),
      pinned: all.some(({ pinned }) => pinned),
    }));
    const byId = (a: Image, b: Image) => (a.id < b.id ? -1 : 1);
    const sorted = (images: readonly Image[]) =>
      images
        .map((image) => ({
          ...image,
          repoTags: united([image.repoTags]),
          repoDigests: united([image.repoDigests]),
        }))
        .sort(byId);
    expect(sorted((await world.cri.call('ListImages', {})).images)).toEqual(expected.sort(byId));
    expect(sorted(await streamedImages())).toEqual(expected);
  });

  it('about a pod has the answer of the backend of that pod: ImageStatus, PullImage', async () => {
    await forEachSubject(async ({ pod: { config } }, direct) => {
      const { annotations } = config;
      for (const image of [IMAGES.app, IMAGES.appOtherTag, 'e2e.test/none:1']) {
        await expectSame(
          direct,
          world.cri,
          asks('ImageStatus', { image: { image, annotations }, verbose: true }),
        );
      }
      const missing = world.pullable.replace(/:[^:/]+$/, ':none');
      for (const image of [world.pullable, missing, 'Not A Name']) {
        const asked = asks('PullImage', { image: { image, annotations }, sandboxConfig: config });
        await expectSame(direct, world.cri, asked);
      }
    });
  });

  it('for a runtime handler has the answer of its backend, which knows it by its own name', async () => {
    for (const backend of BACKENDS) {
      for (const rpc of ['PullImage', 'ImageStatus'] as const) {
        const request = (runtimeHandler: string) =>
          asks(rpc, { image: { image: world.pullable, runtimeHandler } });
        const direct = await ask(world[backend].cri, request('runc'));
        const through = await ask(world.cri, request(HANDLERS[backend]));
        expect(comparableReply(rpc, through)).toEqual(comparableReply(rpc, direct));
      }
    }
  });

  it('that names no pod has the answer of one of the backends: ImageStatus', async () => {
    const id = (await world.old.cri.call('ImageStatus', { image: { image: IMAGES.app } })).image?.id ?? '';
    for (const image of [IMAGES.app, id, 'e2e.test/none:1', '']) {
      const asked = asks('ImageStatus', { image: { image } });
      const answers = await Promise.all(BACKENDS.map((backend) => ask(world[backend].cri, asked)));
      const through = await ask(world.cri, asked);
      const comparables = answers.map((reply) => comparableReply('ImageStatus', reply));
      expect(comparables).toContainEqual(comparableReply('ImageStatus', through));
    }
  });

  it('names the file systems of all, the default backend first: ImageFsInfo', async () => {
    const asked = asks('ImageFsInfo', {});
    const answers = await Promise.all(BACKENDS.map((backend) => ask(world[backend].cri, asked)));
    const joined = Buffer.concat(answers.map(({ bytes }) => bytes));
    const through = await ask(world.cri, asked);
    expect(comparableMessage('ImageFsInfo', through.bytes)).toBe(comparableMessage('ImageFsInfo', joined));
    const own = aroundMessages('ImageFsInfo', answers[0] as RawReply);
    expect(aroundMessages('ImageFsInfo', through)).toEqual(own);
  });

  it('removes an image everywhere with the reply of one runtime: RemoveImage', async () => {
    const asked = asks('RemoveImage', { image: { image: world.pullable } });
    await world.old.cri.call('PullImage', { image: { image: world.pullable } });
    const direct = await ask(world.old.cri, asked);
    await world.old.cri.call('PullImage', { image: { image: world.pullable } });
    const through = await ask(world.cri, asked);
    expect(comparableReply('RemoveImage', through)).toEqual(comparableReply('RemoveImage', direct));
    for (const backend of BACKENDS) {
      const left = await world[backend].cri.call('ImageStatus', { image: { image: world.pullable } });
      expect([backend, left.image]).toEqual([backend, null]);
    }
    // A second time there is nothing to remove.
    const again = await ask(world.cri, asked);
    expect(comparableReply('RemoveImage', again)).toEqual(
      comparableReply('RemoveImage', await ask(world.old.cri, asked)),
    );
  });
});

describe('a call about the node', () => {
  it('has the version of the default backend: Version', async () => {
    await expectSame(world.old.cri, world.cri, asks('Version', { version: '0.1.0' }));
  });

  it('has the conditions of the default backend and one for each backend: Status', async () => {
    const own = await world.old.cri.call('Status', {});
    const { status, info } = await world.cri.call('Status', {});
    const ready = BACKENDS.map((name) => ({
      type: `Backend.${name}.Ready`,
      status: true,
      reason: '',
      message: '',
    }));
    expect(status?.conditions).toEqual([...(own.status?.conditions ?? []), ...ready]);
    expect(info).toEqual({});
  });

  it('has each runtime handler by the name pods know it by, with what holds wherever it may lead: Status', async () => {
    const { runtimeHandlers, features } = await world.cri.call('Status', {});
    const told = await world.new.cri.call('Status', {});
    const none = { recursiveReadOnlyMounts: false, userNamespaces: false };
    const own = told.runtimeHandlers.find(({ name }) => name === 'runc')?.features;
    expect(Object.fromEntries(runtimeHandlers.map((handler) => [handler.name, handler.features]))).toEqual({
      // containerd 1.6 and 1.7 tell of no features.
      '': none,
      runc: none,
      runc17: none,
      runc2: own,
    });
    expect(told.features).toMatchObject({ supplementalGroupsPolicy: true });
    expect(features?.supplementalGroupsPolicy ?? false).toBe(false);
  });

  it('has the info of the default backend, and that of the others below their names: Status, verbose', async () => {
    const { info } = await world.cri.call('Status', { verbose: true });
    const infos = await Promise.all(
      BACKENDS.map(async (backend) => {
        const own = await world[backend].cri.call('Status', { verbose: true });
        const prefix = backend === 'old' ? '' : `${backend}.`;
        return Object.entries(own.info).map(([key, value]) => [prefix + key, value]);
      }),
    );
    expect(info).toEqual(Object.fromEntries(infos.flat()));
  });

  it('has the cgroup driver that the runtimes tell: RuntimeConfig', async () => {
    // containerd 1.6 and 1.7 cannot tell.
    await expectSame(world.new.cri, world.cri, asks('RuntimeConfig', {}));
  });

  it('has the reply of the default backend: UpdateRuntimeConfig', async () => {
    const runtimeConfig = { networkConfig: { podCidr: '10.11.0.0/16' } };
    await expectSame(world.old.cri, world.cri, asks('UpdateRuntimeConfig', { runtimeConfig }));
  });
});

describe('a call that Switchyard answers by itself', () => {
  /** What containerd 1.7 says to each, and what Switchyard says: the same code, unless there is a reason. */
  const OWN: readonly { what: string; asked: Ask; direct: number; through: number; why: string }[] = [
    {
      what: 'the status of an unknown pod sandbox',
      asked: asks('PodSandboxStatus', { podSandboxId: NOBODY }),
      direct: status.NOT_FOUND,
      through: status.NOT_FOUND,
      why: 'every backend was asked',
    },
    {
      what: 'an unknown container that is started',
      asked: asks('StartContainer', { containerId: NOBODY }),
      direct: status.NOT_FOUND,
      through: status.NOT_FOUND,
      why: 'every backend was asked',
    },
    {
      what: 'a command in an unknown container',
      asked: asks('ExecSync', { containerId: NOBODY, cmd: ['true'] }),
      direct: status.NOT_FOUND,
      through: status.NOT_FOUND,
      why: 'every backend was asked',
    },
    {
      what: 'a container in an unknown pod sandbox',
      asked: asks('CreateContainer', { podSandboxId: NOBODY }),
      direct: status.NOT_FOUND,
      through: status.NOT_FOUND,
      why: 'every backend was asked',
    },
    {
      what: 'an unknown container that is stopped',
      asked: asks('StopContainer', { containerId: NOBODY }),
      direct: status.OK,
      through: status.OK,
      why: 'CRI wants no error for what is gone',
    },
    {
      what: 'an unknown pod sandbox that is removed',
      asked: asks('RemovePodSandbox', { podSandboxId: NOBODY }),
      direct: status.OK,
      through: status.OK,
      why: 'CRI wants no error for what is gone',
    },
    {
      what: 'the status of a container without an id',
      asked: asks('ContainerStatus', {}),
      direct: status.UNKNOWN,
      through: status.INVALID_ARGUMENT,
      why: 'no backend can be found by it',
    },
    {
      what: 'an empty id that is stopped',
      asked: { rpc: 'StopPodSandbox', bytes: Buffer.from([0x0a, 0]) },
      direct: status.UNKNOWN,
      through: status.INVALID_ARGUMENT,
      why: 'no backend can be found by it',
    },
    {
      what: 'bytes that are no message',
      asked: { rpc: 'ListContainers', bytes: Buffer.from([0xff, 0xff, 0xff]) },
      direct: status.INTERNAL,
      through: status.INTERNAL,
      why: 'it was read here, and is answered as runtimes do',
    },
    {
      what: 'a runtime handler that nobody has',
      asked: asks('RunPodSandbox', { config: aPodSandboxConfig(), runtimeHandler: 'none' }),
      direct: status.UNKNOWN,
      through: status.FAILED_PRECONDITION,
      why: 'the rules refuse it before any backend is asked',
    },
  ];

  it.each(OWN)('ends with the code that is due: $what, for $why', async ({ asked, direct, through }) => {
    expect((await ask(world.middle.cri, asked)).code).toBe(direct);
    expect((await ask(world.cri, asked)).code).toBe(through);
  });
});

describe('a client of v1alpha2', () => {
  /** Kubernetes 1.25, which added these to v1, kept v1alpha2 as it was. */
  const isInV1alpha2 = (rpc: string) => (METHODS.find(({ name }) => name === rpc)?.since ?? '') < '1.25';
  /** One request of each RPC of the older version; the further ones in the table are variants. */
  const owned = (subject: Subject) =>
    Object.entries(OWNED)
      .filter(([rpc]) => isInV1alpha2(rpc))
      .flatMap(([, requests]) => requests(subject).slice(0, 1));
  let through: CriClient;

  beforeAll(() => {
    if (skipReason === undefined) through = world.switchyard.connect('v1alpha2');
  });

  afterAll(() => through?.close());

  it('is told by Switchyard what a client of v1 is told', async () => {
    await forEachSubject(async (subject, direct) => {
      for (const asked of owned(subject)) await expectSame(direct, through, asked);
    });
    for (const requests of Object.values(LISTS)) {
      for (const asked of subjects.slice(0, 1).flatMap(requests)) {
        const [older, newer] = [await ask(through, asked), await ask(world.cri, asked)];
        expect(comparableRecords(asked.rpc, [older])).toEqual(comparableRecords(asked.rpc, [newer]));
      }
    }
  });

  // After this the two show in their Status that somebody spoke v1alpha2 to them.
  it.each(['old', 'middle'] as const)(
    'is told what backend %s itself tells such a client',
    async (backend) => {
      using direct = new CriClient(world[backend].socket, { version: 'v1alpha2' });
      for (const subject of subjects.filter((one) => one.backend === backend)) {
        for (const asked of owned(subject)) await expectSame(direct, through, asked);
      }
      const life = { name: 'older', cgroupParent: world.run.cgroupParent };
      const directly = await liveAndRecord(direct, { ...life, handler: 'runc' });
      expect(await liveAndRecord(through, { ...life, handler: HANDLERS[backend] })).toEqual(directly);
    },
  );
});

/** RPCs that have a test of their own. */
const OTHERS: readonly string[] = [
  'RestorePod',
  'ListMetricDescriptors',
  'ListPodSandboxMetrics',
  'StreamPodSandboxMetrics',
  'ListImages',
  'StreamImages',
  'ImageStatus',
  'PullImage',
  'RemoveImage',
  'ImageFsInfo',
  'Version',
  'Status',
  'RuntimeConfig',
  'UpdateRuntimeConfig',
  'GetContainerEvents',
];

it('has compared every RPC of the method table', () => {
  const compared = [
    ...IN_A_LIFE,
    ...Object.keys(OWNED),
    ...Object.keys(LISTS),
    ...Object.keys(STREAMED),
    ...OTHERS,
  ];
  expect(METHODS.map(({ name }) => name).filter((name) => !compared.includes(name))).toEqual([]);
});
