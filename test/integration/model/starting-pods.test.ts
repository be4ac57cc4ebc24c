// Pods that start at the same moment on five runtimes, whose images of one name have different users, ids and digests.
// The last look-up before a container is made names no pod, and its answer decides the user. START_PODS: how many pods
// at a time; START_SEED: another sequence.
import { afterEach, describe, expect, it } from 'vitest';
import { ContainerState } from '../../../src/cri/gen/runtime/v1/container_pb.ts';
import type { Container } from '../../../src/simulator/container.ts';
import { type ProxyWorld, proxyWorld, type WorldBackend } from '../../support/proxy-world.ts';
import {
  type KubeletTraits,
  type PodToStart,
  type RunningPod,
  StartingKubelet,
} from '../../support/starting-kubelet.ts';

const { env } = process;
const PODS = Number(env['START_PODS'] ?? 25);
const SEED = Number(env['START_SEED'] ?? 1);

const IMAGES = ['registry.test/app', 'registry.test/db:1'];
/** The user of each runtime's images of those names: a number, a name, or none, which is root. */
const USERS = [{ uid: 1000 }, {}, { username: 'app' }, { uid: 2000 }, { uid: 3000 }] as const;
const KINDS = [
  { name: 'one', profile: 'containerd-2.1', handlers: { '': '' } },
  { name: 'two', profile: 'cri-o', handlers: { crun: 'crun' } },
  { name: 'three', profile: 'containerd-1.7', handlers: { three: 'runc' } },
  { name: 'four', profile: 'cri-dockerd', handlers: { docker: 'docker' } },
  { name: 'five', profile: 'containerd-1.6', handlers: { five: 'runc' } },
] as const;

const seedsOf = (at: number) =>
  IMAGES.map((name, image) => ({
    references: [name],
    ...USERS[at],
    configDigest: `${at}${image}`.repeat(32),
    manifestDigest: `${image}${at}`.repeat(32),
  }));

/** `present`: the images lie in each store already; else they must be pulled. */
function world(images: 'present' | 'missing'): Promise<ProxyWorld> {
  const backends = KINDS.map(
    (kind, at): WorldBackend => ({
      ...kind,
      timeouts: { listMs: 5_000, statusMs: 5_000 },
      runtime: { registry: seedsOf(at), ...(images === 'present' && { images: seedsOf(at) }) },
    }),
  );
  return proxyWorld(backends);
}

const CURRENT: KubeletTraits = { thinkMs: 10, backOffMs: 100, tries: 12, sendsName: true, asksForSize: true };

/** How many of 1,000 containers may need a second try: a real kubelet waits 10 to 15 s before that. */
const RETRIES = 20;

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function aPod(number: number, traits: Partial<PodToStart> = {}): PodToStart {
  const kind = KINDS[number % KINDS.length] as (typeof KINDS)[number];
  const image = IMAGES[Math.floor(number / KINDS.length) % IMAGES.length] as string;
  const [handler = ''] = Object.keys(kind.handlers);
  return { name: `pod-${number}`, handler, image, pullPolicy: 'IfNotPresent', ...traits };
}

/** What is wrong with a pod's container, in words; empty when it is what its pod asked for. */
function faultsOf(stage: ProxyWorld, pod: RunningPod): string[] {
  for (const [at, { name }] of KINDS.entries()) {
    const { world: runtime } = stage.runtime(name);
    const container = runtime.containers.get(pod.containerId);
    if (container === undefined) continue;
    const wanted = USERS[at] as { uid?: number; username?: string };
    const user = wanted.username ?? String(wanted.uid ?? 0);
    const due = pod.runAsUser === undefined ? user : String(pod.runAsUser);
    const faults: string[] = [];
    if (container.state !== ContainerState.CONTAINER_RUNNING) faults.push('does not run');
    if (userOf(container) !== due) faults.push(`runs as ${userOf(container)}, not ${due}`);
    if (container.image !== runtime.images.find(pod.image)) faults.push('has another image');
    return faults.map((fault) => `${pod.name} on ${name} ${fault}`);
  }
  return [`${pod.name} has no container`];
}

function userOf({ config }: Container): string {
  const context = config.linux?.securityContext;
  return context?.runAsUser === undefined ? (context?.runAsUsername ?? '') : String(context.runAsUser.value);
}

