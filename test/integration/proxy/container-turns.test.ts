// Pods on several backends that start from images of one name with different users, where a kubelet is slow, where
// others never create a container, and where a kubelet pulls one image after the other.
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../../src/clock.ts';
import { aContainerConfig } from '../../support/cri-configs.ts';
import { type Pod, runPod } from '../../support/cri-pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { lookUp, stamped } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';

const APP = 'registry.test/app:1';
const OF_MAIN = { references: [APP], uid: 1_000, configDigest: 'a1'.repeat(32) };
/** Names no user: root. */
const OF_SIDE = { references: [APP], configDigest: 'b2'.repeat(32) };
const ROOT = 0;

describe('pods that start from images of one name with different users', () => {
  let world: ProxyWorld;
  let clock: FakeClock;
  let isOver: boolean;

  beforeEach(async () => {
    clock = new FakeClock();
    isOver = false;
    const withImage = (image: object) => ({ registry: [image], images: [image] }) as object;
    world = await proxyWorld(
      [
        { name: 'main', profile: 'containerd-2.1', runtime: withImage(OF_MAIN) },
        { name: 'side', profile: 'containerd-2.1', handlers: { side: '' }, runtime: withImage(OF_SIDE) },
      ],
      undefined,
      clock,
    );
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const pods = (count: number, handler: '' | 'side', first: number) =>
    Promise.all(
      Array.from({ length: count }, (_, at) =>
        runPod(world.client, { handler, annotations: stamped(`${first + at}`) }),
      ),
    );
  const annotationsOf = ({ config }: Pod) => config.annotations ?? {};
  const bareUser = async () => (await lookUp(world.client, APP))?.uid?.value ?? ROOT;

  /** Time goes on, in small steps in which the backends answer, until the test is over. */
  async function timed<T>(test: Promise<T>): Promise<T> {
    void test.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      clock.advance(5);
      for (let round = 0; round < 5; round++) await yieldToLoop();
    }
    return test;
  }

  let attempts = 0;
  /** One try of a kubelet that takes so long from its first look-up to the second; gives the user, or the refusal. */
  async function tryToStart(pod: Pod, tookMs: number, runAsUser?: number): Promise<number | 'refused'> {
    const image = (await lookUp(world.client, APP, annotationsOf(pod)))?.id ?? '';
    await sleep(clock, tookMs);
    const user = runAsUser ?? (await bareUser());
    if (runAsUser !== undefined) await bareUser();
    const config = {
      ...aContainerConfig({ image, attempt: attempts++ }),
      image: { image, userSpecifiedImage: APP },
      linux: { securityContext: { runAsUser: { value: user } } },
    };
    const { podSandboxId, config: sandboxConfig } = pod;
    try {
      await world.client.call('CreateContainer', { podSandboxId, config, sandboxConfig });
      return user;
    } catch (error) {
      expect(error).toMatchObject({ code: status.UNAVAILABLE });
      return 'refused';
    }
  }

  /** Ten pods whose containers never come, as a ConfigMap of theirs is missing: a kubelet tries each again and again. */
  const neverCreating = async () =>
    (await pods(10, 'side', 100)).map(async (pod, at) => {
      await sleep(clock, at * 500);
      while (!isOver) {
        await lookUp(world.client, APP, annotationsOf(pod));
        await sleep(clock, 5_000);
      }
    });

  it('R15: a slow one among pods that never create a container gets more time, and never their user', async () => {
    const [slow, quick] = await pods(2, '', 1);
    void (await neverCreating());
    const replica: unknown[] = [];
    void (async () => {
      while (!isOver) {
        replica.push(await tryToStart(quick as Pod, 20));
        await sleep(clock, 1_500);
      }
    })();
    const tries = async () => {
      const ends: unknown[] = [];
      for (let starts = 0; starts < 10; starts++) ends.push(await tryToStart(slow as Pod, 3_000));
      return ends;
    };
    const ends = await timed(tries());
    expect(ends).not.toContain(ROOT);
    expect(ends.join(' ')).not.toContain('refused refused refused');
    expect(ends.filter((end) => end === OF_MAIN.uid).length).toBeGreaterThanOrEqual(5);
    expect(replica).not.toContain(ROOT);
  });

  it('R15: so does one that asks for that very user itself', async () => {
    const [slow] = await pods(1, '', 1);
    void (await neverCreating());
    const tries = async () => {
      const ends: unknown[] = [];
      for (let starts = 0; starts < 6; starts++) ends.push(await tryToStart(slow as Pod, 3_000, ROOT));
      return ends;
    };
    const ends = await timed(tries());
    expect(ends.join(' ')).not.toContain('refused refused refused');
    expect(ends).toContain(ROOT);
  });

  it('R15: pulls wait half a second at most, the look-ups of sizes after them not at all', async () => {
    const all = [...(await pods(5, '', 1)), ...(await pods(5, 'side', 11))];
    const inTurn = all.map((_, at) => all[(at % 2) * 5 + Math.floor(at / 2)] as Pod);
    const rounds: number[] = [];
    const pullAll = async () => {
      let longestMs = 0;
      const fromMs = clock.now();
      for (const pod of inTurn) {
        const beganMs = clock.now();
        const image = { image: APP, annotations: annotationsOf(pod) };
        await world.client.call('PullImage', { image, sandboxConfig: pod.config });
        await lookUp(world.client, APP, annotationsOf(pod));
        longestMs = Math.max(longestMs, clock.now() - beganMs);
      }
      rounds.push(clock.now() - fromMs);
      return longestMs;
    };
    const test = async () => {
      for (let round = 0; round < 6; round++) expect(await pullAll()).toBeLessThan(1_000);
    };
    await timed(test());
    // No container ever comes: the pods that pull wait for each other less and less.
    expect(rounds[5]).toBeLessThan((rounds[0] as number) / 2);
  });
});
