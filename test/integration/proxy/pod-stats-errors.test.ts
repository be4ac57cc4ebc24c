// A backend that has statistics of pods and ends their list with an error, as containerd does for one pod that has none:
// its pods must not vanish from the figures, where they would count as using nothing when pods are evicted.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { type Pod, runContainer, runPod } from '../../support/cri-pod.ts';
import {
  type ProxyWorld,
  proxyWorld,
  SIMULATED_IMAGE,
  type WorldBackend,
} from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const MAIN: WorldBackend = { name: 'main', profile: 'cri-o' };
const OLD: WorldBackend = { name: 'old', profile: 'containerd-1.6', handlers: { old: '' } };
const NOT_READY = { code: status.UNKNOWN, details: expect.stringContaining('is not in ready state') };
const GIVES_NONE = 'a backend ends the list of the statistics of its pods with an error';
const GIVES_AGAIN = 'a backend gives the statistics of its pods again';

describe('statistics of pods that a backend ends with an error', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const start = async (...backends: WorldBackend[]) => {
    const admin = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
    world = await proxyWorld(backends, (config) => ({ ...config, admin }));
  };
  const run = async (handler: string, name: string) => {
    const pod = await runPod(world.client, { handler, name });
    await runContainer(world.client, pod, { image: SIMULATED_IMAGE });
    return pod;
  };
  const stop = ({ podSandboxId }: Pod) => world.client.call('StopPodSandbox', { podSandboxId });
  const remove = ({ podSandboxId }: Pod) => world.client.call('RemovePodSandbox', { podSandboxId });
  const idsOf = (pods: readonly Pod[]) => pods.map(({ podSandboxId }) => podSandboxId).sort();

  const listed = async (request: object = {}) =>
    (await world.client.call('ListPodSandboxStats', request)).stats;
  const streamed = async (request: object = {}) => {
    const pods = [];
    for await (const message of world.connect().stream('StreamPodSandboxStats', request))
      pods.push(...message.podSandboxStats);
    return pods;
  };
  const FORMS = [listed, streamed];
  const said = (message: string) =>
    world.lines.filter(({ text }) => text === message).map(({ fields }) => fields);
  /** The RPCs whose lists were given without the backend `old`. */
  const leftOut = async () => {
    await until(() => world.switchyard.adminAddress !== undefined, 'there are metrics');
    const metrics = await (await fetch(`${world.switchyard.adminAddress}/metrics`)).text();
    return [...metrics.matchAll(/^switchyard_partial_answers_total\{backend="old",method="(\w+)"\} 1$/gm)]
      .map(([, method]) => method)
      .sort();
  };

  it('are made of those of its containers, so that no pod goes without', async () => {
    await start(MAIN, OLD);
    const [main, old, done] = [await run('', 'main'), await run('old', 'old'), await run('old', 'done')];
    await stop(done);
    for (const list of FORMS) {
      const pods = await list();
      expect(pods.map(({ attributes }) => attributes?.id ?? '').sort()).toEqual(idsOf([main, old]));
      const made = pods.find(({ attributes }) => attributes?.id === old.podSandboxId);
      const [container] = made?.linux?.containers ?? [];
      expect(container?.memory?.workingSetBytes?.value).toBeGreaterThan(0);
      expect(made?.linux?.memory?.workingSetBytes).toEqual(container?.memory?.workingSetBytes);
      // Its own would have it.
      expect(made?.linux?.network).toBeNull();
    }
    expect(await leftOut()).toEqual([]);
  });

  it('are made of them where the stream ends with an error, and for the pods that a label selects', async () => {
    await start(MAIN, { ...OLD, profile: 'reference' });
    const [main, old] = [await run('', 'main'), await run('old', 'old')];
    const labelled = await runPod(world.client, { handler: 'old', name: 'labelled', labels: { app: 'b' } });
    const refuse = { kind: 'refuse', status: 'INTERNAL', message: 'no cgroup' } as const;
    for (const rpc of ['ListPodSandboxStats', 'StreamPodSandboxStats'])
      world.runtime('old').faults.add(rpc, refuse);
    for (const list of FORMS) {
      const idsIn = async (request: object) =>
        (await list(request)).map(({ attributes }) => attributes?.id ?? '');
      expect((await idsIn({})).sort()).toEqual(idsOf([main, old, labelled]));
      expect(await idsIn({ filter: { labelSelector: { app: 'b' } } })).toEqual(idsOf([labelled]));
    }
    expect(await leftOut()).toEqual([]);
  });

  it('are in the log once when that begins, with what the backend says, and when it is over', async () => {
    await start(MAIN, OLD);
    const [, done] = [await run('old', 'old'), await run('old', 'done')];
    await stop(done);
    for (const list of [...FORMS, ...FORMS]) await list();
    expect(said(GIVES_NONE)).toEqual([
      expect.objectContaining({
        backend: 'old',
        reason: expect.stringContaining('UNKNOWN: failed to decode'),
      }),
    ]);
    expect(said(GIVES_AGAIN)).toEqual([]);
    await remove(done);
    for (const list of FORMS) await list();
    expect(said(GIVES_AGAIN)).toEqual([expect.objectContaining({ backend: 'old' })]);
    expect(said(GIVES_NONE)).toHaveLength(1);
  });

  it('lack the backend if there is nothing to make them of', async () => {
    await start(MAIN, OLD);
    const [main, done] = [await run('', 'main'), await run('old', 'done')];
    await stop(done);
    world
      .runtime('old')
      .faults.add('ListContainerStats', { kind: 'refuse', status: 'UNKNOWN', message: 'busy' });
    for (const list of FORMS)
      expect((await list()).map(({ attributes }) => attributes?.id)).toEqual([main.podSandboxId]);
    expect(await leftOut()).toEqual(['ListPodSandboxStats', 'StreamPodSandboxStats']);
  });

  it('are its own answer where one pod is asked for', async () => {
    await start(MAIN, OLD);
    const { podSandboxId } = await run('old', 'old');
    const refuse = { kind: 'refuse', status: 'UNKNOWN', message: 'it is not in ready state' } as const;
    world.runtime('old').faults.add('ListPodSandboxStats', refuse);
    for (const list of FORMS)
      await expect(list({ filter: { id: podSandboxId } })).rejects.toMatchObject(NOT_READY);
    world.runtime('old').faults.clear();
    await stop({ podSandboxId } as Pod);
    await expect(world.client.call('PodSandboxStats', { podSandboxId })).rejects.toMatchObject(NOT_READY);
    expect(said(GIVES_NONE)).toEqual([]);
  });

  it('are its own answer where it is the only backend', async () => {
    await start({ ...OLD, handlers: {} });
    const done = await run('', 'done');
    await stop(done);
    for (const list of FORMS) await expect(list()).rejects.toMatchObject(NOT_READY);
  });
});
