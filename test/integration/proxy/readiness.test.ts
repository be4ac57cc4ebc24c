// What /readyz says, beside what a kubelet's list of pods gets at the same moment: ready when such a list can be given.
import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Readiness } from '../../../src/admin/server.ts';
import { startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import type { CriError } from '../../support/cri-client.ts';
import { runPod } from '../../support/cri-pod.ts';
import { type ProxyWorld, proxyWorld, type WorldBackend } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const ONE: WorldBackend = { name: 'one', profile: 'containerd-2.1' };
const TWO: WorldBackend = { name: 'two', profile: 'cri-o' };

let world: ProxyWorld;

afterEach(() => world[Symbol.asyncDispose]());

async function start(...backends: readonly WorldBackend[]): Promise<void> {
  world = await proxyWorld(backends, (config) => ({
    ...config,
    admin: { kind: 'tcp', host: '127.0.0.1', port: 0 },
  }));
}

async function readiness(): Promise<Readiness & { readonly status: number }> {
  const reply = await fetch(`${world.switchyard.adminAddress}/readyz`);
  return { status: reply.status, ...((await reply.json()) as Readiness) };
}

/** OK, or the code that a client gets for one of the two lists of pods. */
async function listPods(): Promise<string> {
  const codes = await Promise.all(
    (['ListPodSandbox', 'ListContainers'] as const).map((rpc) =>
      world.client.call(rpc, {}).then(
        () => undefined,
        (error: CriError) => `code ${error.code}`,
      ),
    ),
  );
  return codes.find((code) => code !== undefined) ?? 'OK';
}

const becomesReady = () => until(async () => (await readiness()).isReady, 'it is ready');

describe('/readyz', () => {
  it('is not ready while a backend was never listed, and says which, why, and what to do', async () => {
    await start(ONE, { ...TWO, isDown: true });
    await until(async () => (await listPods()) !== 'OK', 'lists fail');
    await until(async () => (await readiness()).reason?.includes('unreachable') === true, 'it is absent');
    expect(await readiness()).toMatchObject({
      status: 503,
      isReady: false,
      reason: expect.stringMatching(
        /^no list of pods can be given: backend two was never listed: it is unreach/,
      ),
      backends: [
        { name: 'one', isUp: true, isListed: true },
        {
          name: 'two',
          isUp: false,
          isListed: false,
          hint: expect.stringContaining(world.socketOf('two')),
        },
      ],
    });
    expect((await readiness()).backends[0]).not.toHaveProperty('hint');
  });

  it('turns ready when that backend has come and was listed', async () => {
    await start(ONE, { ...TWO, isDown: true });
    expect((await readiness()).isReady).toBe(false);
    const late = await startSimulatedRuntime({ profile: 'cri-o', socket: world.socketOf('two') });
    await becomesReady();
    expect(await listPods()).toBe('OK');
    await late.close();
  });

  it('names a backend that answers, but ends its list of pods with an error, and looks again by itself', async () => {
    await start(ONE, { ...TWO, isDown: true });
    await using failing = await startSimulatedRuntime({
      profile: 'cri-o',
      socket: world.socketOf('two'),
    });
    const fault = failing.faults.add('ListPodSandbox', {
      kind: 'refuse',
      status: 'UNKNOWN',
      message: 'not now',
    });
    await until(async () => (await readiness()).reason?.includes('not now') === true, 'its list failed');
    expect(await readiness()).toMatchObject({
      status: 503,
      reason: expect.stringMatching(/backend two was never listed: it answers, but its list failed: not now/),
      backends: [{ isListed: true }, { name: 'two', isUp: true, isListed: false, hint: expect.any(String) }],
    });
    expect(await listPods()).not.toBe('OK');
    fault.clear();
    await becomesReady();
    expect(await listPods()).toBe('OK');
  });

  it.each(['one', 'two'])('stays ready while backend %s is away that was listed', async (name) => {
    await start(ONE, TWO);
    await becomesReady();
    await world.runtime(name).close();
    await until(
      async () => (await readiness()).backends.some((backend) => !backend.isUp),
      'it is known to be away',
    );
    expect(await readiness()).toMatchObject({ status: 200, isReady: true });
    expect(await listPods()).toBe('OK');
  });

  it('is ready after a restart without a backend that is in the journal, and not with an empty state directory', async () => {
    await start(ONE, TWO);
    await becomesReady();
    await world.runtime('two').close();
    await world.restart('two');
    await becomesReady();
    expect(await listPods()).toBe('OK');
    await world.restart('two', 'forgetting');
    await until(async () => (await listPods()) !== 'OK', 'lists fail');
    expect((await readiness()).isReady).toBe(false);
  });

  it('does not say of a backend that has pods, and whose list fails, that it was never listed', async () => {
    await start(ONE, { ...TWO, handlers: { two: '' }, isDown: true });
    await using failing = await startSimulatedRuntime({
      profile: 'cri-o',
      socket: world.socketOf('two'),
    });
    failing.faults.add('ListPodSandbox', { kind: 'refuse', status: 'UNKNOWN', message: 'not now' });
    await until(async () => (await readiness()).reason?.includes('not now') === true, 'its list failed');
    await runPod(world.client, { handler: 'two' });
    expect((await readiness()).reason).toContain(
      'backend two has pods, but was not listed in full: it answers',
    );
  });

  it('says that the journal was lost, and to be careful, where a backend is away that was listed before', async () => {
    await start(ONE, TWO);
    await becomesReady();
    await world.runtime('two').close();
    await world.switchyard.close();
    await writeFile(`${world.dir.file('state')}/journal`, '');
    await world.restart('two');
    await until(async () => (await readiness()).reason?.includes('unreachable') === true, 'it is absent');
    const caution = expect.stringContaining('Do not take backend two out of the config');
    expect(await readiness()).toMatchObject({
      status: 503,
      reason: expect.stringContaining('backend two was not listed since the journal was lost: it is unreach'),
      backends: [{ name: 'one' }, { name: 'two', isListed: false, hint: caution }],
    });
    expect(world.lines).toContainEqual(
      expect.objectContaining({
        text: 'backend is absent',
        fields: expect.objectContaining({
          effect: expect.stringContaining(
            'it was not listed since the journal was lost: until it answers once',
          ),
          hint: caution,
        }),
      }),
    );
  });
});
