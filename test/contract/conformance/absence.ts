// What Switchyard says while one of its runtimes is dead or stands still, also right after it was started itself. The
// tests run with each place away in turn.
import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bench, nobody, RUNNING } from './bench.ts';
import { listedIds, type SwitchyardPlan, sharedIds, untilAway, untilBack } from './switchyard-target.ts';

/** What a name in an error looks like. */
const nameOf = (bench: Bench) =>
  new RegExp(`^switchyard: .*\\b${bench.place.name.replaceAll('.', '\\.')}\\b`);

export function defineAbsence({ places, target }: SwitchyardPlan): void {
  describe.each(places)('without $name', (place) => {
    const benches = places.map((one) => new Bench(one, target));
    const [away] = benches.filter((bench) => bench.place === place);
    if (away === undefined) throw new Error('the place is one of the plan');
    const others = benches.filter((bench) => bench !== away);
    /** What it said while all are there. */
    const lastWord: LastWord = { images: new Map() };

    beforeAll(async () => {
      for (const bench of benches) await bench.shared();
      await listedIds(away);
      // A kubelet asks for them all the time; what was never asked cannot be remembered.
      await away.cri.call('ImageFsInfo', {});
      const { image } = away.target;
      for (const filter of [image, image.replace(/:[^/:]*$/, ''), 'conformance.test/nowhere:1'])
        lastWord.images.set(filter, await imageIds(away, filter));
      lastWord.statuses = await statusesOf(away);
    });
    afterAll(async () => {
      for (const bench of benches) await bench.clear();
    });

    describe('dead', () => {
      beforeAll(async () => {
        await target().kill(place);
        await untilAway(away);
      });
      afterAll(async () => {
        await target().startAgain(place);
        await untilBack(away);
      });

      defineAway(away, others, benches, lastWord);

      it('R17: leaves the node ready as long as another runtime is, and says which one is not', async () => {
        const { status } = await away.cri.call('Status', {});
        const conditions = new Map(status?.conditions.map((condition) => [condition.type, condition]));
        expect([...conditions.keys()]).toEqual(expect.arrayContaining(['RuntimeReady', 'NetworkReady']));
        if (others.length === 0) return;
        expect(conditions.get('RuntimeReady')?.status).toBe(true);
        expect(conditions.get('NetworkReady')?.status).toBe(true);
        expect(conditions.get(`Backend.${place.name}.Ready`)).toMatchObject({ status: false });
        const [other] = others;
        expect(conditions.get(`Backend.${other?.place.name}.Ready`)).toMatchObject({ status: true });
      });

      it('R15: does not say that an image is nowhere, but finds one that another runtime has', async () => {
        const nowhere = { image: { image: 'conformance.test/nowhere:1' } };
        expect(await away.code('ImageStatus', nowhere)).toBe('UNAVAILABLE');
        const [other] = others;
        if (other === undefined) return;
        const image = { image: away.target.pullable };
        const { config } = await other.shared();
        await other.cri.call('PullImage', { image, sandboxConfig: config });
        expect((await away.cri.call('ImageStatus', { image })).image?.uid?.value).toBe(1000);
        using direct = target().direct(other.place);
        await direct.call('RemoveImage', { image });
      });

      it('R5: lists images as if it were there', async () => {
        const { images } = await away.cri.call('ListImages', {});
        const present = images.filter(({ repoTags }) => repoTags.includes(away.target.image));
        expect(present.some(({ id }) => place.traits.imageId.test(id))).toBe(true);
      });
    });

    describe('standing still', () => {
      beforeAll(() => target().hang(place));
      afterAll(async () => {
        await target().resume(place);
        await untilBack(away);
      });

      it('R10: is named by the UNAVAILABLE of a probe and of questions that were under way', async () => {
        const { containerId } = await away.shared();
        const options = { deadlineMs: 60_000 };
        const inFlight = [
          away.attempt('ExecSync', { containerId, cmd: ['true'], timeout: 1 }, options),
          away.attempt('ContainerStats', { containerId }, options),
          away.attempt('Exec', { containerId, cmd: ['true'], stdout: true }, options),
        ];
        const status = away.attempt('ContainerStatus', { containerId }, options);
        await listedIds(away);
        // Its last word, as for one who asks a moment later (R9).
        expect(await status).toMatchObject({ code: Code.OK });
        for (const { code, details } of await Promise.all(inFlight)) {
          expect(Code[code]).toBe('UNAVAILABLE');
          expect(details).toMatch(nameOf(away));
        }
      });

      it('R5: lists all pods, with what it last said of its own', async () => {
        expect(await listedIds(away)).toEqual(await sharedIds(benches));
      });

      it('R18: answers Status in less than two seconds', async () => {
        const { status } = await away.cri.call('Status', {}, { deadlineMs: 2_000 });
        expect(status?.conditions.length).toBeGreaterThanOrEqual(2);
      });

      it('R9: says UNAVAILABLE for what needs it once it is known to stand still, and shows its last word', async () => {
        await untilAway(away);
        const { containerId } = await away.shared();
        const { code, details } = await away.attempt('ExecSync', { containerId, cmd: ['true'], timeout: 1 });
        expect(code).toBe(14);
        expect(details).toMatch(nameOf(away));
        expect(await statusesOf(away)).toEqual(lastWord.statuses);
      });
    });

    describe('dead, and Switchyard started again', () => {
      beforeAll(async () => {
        await target().kill(place);
        await target().restart(place, 'remembering');
      });
      afterAll(async () => {
        await target().startAgain(place);
        await untilBack(away);
      });

      // R4: what it was told is there again.
      defineAway(away, others, benches, lastWord);
    });

    describe('dead, and Switchyard started again without its memory', () => {
      beforeAll(async () => {
        await target().kill(place);
        await target().restart(place, 'forgetting');
      });

      it('R6: fails lists of pods and containers rather than leave out what it cannot know', async () => {
        for (const rpc of [
          'ListPodSandbox',
          'ListContainers',
          'StreamPodSandboxes',
          'StreamContainers',
        ] as const) {
          expect(`${rpc} ${await away.code(rpc, {})}`).toBe(`${rpc} UNAVAILABLE`);
        }
        expect(await away.code('ContainerStatus', { containerId: nobody() })).toBe('UNAVAILABLE');
      });

      it('R4: lists all again as soon as it is there', async () => {
        await target().startAgain(place);
        await untilBack(away);
        expect(await listedIds(away)).toEqual(await sharedIds(benches));
      });
    });
  });
}