describe('pods that start at the same moment on five runtimes, from different images of one name', () => {
  let stage: ProxyWorld;
  afterEach(() => stage[Symbol.asyncDispose]());

  /** Starts them all at once; gives what is wrong, and how often a start had to be tried again. */
  async function startAll(kubelet: StartingKubelet, pods: readonly PodToStart[]) {
    const running = await Promise.all(pods.map((pod) => kubelet.start(pod)));
    return { running, ...judge(running) };
  }

  function judge(running: readonly RunningPod[]) {
    return {
      wrong: running.flatMap((pod) => faultsOf(stage, pod)),
      retries: running.reduce((count, { failures }) => count + failures.length, 0),
    };
  }

  const START: Readonly<Record<string, { traits: Partial<PodToStart>; kubelet?: Partial<KubeletTraits> }>> = {
    'that lie there': { traits: {} },
    'that must be pulled': { traits: {} },
    'that are always pulled': { traits: { pullPolicy: 'Always' } },
    'that are pulled by a kubelet before 1.28': {
      traits: { pullPolicy: 'Always' },
      kubelet: { sendsName: false, asksForSize: false },
    },
  };

  it.each(Object.keys(START))(
    'get user and image of their own runtime: images %s',
    {
      timeout: 120_000,
    },
    async (kind) => {
      const { traits = {}, kubelet: differing } = START[kind] ?? {};
      stage = await world(kind === 'that lie there' ? 'present' : 'missing');
      const kubeletTraits = { ...CURRENT, ...differing };
      using kubelet = new StartingKubelet(stage.switchyard.socket, kubeletTraits, randomFrom(SEED));
      let retries = 0;
      for (let first = 0; first < 1_000; first += PODS) {
        const pods = Array.from({ length: PODS }, (_, at) => aPod(first + at, traits));
        const round = await startAll(kubelet, pods);
        expect(round.wrong).toEqual([]);
        retries += round.retries;
      }
      expect(retries).toBeLessThan(RETRIES);
    },
  );

  it('get the user that they ask for themselves, which others have from their image', {
    timeout: 120_000,
  }, async () => {
    stage = await world('present');
    using kubelet = new StartingKubelet(stage.switchyard.socket, CURRENT, randomFrom(SEED));
    const asked = [0, 1000, 2000, 3000, undefined];
    let retries = 0;
    for (let first = 0; first < 500; first += PODS) {
      const pods = Array.from({ length: PODS }, (_, at) => {
        const runAsUser = asked[(first + at + Math.floor(at / 5)) % asked.length];
        return aPod(first + at, runAsUser === undefined ? {} : { runAsUser });
      });
      const round = await startAll(kubelet, pods);
      expect(round.wrong).toEqual([]);
      retries += round.retries;
    }
    expect(retries).toBeLessThan(RETRIES);
  });

  it('get theirs beside pods on each runtime whose containers never come', { timeout: 120_000 }, async () => {
    stage = await world('present');
    using kubelet = new StartingKubelet(stage.switchyard.socket, CURRENT, randomFrom(SEED));
    const end = new AbortController();
    const inVain = KINDS.map((_, at) => aPod(at, { name: `in-vain-${at}`, image: IMAGES[0] as string }));
    const over = Promise.all(inVain.map((pod) => kubelet.startInVain(pod, end.signal)));
    try {
      for (let first = 0; first < 200; first += PODS) {
        const pods = Array.from({ length: PODS }, (_, at) => aPod(first + at));
        expect((await startAll(kubelet, pods)).wrong).toEqual([]);
      }
    } finally {
      end.abort();
      await over;
    }
  });

  it('get them again when a container ends after a restart of the kubelet, which stamps all pods anew', {
    timeout: 120_000,
  }, async () => {
    stage = await world('present');
    using kubelet = new StartingKubelet(stage.switchyard.socket, CURRENT, randomFrom(SEED));
    const pods = Array.from({ length: PODS }, (_, at) => aPod(at));
    const { running } = await startAll(kubelet, pods);
    for (const pod of running) {
      kubelet.stampAnew(running);
      await end([pod]);
      await kubelet.restartContainer(pod);
    }
    expect(judge(running)).toEqual({ wrong: [], retries: 0 });
  });

  it('get them again when all containers end at the same moment after a restart of the kubelet', {
    timeout: 120_000,
  }, async () => {
    stage = await world('present');
    using kubelet = new StartingKubelet(stage.switchyard.socket, CURRENT, randomFrom(SEED));
    const pods = Array.from({ length: PODS }, (_, at) => aPod(at));
    const { running } = await startAll(kubelet, pods);
    for (let round = 0; round < 8; round++) {
      kubelet.stampAnew(running);
      await end(running);
      await Promise.all(running.map((pod) => kubelet.restartContainer(pod)));
      expect(judge(running).wrong).toEqual([]);
    }
    // The first try of each teaches where it is.
    expect(judge(running).retries).toBeLessThanOrEqual(8 * PODS);
  });

  /** The containers end by themselves, and the kubelet sees that. */
  async function end(pods: readonly RunningPod[]): Promise<void> {
    for (const { name } of KINDS) {
      const { world: runtime } = stage.runtime(name);
      for (const { containerId } of pods) {
        const container = runtime.containers.get(containerId);
        if (container !== undefined) runtime.exitContainer(container, 1);
      }
    }
    await stage.client.call('ListContainers', {});
  }
});
