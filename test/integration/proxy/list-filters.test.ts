// Filters of lists that a runtime refuses, that cannot be read, or that somebody else must apply in the runtime's place.
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProfileName } from '../../../src/simulator/profile.ts';
import type { Rpc } from '../../support/cri-codec.ts';
import { runPod } from '../../support/cri-pod.ts';
import { addImage, calls, crash, listImages } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld, type WorldBackend } from '../../support/proxy-world.ts';

const timeouts = { listMs: 1_000, statusMs: 1_000 };
const IMAGES = ['registry.test/app:1', 'registry.test/app:2', 'registry.test/team/tool:1'];
/** containerd lists all its images whatever is asked for: busybox and pause. */
const OF_MAIN = 2;
const NO_REFERENCE = 'UPPER//x::y';
const REFUSAL = {
  code: status.UNKNOWN,
  details: `cannot parse input: "${NO_REFERENCE}": invalid reference format`,
};

const MAIN: WorldBackend = { name: 'main', profile: 'containerd-2.1', timeouts };
const side = (profile: ProfileName): WorldBackend => ({
  name: 'side',
  profile,
  handlers: { side: '' },
  timeouts,
});

describe('filters of lists', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const start = async (...backends: readonly WorldBackend[]) => {
    world = await proxyWorld(backends);
    for (const reference of IMAGES) addImage(world, 'side', { references: [reference] });
    await listImages(world);
  };
  const filtered = (image: string) => ({ filter: { image: { image } } });
  const listed = async (image: string) =>
    (await world.client.call('ListImages', filtered(image))).images.map(({ id }) => id).sort();
  const streamed = async (image: string) => {
    const ids: string[] = [];
    for await (const { images } of world.client.stream('StreamImages', filtered(image)))
      ids.push(...images.map(({ id }) => id));
    return ids.sort();
  };
  const raw = (rpc: Rpc, bytes: readonly number[]) =>
    world.client.rawCall(world.client.pathOf(rpc), Buffer.from(bytes));

  describe('that a runtime refuses', () => {
    it('R12: end the list in its own words, unary and streamed, though others answer', async () => {
      await start(MAIN, side('cri-o'));
      await expect(listed(NO_REFERENCE)).rejects.toMatchObject(REFUSAL);
      await expect(streamed(NO_REFERENCE)).rejects.toMatchObject(REFUSAL);
      expect(await listed('registry.test/app:1')).toHaveLength(OF_MAIN + 1);
    });

    it('R12: end the stream of one runtime in its own words', async () => {
      await start(side('cri-o'));
      await expect(streamed(NO_REFERENCE)).rejects.toMatchObject(REFUSAL);
      expect(await streamed('registry.test/app:1')).toHaveLength(1);
    });

    it('R12: pass with what comes beside code and message', async () => {
      await start(MAIN, side('cri-o'));
      const details = Buffer.from([8, 2]);
      const fault = {
        kind: 'refuse',
        status: 'INVALID_ARGUMENT',
        message: 'no such label',
        metadata: { 'grpc-status-details-bin': details },
      } as const;
      world.runtime('side').faults.add('ListContainers', fault, { calls: 1 });
      const filter = { labelSelector: { app: 'x' } };
      await expect(world.client.call('ListContainers', { filter })).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: 'no such label',
      });
      world.runtime('side').faults.add('ListContainers', fault, { calls: 1 });
      const reply = await raw('ListContainers', [0x0a, 5, 0x22, 3, 0x0a, 1, 0x61]);
      expect(reply.trailers.get('grpc-status-details-bin')).toEqual([details]);
    });

    it.each(['ListPodSandbox', 'StreamPodSandboxes'] as const)(
      'R5: are answered from memory where the runtime refuses every list, by %s',
      async (rpc) => {
        await start(MAIN, side('reference'));
        const { podSandboxId } = await runPod(world.client, { handler: 'side', labels: { app: 'x' } });
        await runPod(world.client, { handler: 'side', labels: { app: 'y' } });
        await world.client.call('ListPodSandbox', {});
        const fault = { kind: 'refuse', status: 'UNKNOWN', message: 'the database is locked' } as const;
        for (const one of ['ListPodSandbox', 'StreamPodSandboxes'])
          world.runtime('side').faults.add(one, fault);
        const reply = await raw(rpc, [0x0a, 10, 0x1a, 8, 0x0a, 3, 0x61, 0x70, 0x70, 0x12, 1, 0x78]);
        expect([reply.code, reply.details]).toEqual([status.OK, '']);
        expect(reply.messages.map((message) => message.includes(podSandboxId))).toEqual([true]);
        expect(Buffer.concat(reply.messages).length).toBeLessThan(1_000);
      },
    );

    it('R5: are answered from memory where a runtime is short of something, which it is not asked about again', async () => {
      await start(MAIN, side('cri-o'));
      const fault = { kind: 'refuse', status: 'UNAVAILABLE', message: 'not now' } as const;
      world.runtime('side').faults.add('ListImages', fault);
      const before = calls(world, 'side', 'ListImages');
      const { images } = await world.client.call('ListImages', filtered('registry.test/app:2'));
      expect(images.flatMap(({ repoTags }) => repoTags)).toContain('registry.test/app:2');
      expect(images.flatMap(({ repoTags }) => repoTags)).not.toContain('registry.test/app:1');
      expect(calls(world, 'side', 'ListImages')).toBe(before + 1);
    });

    it('R5: are answered from memory where a runtime does not say in time whether it is the filter', async () => {
      await start(MAIN, side('cri-o'));
      world
        .runtime('side')
        .faults.add('ListImages', { kind: 'refuse', status: 'UNKNOWN', message: 'x' }, { calls: 1 });
      const hang = world.runtime('side').faults.add('ListImages', { kind: 'hang' });
      expect(await listed('registry.test/app:2')).toHaveLength(OF_MAIN + 1);
      hang.clear();
    });

    it('R5: are answered from memory where a runtime breaks off when it is asked whether it is the filter', async () => {
      await start(MAIN, side('cri-o'));
      const { faults } = world.runtime('side');
      faults.add('ListImages', { kind: 'refuse', status: 'UNKNOWN', message: 'x' }, { calls: 1 });
      faults.add('ListImages', { kind: 'cut' });
      expect(await listed('registry.test/app:2')).toHaveLength(OF_MAIN + 1);
    });

    it('R5: an error of an unfiltered list is answered from memory', async () => {
      await start(MAIN, side('cri-o'));
      const all = await listed('');
      const fault = { kind: 'refuse', status: 'INVALID_ARGUMENT', message: 'no' } as const;
      world.runtime('side').faults.add('ListImages', fault);
      expect(await listed('')).toEqual(all);
    });
  });

  describe('of images, while their runtime is away', () => {
    const FILTERS = [
      '',
      'registry.test/app:1',
      'registry.test/app',
      'registry.test/team/tool:1',
      'registry.test/nowhere:1',
    ];
    it.each(['containerd-1.7', 'cri-o', 'cri-dockerd', 'reference'] as const)(
      'R5: let through what %s lets through itself, also after a restart of Switchyard',
      async (profile) => {
        await start(MAIN, side(profile));
        // For Docker it is a pattern; to CRI-O it is no reference.
        const filters = profile === 'cri-o' ? FILTERS : [...FILTERS, 'registry.test/*'];
        const here = await Promise.all(filters.map(listed));
        await crash(world, 'side');
        expect(await Promise.all(filters.map(listed))).toEqual(here);
        expect(await Promise.all(filters.map(streamed))).toEqual(here);
        await world.restart('side');
        expect(await Promise.all(filters.map(listed))).toEqual(here);
        const differing = new Set(here.map((ids) => ids.length)).size;
        expect(differing > 1).toBe(profile !== 'containerd-1.7');
      },
    );

    it('R5: find nothing by what is no reference, and do not fail the images of the others', async () => {
      await start(MAIN, side('cri-o'));
      await crash(world, 'side');
      const { images } = await world.client.call('ListImages', filtered(NO_REFERENCE));
      expect(images).toHaveLength(OF_MAIN);
    });
  });

  describe('that cannot be read', () => {
    const LISTS: readonly Rpc[] = [
      'ListPodSandbox',
      'ListContainers',
      'ListImages',
      'StreamPodSandboxes',
      'StreamContainers',
      'StreamImages',
    ];
    const isOfImages = (rpc: Rpc) => rpc.endsWith('Images');
    /** An id, or a reference of an image, that is not UTF-8. */
    const brokenText = (rpc: Rpc) =>
      isOfImages(rpc) ? [0x0a, 6, 0x0a, 4, 0x0a, 2, 0xff, 0xfe] : [0x0a, 4, 0x0a, 2, 0xff, 0xfe];
    /** A state, or an annotation, that ends within a number. */
    const brokenForm = (rpc: Rpc) =>
      isOfImages(rpc) ? [0x0a, 5, 0x0a, 3, 0x12, 1, 0x80] : [0x0a, 3, 0x12, 1, 0x80];

    it.each(LISTS)('R12: are INTERNAL, as runtimes say, by %s', async (rpc) => {
      await start(MAIN, side('reference'));
      for (const bytes of [brokenText(rpc), brokenForm(rpc)]) {
        const { code, details } = await raw(rpc, bytes);
        expect([status[code], details]).toEqual([
          'INTERNAL',
          expect.stringContaining('grpc: error unmarshalling request'),
        ]);
      }
      expect(world.lines.filter(({ level }) => level === 'error')).toEqual([]);
    });

    it.each(LISTS)('R12: are INTERNAL while a runtime is away, by %s', async (rpc) => {
      await start(side('reference'));
      await world.client.call('ListPodSandbox', {});
      await world.client.call('ListContainers', {});
      await crash(world, 'side');
      for (const bytes of [brokenText(rpc), brokenForm(rpc)]) {
        const { code, details } = await raw(rpc, bytes);
        expect([status[code], details]).toEqual([
          'INTERNAL',
          expect.stringContaining('grpc: error unmarshalling request'),
        ]);
      }
    });

    it('R12: are INTERNAL where a runtime breaks off a stream, and no unexpected error is logged', async () => {
      await start(MAIN, side('reference'));
      await world.client.call('ListContainers', {});
      world
        .runtime('side')
        .faults.add('StreamContainers', { kind: 'refuse', status: 'UNAVAILABLE', message: 'x' });
      for (const bytes of [brokenText('StreamContainers'), brokenForm('StreamContainers')])
        expect(status[(await raw('StreamContainers', bytes)).code]).toBe('INTERNAL');
      expect(world.lines.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });
});
