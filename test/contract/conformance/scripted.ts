// Rules that show only when a runtime does what the test tells it, call by call, or when what reached it is looked at:
// for simulated runtimes.
import { status as Code } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StatusName } from '../../../src/errors.ts';
import { pruneAsCrictl } from '../../support/crictl-prune.ts';
import { until } from '../../support/until.ts';
import { Bench, NOBODY, RUNNING } from './bench.ts';
import type { SimulatedSwitchyard } from './simulated.ts';
import { untilBack } from './switchyard-target.ts';
import type { Plan } from './target.ts';

export interface SimulatedPlan extends Plan {
  readonly target: () => SimulatedSwitchyard;
}

export function defineScripted({ places, target }: SimulatedPlan): void {
  describe.each(places)('when $name', (place) => {
    const bench = new Bench(place, target);
    const runtime = () => target().world.runtime(place.name);
    const callsOf = (rpc: string) => runtime().journal.filter(({ method }) => method === rpc);

    beforeAll(() => bench.shared());
    // A test that fails leaves no runtime behind that hangs or is dead.
    afterEach(async () => {
      runtime().faults.clear();
      await target().startAgain(place);
      await untilBack(bench);
      await bench.tidy();
    });
    afterAll(() => bench.clear());

    it('R2: has just made a pod and a container, is known for it: nobody is searched for their ids', async () => {
      const pod = await bench.pod();
      const containerId = await bench.running(pod);
      await bench.cri.call('PodSandboxStatus', { podSandboxId: pod.podSandboxId });
      await bench.cri.call('ContainerStatus', { containerId });
      for (const { name } of places) {
        const searches = target()
          .world.runtime(name)
          .journal.filter(({ method }) => method.startsWith('List'))
          .filter(({ requestBytes }) =>
            [pod.podSandboxId, containerId].some((id) => requestBytes.includes(id)),
          );
        expect(searches).toEqual([]);
      }
    });

    it('R2: dies right after it has made a pod and a container, both are listed', async () => {
      const pod = await bench.pod();
      const containerId = await bench.running(pod);
      await target().kill(place);
      const { items } = await bench.cri.call('ListPodSandbox', {});
      expect(items.map(({ id }) => id)).toContain(pod.podSandboxId);
      const { containers } = await bench.cri.call('ListContainers', { filter: { id: containerId } });
      expect(containers.map(({ id, state }) => [id, state])).toEqual([[containerId, RUNNING]]);
    });

    it.each<[StatusName, string]>([
      ['UNKNOWN', 'RegistryUnavailable: registry.test does not answer'],
      ['UNKNOWN', 'SignatureValidationFailed: the signature of „app“ is not valid, 100 %'],
      ['INTERNAL', 'a text\nof two lines'],
      ['RESOURCE_EXHAUSTED', ''],
    ])('R12: refuses a pull with %s "%s", tells it word by word', async (status, message) => {
      const details = { 'grpc-status-details-bin': Buffer.from([8, 2, 18, 1, 120]) };
      runtime().faults.add('PullImage', { kind: 'refuse', status, message, metadata: details });
      const { config } = await bench.shared();
      const image = { image: target().pullable };
      const reply = await bench.attempt('PullImage', { image, sandboxConfig: config });
      expect([Code[reply.code], reply.details]).toEqual([status, message]);
      expect(reply.trailers.get('grpc-status-details-bin')).toEqual(Object.values(details));
    });

    it('R12: refuses to create a container, tells it word by word', async () => {
      const message = 'ImageVolumeMountFailed: no such layer';
      runtime().faults.add('CreateContainer', { kind: 'refuse', status: 'UNKNOWN', message });
      await expect(bench.container(await bench.pod())).rejects.toMatchObject({
        code: Code.UNKNOWN,
        details: message,
      });
    });

    it('R7: lists before a pod is made and answers after it, shows that pod all the same, also from memory', async () => {
      const late = runtime().faults.add('ListPodSandbox', { kind: 'hang', when: 'after' }, { calls: 1 });
      const listing = bench.cri.call('ListPodSandbox', {});
      await until(() => late.hits === 1, 'the runtime has made its list');
      const { podSandboxId } = await bench.pod();
      late.clear();
      await listing;
      await target().kill(place);
      const { items } = await bench.cri.call('ListPodSandbox', {});
      expect(items.map(({ id }) => id)).toContain(podSandboxId);
    });

    it('R7: lists before a pod is removed and answers after it, does not bring that pod back', async () => {
      const { podSandboxId } = await bench.pod();
      const late = runtime().faults.add('ListPodSandbox', { kind: 'hang', when: 'after' }, { calls: 1 });
      const listing = bench.cri.call('ListPodSandbox', {});
      await until(() => late.hits === 1, 'the runtime has made its list');
      await bench.tidy();
      late.clear();
      await listing;
      await target().kill(place);
      const { items } = await bench.cri.call('ListPodSandbox', {});
      expect(items.map(({ id }) => id)).not.toContain(podSandboxId);
    });

    it('R10: breaks off in a command, is UNAVAILABLE, not a probe that failed', async () => {
      const { containerId } = await bench.shared();
      runtime().faults.add('ExecSync', { kind: 'cut' }, { calls: 1 });
      const before = callsOf('ExecSync').length;
      expect(await bench.code('ExecSync', { containerId, cmd: ['true'], timeout: 1 })).toBe('UNAVAILABLE');
      expect(callsOf('ExecSync')).toHaveLength(before + 1);
      await until(
        async () => (await bench.code('ExecSync', { containerId, cmd: ['true'], timeout: 1 })) === 'OK',
        'it is reached again',
      );
    });

    it('R13: has run a pod and its answer is lost, gets the next attempt too', async () => {
      runtime().faults.add('RunPodSandbox', { kind: 'cut', when: 'after' }, { calls: 1 });
      const uid = `lost-${Math.random()}`;
      await expect(bench.pod({ uid, name: uid })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
      const filter = { labelSelector: { 'io.kubernetes.pod.uid': uid } };
      const found = async () =>
        (await bench.cri.call('ListPodSandbox', { filter })).items.map(({ id }) => id);
      await until(async () => (await found().catch(() => [])).length === 1, 'the pod is found by a list');
      for (const id of await found()) bench.adopt(id);
      const before = callsOf('RunPodSandbox').length;
      await bench.pod({ uid, name: uid, attempt: 1, handler: '' });
      expect(callsOf('RunPodSandbox')).toHaveLength(before + 1);
    });

    it.each(['RunPodSandbox', 'CreateContainer', 'StartContainer', 'StopContainer', 'PullImage'] as const)(
      'breaks off in a %s, is not sent it again',
      async (rpc) => {
        const pod = await bench.pod();
        const containerId = await bench.container(pod);
        const before = callsOf(rpc).length;
        runtime().faults.add(rpc, { kind: 'cut', when: 'after' }, { calls: 1 });
        const calls = {
          RunPodSandbox: () => bench.pod(),
          CreateContainer: () => bench.container(pod, { name: 'second' }),
          StartContainer: () => bench.cri.call('StartContainer', { containerId }),
          StopContainer: () => bench.cri.call('StopContainer', { containerId, timeout: 0 }),
          PullImage: () =>
            bench.cri.call('PullImage', { image: { image: target().pullable }, sandboxConfig: pod.config }),
        };
        await expect(calls[rpc]()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
        expect(callsOf(rpc)).toHaveLength(before + 1);
        await until(
          async () => (await bench.code('PodSandboxStatus', { podSandboxId: pod.podSandboxId })) === 'OK',
          'it is reached again',
        );
      },
    );

    it('R16: has no image of that id, is not asked to remove it', async () => {
      const before = callsOf('RemoveImage').length;
      await bench.cri.call('RemoveImage', { image: { image: `sha256:${'d'.repeat(64)}` } });
      await bench.cri.call('RemoveImage', { image: { image: 'e'.repeat(64) } });
      expect(callsOf('RemoveImage')).toHaveLength(before);
    });

    it('R12: refuses a filter, ends the list in its words; refuses every list, is answered for from memory', async () => {
      const message = 'not such a label';
      const refusal = { kind: 'refuse', status: 'UNKNOWN', message } as const;
      const request = { filter: { labelSelector: { no: 'such' } } };
      runtime().faults.add('ListContainers', refusal, { calls: 1 });
      const { code, details } = await bench.attempt('ListContainers', request);
      expect([Code[code], details]).toEqual(['UNKNOWN', message]);
      runtime().faults.add('ListContainers', refusal);
      expect(await bench.code('ListContainers', request)).toBe('OK');
      expect(await bench.code('ListContainers', {})).toBe('OK');
    });

    it('R16: has an image that has other names elsewhere, loses it when it is removed by one of those', async () => {
      const image = { references: ['registry.test/many:1'], configDigest: 'd5'.repeat(32) };
      runtime().world.images.add(image);
      const references = [...image.references, 'registry.test/many:2'];
      for (const { name } of places.filter((one) => one !== place))
        target()
          .world.runtime(name)
          .world.images.add({ ...image, references });
      // In whatever form a runtime lists it.
      const isListed = async () =>
        (await bench.cri.call('ListImages', {})).images.some(({ id }) => id.endsWith(image.configDigest));
      expect(await isListed()).toBe(true);
      await bench.cri.call('RemoveImage', {
        image: { image: places.length > 1 ? 'registry.test/many:2' : 'registry.test/many:1' },
      });
      expect(await isListed()).toBe(false);
      await bench.cri.call('RemoveImage', { image: { image: 'registry.test/many:1' } });
    });

    it('R16: runs a container by a name that is another image elsewhere, keeps its image when crictl prunes', async () => {
      const reference = 'registry.test/pruned:1';
      for (const [position, { name }] of places.entries()) {
        const configDigest = position.toString(16).repeat(64);
        target()
          .world.runtime(name)
          .world.images.add({ references: [reference], configDigest });
      }
      await bench.running(await bench.pod(), { image: reference });
      await pruneAsCrictl(bench.cri);
      expect(runtime().world.images.find(reference)).toBeDefined();
      await bench.tidy();
      await pruneAsCrictl(bench.cri);
      for (const { name } of places) {
        const { images } = target().world.runtime(name).world;
        expect(images.find(reference)).toBeUndefined();
        // Where no container used it, it was pruned too.
        images.add({ references: [target().image] });
      }
    });

    it('R9: has no object of that id, is told to stop or remove none', async () => {
      await bench.cri.call('StopPodSandbox', { podSandboxId: NOBODY });
      const beginning = NOBODY.slice(0, 4);
      await bench.cri.call('RemoveContainer', { containerId: beginning });
      // Whole ids of others may have these characters too.
      expect(
        callsOf('RemoveContainer').filter(({ requestBytes }) =>
          requestBytes.toString().endsWith(`\x04${beginning}`),
        ),
      ).toEqual([]);
      expect(callsOf('StopPodSandbox').filter(({ requestBytes }) => requestBytes.includes(NOBODY))).toEqual(
        [],
      );
    });

    it('R18: answers no Status, the node answers within two seconds', async () => {
      const hang = runtime().faults.add('Status', { kind: 'hang' });
      const { status } = await bench.cri.call('Status', {}, { deadlineMs: 2_000 });
      expect(status?.conditions.find(({ type }) => type === 'RuntimeReady')).toBeDefined();
      hang.clear();
    });

    it('R20: gets a call, gets the deadline of its client with it', async () => {
      const { containerId } = await bench.shared();
      for (const deadlineMs of [7_000, 240_000]) {
        const sentAtMs = Date.now();
        await bench.attempt('ExecSync', { containerId, cmd: ['true'], timeout: 1 }, { deadlineMs });
        const arrived = callsOf('ExecSync').at(-1)?.deadlineMs ?? 0;
        expect(arrived - sentAtMs).toBeGreaterThan(deadlineMs - 2_000);
        expect(arrived - sentAtMs).toBeLessThan(deadlineMs + 2_000);
      }
    });

    it.each(['ExecSync', 'RunPodSandbox', 'PullImage', 'StopContainer'] as const)(
      'R20: works on a %s whose client leaves, hears of it',
      async (rpc) => {
        const pod = await bench.pod();
        const containerId = await bench.running(pod);
        const hang = runtime().faults.add(rpc, { kind: 'hang' });
        const leaving = new AbortController();
        const { signal } = leaving;
        const image = { image: target().pullable };
        const config = { ...pod.config, metadata: { ...pod.config.metadata, uid: `left-${rpc}` } };
        const reply = {
          ExecSync: () => bench.attempt('ExecSync', { containerId, cmd: ['true'] }, { signal }),
          RunPodSandbox: () =>
            bench.attempt('RunPodSandbox', { config, runtimeHandler: place.handler }, { signal }),
          PullImage: () => bench.attempt('PullImage', { image, sandboxConfig: pod.config }, { signal }),
          StopContainer: () => bench.attempt('StopContainer', { containerId, timeout: 600 }, { signal }),
        }[rpc]();
        await until(() => hang.hits === 1, 'the call has arrived');
        leaving.abort();
        expect(Code[(await reply).code]).toBe('CANCELLED');
        await until(() => callsOf(rpc).at(-1)?.ended === 'CANCELLED', 'the runtime has heard of it');
      },
    );
  });
}
