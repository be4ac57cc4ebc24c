// Calls that are in flight on a backend when it is found to hang.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RawReply } from '../../support/cri-client.ts';
import { codecOf, type Request, type Rpc } from '../../support/cri-codec.ts';
import { type Pod, runContainer, runPod } from '../../support/cri-pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type ProxyWorld, proxyWorld, SIMULATED_IMAGE } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

/** A kubelet's, of an exec probe with a timeout of one second. */
const DEADLINE_MS = 121_000;

/** A call that was sent. */
interface Flight {
  readonly rpc: Rpc;
  /** Undefined while it waits for its answer. */
  ended: RawReply | undefined;
}

describe('a backend that is found to hang', () => {
  let world: ProxyWorld;
  let pod: Pod;
  let containerId: string;

  beforeEach(async () => {
    const timeouts = { listMs: 200, statusMs: 100 };
    world = await proxyWorld([
      { name: 'one', profile: 'containerd-2.1', timeouts },
      { name: 'two', profile: 'reference', handlers: { two: '' }, timeouts },
    ]);
    pod = await runPod(world.client, { handler: 'two', annotations: { 'test.example/pod': 'its own' } });
    containerId = await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    await world.client.call('ListPodSandbox', {});
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const callsOf = (rpc: string) => world.runtime('two').journal.filter(({ method }) => method === rpc);
  const standStill = (rpc = '*') => world.runtime('two').faults.add(rpc, { kind: 'hang' });
  /** Sends a call to the runtime that hangs; resolves when it has come there. */
  const send = async <R extends Rpc>(rpc: R, request: Request<R>): Promise<Flight> => {
    const { client } = world;
    const before = callsOf(rpc).length;
    const flight: Flight = { rpc, ended: undefined };
    const options = { deadlineMs: DEADLINE_MS };
    void client.rawCall(client.pathOf(rpc), codecOf(rpc).encode(request), options).then((reply) => {
      flight.ended = reply;
    });
    await until(() => callsOf(rpc).length > before, `${rpc} has come`);
    return flight;
  };
  /** A list has it suspected, as those of a kubelet do every second. */
  const untilKnown = async () => {
    await world.client.call('ListPodSandbox', {});
    await until(() => world.lines.some(({ fields }) => fields['state'] === 'hanging'), 'it is known to hang');
  };
  const over = (flights: readonly Flight[]) =>
    until(() => flights.every(({ ended }) => ended !== undefined), 'the calls are over');
  /** Annotations tie the look-up to the backend of the pod. */
  const imageOfPod = () => ({ image: SIMULATED_IMAGE, annotations: pod.config.annotations });

  it('R10: ends what reads or runs a command, and says who hangs, since when and why', async () => {
    standStill();
    const { podSandboxId } = pod;
    const flights = [
      await send('PodSandboxStatus', { podSandboxId }), // never answered before, so nothing stands for it
      await send('ContainerStats', { containerId }),
      await send('PodSandboxStats', { podSandboxId }),
      await send('ReopenContainerLog', { containerId }),
      await send('ExecSync', { containerId, cmd: ['true'], timeout: 1 }),
      await send('Exec', { containerId, cmd: ['true'], stdout: true }),
      await send('Attach', { containerId, stdout: true }),
      await send('PortForward', { podSandboxId }),
      await send('ImageStatus', { image: imageOfPod() }),
    ];
    await untilKnown();
    await over(flights);
    const details = /^switchyard: .*backend two is hanging since \d{4}-.*it did not answer Version within/;
    for (const { rpc, ended } of flights) {
      expect([rpc, ended]).toMatchObject([
        rpc,
        { code: status.UNAVAILABLE, details: expect.stringMatching(details) },
      ]);
    }
    const acts = flights.filter(({ ended }) => ended?.details.includes('though it may still be carried out'));
    expect(acts.map(({ rpc }) => rpc)).toEqual(['ReopenContainerLog', 'ExecSync']);
  });

  it('has its last word on a pod and a container given to who was asking for it', async () => {
    const { client } = world;
    const { podSandboxId } = pod;
    const kept = [
      (await client.call('PodSandboxStatus', { podSandboxId })).status,
      (await client.call('ContainerStatus', { containerId })).status,
    ];
    await client.call('ListContainers', {});
    standStill();
    const flights = [
      await send('PodSandboxStatus', { podSandboxId, verbose: true }),
      await send('ContainerStatus', { containerId, verbose: true }),
    ];
    await untilKnown();
    await over(flights);
    const told = flights.map(({ rpc, ended }) => {
      expect([rpc, ended?.code]).toEqual([rpc, status.OK]);
      return codecOf(rpc as 'PodSandboxStatus' | 'ContainerStatus').decode(ended?.bytes ?? Buffer.alloc(0));
    });
    expect(told).toMatchObject(kept.map((one) => ({ status: one, info: {} })));
    for (const { rpc } of flights)
      await until(() => callsOf(rpc).at(-1)?.ended === 'CANCELLED', `the runtime has heard of ${rpc}`);
  });

  it('hears that nobody waits for them any more', async () => {
    standStill();
    const flights = [
      await send('ExecSync', { containerId, cmd: ['true'], timeout: 1 }),
      await send('ContainerStats', { containerId }),
    ];
    await untilKnown();
    await over(flights);
    for (const { rpc } of flights)
      await until(() => callsOf(rpc).at(-1)?.ended === 'CANCELLED', `the runtime has heard of ${rpc}`);
  });

  it('is waited for by what changes something, whose outcome the client must know', async () => {
    const image = { image: SIMULATED_IMAGE };
    const config = { ...pod.config, metadata: { ...pod.config.metadata, uid: 'another' } };
    const hang = standStill();
    const flights = [
      await send('RunPodSandbox', { config, runtimeHandler: 'two' }),
      await send('UpdateContainerResources', { containerId, linux: { cpuShares: 100 } }),
      await send('PullImage', { image, sandboxConfig: pod.config }),
      await send('StopContainer', { containerId, timeout: 1 }),
    ];
    await untilKnown();
    await expect(world.client.call('ContainerStats', { containerId })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    expect(flights.map(({ rpc, ended }) => [rpc, ended?.code])).toEqual(
      flights.map(({ rpc }) => [rpc, undefined]),
    );
    hang.clear();
    await over(flights);
    expect(flights.map(({ rpc, ended }) => [rpc, ended?.code])).toEqual(flights.map(({ rpc }) => [rpc, 0]));
  });

  it('is slow, not hanging, while it answers Version: a command goes on for as long as it takes', async () => {
    const slow = standStill('ExecSync');
    standStill('ListPodSandbox');
    const flight = await send('ExecSync', { containerId, cmd: ['echo', 'done'], timeout: 100 });
    const versions = callsOf('Version').length;
    await world.client.call('ListPodSandbox', {});
    await until(() => callsOf('Version').length > versions, 'it was asked whether it lives');
    expect(flight.ended).toBeUndefined();
    slow.clear();
    await over([flight]);
    expect(
      codecOf('ExecSync')
        .decode(flight.ended?.bytes ?? Buffer.alloc(0))
        .stdout.toString(),
    ).toBe('done\n');
  });

  it('gives its part in a streamed list to its snapshot at once', async () => {
    standStill();
    const flight = await send('StreamPodSandboxes', {});
    await untilKnown();
    await over([flight]);
    const shown = flight.ended?.messages.flatMap(
      (message) => codecOf('StreamPodSandboxes').decode(message).podSandboxes,
    );
    expect(shown?.map(({ id }) => id)).toEqual([pod.podSandboxId]);
  });
});

describe('a pull from a backend that hangs', () => {
  it('ends UNAVAILABLE after 30 s of its hanging, for a kubelet makes no other pull before', async () => {
    const clock = new FakeClock();
    await using world = await proxyWorld(
      [
        { name: 'one', profile: 'containerd-2.1' },
        { name: 'two', profile: 'reference', handlers: { two: '' } },
      ],
      undefined,
      clock,
    );
    const { client } = world;
    const runtime = world.runtime('two');
    const { config } = await runPod(client, { handler: 'two' });
    runtime.faults.add('*', { kind: 'hang' });
    const pull = client
      .call('PullImage', { image: { image: 'demo' }, sandboxConfig: config })
      .then(() => expect.unreachable('nobody has answered'))
      .catch((error: unknown) => error);
    let ended: unknown;
    void pull.then((error) => {
      ended = error;
    });
    const pulls = () => runtime.journal.filter(({ method }) => method === 'PullImage');
    await until(() => pulls().length === 1, 'the pull has come');
    /** Time goes on in small steps, in which the other backend answers. */
    const turn = (isTrue: () => boolean, what: string) =>
      until(() => {
        if (!isTrue()) clock.advance(100);
        return isTrue();
      }, what);
    await turn(() => world.lines.some(({ fields }) => fields['state'] === 'hanging'), 'it hangs');
    const hangsFromMs = clock.now();
    await turn(() => clock.now() >= hangsFromMs + 29_000, 'it has hung for 29 s');
    expect(ended).toBeUndefined();
    await turn(() => ended !== undefined, 'the pull is over');
    expect(clock.now() - hangsFromMs).toBeLessThan(35_000);
    expect(ended).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(
        /^switchyard: PullImage is given up, though it may still be carried out: backend two is hanging since /,
      ),
    });
    await until(() => pulls().at(-1)?.ended === 'CANCELLED', 'the runtime has heard of it');
    // Those of other backends go on, and the next one of this is refused at once.
    await client.call('PullImage', { image: { image: SIMULATED_IMAGE } });
    await expect(
      client.call('PullImage', { image: { image: 'demo' }, sandboxConfig: config }),
    ).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});
