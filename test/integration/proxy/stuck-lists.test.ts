// A runtime that answers Version and nothing else, as a containerd whose metadata store is locked does.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import type { ActiveFault } from '../../../src/simulator/faults.ts';
import type { RawReply } from '../../support/cri-client.ts';
import { codecOf, type Request, type Rpc } from '../../support/cri-codec.ts';
import { type Pod, runContainer, runPod } from '../../support/cri-pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { type Arrival, scriptedBackend } from '../../support/scripted-backend.ts';
import { until } from '../../support/until.ts';

/** A kubelet's runtimeRequestTimeout. */
const KUBELET_MS = 120_000;
/** A kubelet without a list for so long makes its node NotReady. */
const UNHEALTHY_MS = 180_000;
/** Two for a list to be late, at most eight until the question, sixty for its answer. */
const FOUND_MS = 70_000;
const REASON = 'it answers Version, but no ListPodSandbox for 60 s';
const STEP_MS = 100;
/** Turns of the event loop in each step: ten steps are enough for a question and its answer. */
const TURNS = 4;
const PATIENCE_MS = 25_000;

/** Time goes on in small steps, in which runtimes answer. */
async function turnUntil(clock: FakeClock, isTrue: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error(`time was turned in vain until ${what}`);
    clock.advance(STEP_MS);
    for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a backend that answers Version and nothing else', () => {
  let clock: FakeClock;
  let world: ProxyWorld;
  let pod: Pod;
  let containerId: string;

  beforeEach(async () => {
    clock = new FakeClock();
    world = await proxyWorld(
      [
        { name: 'one', profile: 'containerd-2.1' },
        { name: 'two', profile: 'reference', handlers: { two: '' } },
      ],
      undefined,
      clock,
    );
    const { client } = world;
    await runPod(client, { name: 'other' });
    pod = await runPod(client, { handler: 'two' });
    containerId = await runContainer(client, pod, { image: SIMULATED_IMAGE });
    await client.call('ContainerStatus', { containerId });
    await relist();
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const relist = async () => {
    await world.client.call('ListPodSandbox', {});
    await world.client.call('ListContainers', {});
  };
  const getStuck = (): ActiveFault[] => {
    const { faults } = world.runtime('two');
    const rpcs = new Set(world.runtime('two').journal.map(({ method }) => method));
    for (const rpc of ['ListContainers', 'ListPodSandbox', 'ListImages', 'ContainerStats', 'ExecSync'])
      rpcs.add(rpc);
    rpcs.delete('Version');
    return [...rpcs].map((rpc) => faults.add(rpc, { kind: 'hang' }));
  };
  const goOn = (faults: readonly ActiveFault[]) => {
    for (const fault of faults) fault.clear();
  };
  const callsOf = (rpc: string) => world.runtime('two').journal.filter(({ method }) => method === rpc);
  /** Its states so far, with the reason. */
  const states = () =>
    world.lines
      .filter(({ fields }) => fields['backend'] === 'two' && fields['state'] !== undefined)
      .map(({ fields }) => fields['reason'] ?? fields['state']);
  const turn = (isTrue: () => boolean, what: string) => turnUntil(clock, isTrue, what);
  const pass = async (ms: number) => {
    const untilMs = clock.now() + ms;
    await turn(() => clock.now() >= untilMs, 'time has passed');
  };
  const raw = <R extends Rpc>(rpc: R, request: Request<R>, deadlineMs = KUBELET_MS) => {
    const { client } = world;
    return client.rawCall(client.pathOf(rpc), codecOf(rpc).encode(request), { deadlineMs });
  };
  /** Makes a call and lets time pass until it is over; its reply, and how long it took. */
  const timed = async <R extends Rpc>(rpc: R, request: Request<R>, deadlineMs = KUBELET_MS) => {
    const fromMs = clock.now();
    let reply: RawReply | undefined;
    void raw(rpc, request, deadlineMs).then((over) => {
      reply = over;
    });
    await turn(() => reply !== undefined, `${rpc} is over`);
    return { code: reply?.code, details: reply?.details, tookMs: clock.now() - fromMs };
  };
  /** Lists as a kubelet does, one after the other with a second between, until it is found. */
  const untilFound = async (rpc: 'ListPodSandbox' | 'ListContainers' = 'ListPodSandbox') => {
    const lists: Awaited<ReturnType<typeof timed>>[] = [];
    const fromMs = clock.now();
    while (states().at(-1) === 'ready' && clock.now() - fromMs < 2 * FOUND_MS) {
      lists.push(await timed(rpc, {}));
      await pass(1_000);
    }
    return lists;
  };

  it('is found within 70 s, and no list of a kubelet fails or takes so long that its node is NotReady', async () => {
    getStuck();
    const fromMs = clock.now();
    const lists = await untilFound();
    expect(states().at(-1)).toBe(REASON);
    expect(clock.now() - fromMs).toBeLessThan(FOUND_MS);
    for (const { code, tookMs } of lists) {
      expect(code).toBe(status.OK);
      expect(tookMs).toBeLessThan(UNHEALTHY_MS / 3);
    }
  });

  it('has its part in lists and statuses given by its snapshot then, at once and for as long as it lasts', async () => {
    getStuck();
    await untilFound();
    await pass(60_000);
    const { items } = await world.client.call('ListPodSandbox', {});
    expect(items.map(({ metadata }) => metadata?.name)).toContain(pod.config.metadata?.name);
    const { containers } = await world.client.call('ListContainers', {});
    expect(containers.map(({ id }) => id)).toEqual([containerId]);
    const { status: shown } = await world.client.call('ContainerStatus', { containerId });
    expect(shown?.id).toBe(containerId);
  });

  it('R10: ends UNAVAILABLE what is in flight on it and what comes later, with the reason', async () => {
    getStuck();
    const inFlight = raw('ExecSync', { containerId, cmd: ['true'], timeout: 1 });
    await until(() => callsOf('ExecSync').length === 1, 'the command has come');
    await untilFound();
    const unavailable = { code: status.UNAVAILABLE, details: expect.stringContaining(REASON) };
    expect(await inFlight).toMatchObject(unavailable);
    expect(await raw('ExecSync', { containerId, cmd: ['true'], timeout: 1 })).toMatchObject(unavailable);
  });

  it('is waited for by a pull for 30 s of that, and by what changes something until its client leaves', async () => {
    getStuck();
    world.runtime('two').faults.add('PullImage', { kind: 'hang' });
    world.runtime('two').faults.add('StopContainer', { kind: 'hang' });
    const ended: Rpc[] = [];
    const send = <R extends Rpc>(rpc: R, request: Request<R>) =>
      void raw(rpc, request, 3_600_000).then(() => ended.push(rpc));
    send('PullImage', { image: { image: SIMULATED_IMAGE }, sandboxConfig: pod.config });
    send('StopContainer', { containerId, timeout: 1 });
    await untilFound();
    await pass(20_000);
    expect(ended).toEqual([]);
    await pass(20_000);
    expect(ended).toEqual(['PullImage']);
    world.runtime('two').faults.clear();
    await until(() => ended.length === 2, 'the other is over');
  });

  it('is asked for that list again, one at a time, and is ready and counted anew with its first answer', async () => {
    const faults = getStuck();
    await untilFound('ListContainers');
    expect(states().at(-1)).toBe('it answers Version, but no ListContainers for 60 s');
    const before = callsOf('ListContainers').length;
    const others = world.runtime('two').journal.length - before;
    await pass(140_000);
    const asked = callsOf('ListContainers').slice(before);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(asked.filter(({ ended }) => ended === undefined).length).toBeLessThanOrEqual(1);
    expect(world.runtime('two').journal.length - callsOf('ListContainers').length).toBe(others);

    await using direct = {
      client: world.direct('two'),
      [Symbol.asyncDispose]: async () => direct.client.close(),
    };
    goOn(faults);
    const { podSandboxId } = await runPod(direct.client, { name: 'behind-our-back' });
    await turn(() => states().at(-1) === 'ready', 'it is ready');
    await until(() => callsOf('ListPodSandbox').at(-1)?.ended === 'OK', 'it is counted');
    const { items } = await world.client.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).toContain(podSandboxId);
    expect(await raw('ExecSync', { containerId, cmd: ['true'], timeout: 1 })).toMatchObject({
      code: status.OK,
    });
  });

  it('is never taken for one that hangs while it gives a list within 55 s', async () => {
    for (let i = 0; i < 3; i++) {
      const faults = getStuck();
      let list: RawReply | undefined;
      void raw('ListPodSandbox', {}).then((reply) => {
        list = reply;
      });
      // Clients with less patience than the backend needs.
      for (let spentMs = 0; spentMs < 55_000; ) spentMs += (await timed('ListPodSandbox', {}, 9_000)).tookMs;
      goOn(faults);
      await until(
        () => list !== undefined && callsOf('ListPodSandbox').at(-1)?.ended !== undefined,
        'it answers',
      );
      expect(states().at(-1)).toBe('ready');
    }
  });
});