/** The images that a filter lets through, the same in a list whole and in parts. */
async function imageIds(bench: Bench, image: string): Promise<string[]> {
  const request = { filter: { image: { image } } };
  const ids = (await bench.cri.call('ListImages', request)).images.map(({ id }) => id).sort();
  const parts = await bench.all('StreamImages', request);
  expect(parts.flatMap(({ images }) => images.map(({ id }) => id)).sort()).toEqual(ids);
  return ids;
}

/** The statuses of its shared pod, without what comes beside them. */
async function statusesOf(bench: Bench) {
  const { podSandboxId, containerId } = await bench.shared();
  const { status: sandbox } = await bench.cri.call('PodSandboxStatus', { podSandboxId });
  const { status: container } = await bench.cri.call('ContainerStatus', { containerId });
  return { sandbox, container };
}

interface LastWord {
  /** By filter. */
  readonly images: Map<string, string[]>;
  statuses?: Awaited<ReturnType<typeof statusesOf>>;
}

/** What holds whenever a runtime cannot be reached. */
function defineAway(
  away: Bench,
  others: readonly Bench[],
  benches: readonly Bench[],
  lastWord: LastWord,
): void {
  it('R5: shows the status of all pods and containers, its own as it last said, also after a look at each', async () => {
    expect(await statusesOf(away)).toEqual(lastWord.statuses);
    // As the kubelet's image collector, which stops at the first error.
    const { containers } = await away.cri.call('ListContainers', {});
    for (const { id, state } of containers) {
      const { status } = await away.cri.call('ContainerStatus', { containerId: id });
      expect(status).toMatchObject({ id, state });
    }
    const { items } = await away.cri.call('ListPodSandbox', {});
    for (const { id, state } of items) {
      const { status } = await away.cri.call('PodSandboxStatus', { podSandboxId: id });
      expect(status).toMatchObject({ id, state });
    }
  });

  it('R4, R5: lists all pods and containers, with what it last said of its own', async () => {
    expect(await listedIds(away)).toEqual(await sharedIds(benches));
    const { podSandboxId, containerId, uid } = await away.shared();
    const own = { labelSelector: { 'io.kubernetes.pod.uid': uid } };
    const { items } = await away.cri.call('ListPodSandbox', { filter: own });
    expect(items.map(({ id }) => id)).toEqual([podSandboxId]);
    for (const filter of [{ podSandboxId }, { id: containerId }]) {
      const { containers } = await away.cri.call('ListContainers', { filter });
      expect(containers.map(({ id, state }) => [id, state])).toEqual([[containerId, RUNNING]]);
    }
  });

  it('R5: lists of its images what it would list itself by a filter', async () => {
    for (const [filter, ids] of lastWord.images)
      expect([filter, await imageIds(away, filter)]).toEqual([filter, ids]);
  });

  it('R12: answers INTERNAL to a filter that is not UTF-8', async () => {
    // A reference, and an id.
    const requests = {
      ListImages: '0a050a030a01ff',
      ListContainers: '0a030a01ff',
      StreamPodSandboxes: '0a030a01ff',
    };
    for (const [rpc, request] of Object.entries(requests)) {
      const path = away.cri.pathOf(rpc as keyof typeof requests);
      const { code, details } = await away.cri.rawCall(path, Buffer.from(request, 'hex'));
      expect(`${rpc} ${code}`).toBe(`${rpc} ${Code.INTERNAL}`);
      expect(details).toContain('grpc: error unmarshalling request');
    }
  });

  it('R9, R10: says UNAVAILABLE, and which runtime it is, to all that needs it', async () => {
    const { podSandboxId, containerId, config } = await away.shared();
    const replies = [
      await away.attempt('ExecSync', { containerId, cmd: ['true'], timeout: 1 }),
      await away.attempt('StopContainer', { containerId, timeout: 1 }),
      await away.attempt('StopPodSandbox', { podSandboxId }),
      await away.attempt('RemovePodSandbox', { podSandboxId }),
      await away.attempt('PullImage', { image: { image: away.target.pullable }, sandboxConfig: config }),
      await away.attempt('RunPodSandbox', { config, runtimeHandler: away.place.handler }),
    ];
    for (const { code, details } of replies) {
      expect(code).toBe(14);
      expect(details).toMatch(nameOf(away));
    }
  });

  it('R9: says neither NOT_FOUND nor OK of an id that it may have', async () => {
    expect(await away.code('PodSandboxStatus', { podSandboxId: nobody() })).toBe('UNAVAILABLE');
    expect(await away.code('ContainerStatus', { containerId: nobody() })).toBe('UNAVAILABLE');
    expect(await away.code('RemovePodSandbox', { podSandboxId: nobody() })).toBe('UNAVAILABLE');
    expect(await away.code('StopContainer', { containerId: nobody(), timeout: 1 })).toBe('UNAVAILABLE');
  });

  it('R11: says as before whether there are statistics of pods, to whoever looks for them', async () => {
    const isLacking = away.lacks('ListPodSandboxStats');
    const otherwise = others.length === 0 ? 'UNAVAILABLE' : 'OK';
    expect(await away.code('ListPodSandboxStats', {})).toBe(isLacking ? 'UNIMPLEMENTED' : otherwise);
    expect(await away.code('PodSandboxStats', { podSandboxId: nobody() })).toBe(
      isLacking ? 'UNIMPLEMENTED' : 'UNAVAILABLE',
    );
  });

  it('R13: does not run its pods anywhere else', async () => {
    const { config, uid, podSandboxId } = await away.shared();
    const next = { ...config, metadata: { ...config.metadata, attempt: 1 } };
    expect(await away.code('RunPodSandbox', { config: next, runtimeHandler: '' })).toBe('UNAVAILABLE');
    for (const { place } of benches) {
      expect(await away.code('RunPodSandbox', { config: next, runtimeHandler: place.handler })).not.toBe(
        'OK',
      );
    }
    const filter = { labelSelector: { 'io.kubernetes.pod.uid': uid } };
    const { items } = await away.cri.call('ListPodSandbox', { filter });
    expect(items.map(({ id }) => id)).toEqual([podSandboxId]);
  });

  it('R19: tells version and file systems all the same', async () => {
    const said = await away.cri.call('Version', {});
    expect(said).toMatchObject({ version: '0.1.0', runtimeName: away.place.traits.runtimeName });
    const { imageFilesystems } = await away.cri.call('ImageFsInfo', {});
    expect(imageFilesystems[0]?.fsId?.mountpoint).toMatch(/^\//);
  });

  it('serves the pods of the others', async () => {
    for (const other of others) {
      const { podSandboxId, containerId } = await other.shared();
      const { stdout } = await other.cri.call('ExecSync', { containerId, cmd: ['echo', 'hi'], timeout: 20 });
      expect(stdout.toString()).toBe('hi\n');
      const { status } = await other.cri.call('PodSandboxStatus', { podSandboxId });
      expect(status?.id).toBe(podSandboxId);
    }
    if (others.length === 0) return;
    // Old figures would be worse than none.
    const { stats } = await away.cri.call('ListContainerStats', {});
    const { containers } = await sharedIds(others);
    expect(stats.map(({ attributes }) => attributes?.id).sort()).toEqual(containers);
  });
}