describe('a list that is dear because of its filter', () => {
  it('does not make its backend one that hangs for all, though it is not answered', async () => {
    const clock = new FakeClock();
    await using world = await proxyWorld(
      [
        { name: 'one', profile: 'containerd-2.1' },
        { name: 'two', profile: 'reference', handlers: { two: '' }, isDown: true },
      ],
      undefined,
      clock,
    );
    await using two = await scriptedBackend(world.socketOf('two'));
    const nothing = Buffer.alloc(0);
    two.answer('Version', { messages: [encodeVersionResponse('two', '1.0.0', 'v1')] });
    for (const rpc of ['ListContainers', 'ListImages']) two.answer(rpc, { messages: [nothing] });
    const isWhole = ({ request }: Arrival) => request.length === 0;
    two.answer('ListPodSandbox', (arrival) =>
      isWhole(arrival) ? { messages: [nothing] } : { staysOpen: true },
    );
    const turn = (isTrue: () => boolean, what: string) => turnUntil(clock, isTrue, what);
    const states = () => world.lines.filter(({ fields }) => fields['backend'] === 'two' && fields['state']);
    await turn(() => states().at(-1)?.fields['state'] === 'ready', 'it is ready');
    const oldFromMs = clock.now() + 40_000;
    await turn(() => clock.now() >= oldFromMs, 'its snapshot is too old to stand for it');
    const { client } = world;
    const dear = codecOf('ListPodSandbox').encode({ filter: { labelSelector: { dear: 'yes' } } });
    let reply: RawReply | undefined;
    void client.rawCall(client.pathOf('ListPodSandbox'), dear, { deadlineMs: KUBELET_MS }).then((ended) => {
      reply = ended;
    });
    await turn(() => reply !== undefined, 'its client has waited long enough');
    expect(reply?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(states().at(-1)?.fields['state']).toBe('ready');
    expect(
      two.arrivals.filter(isWhole).filter(({ path }) => path.endsWith('ListPodSandbox')).length,
    ).toBeLessThan(30);
  });
});
