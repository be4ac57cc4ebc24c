// Images: pull, look-up, list, remove, the user they name, and the file systems they lie on.
import { afterEach, expect, it } from 'vitest';
import type { Bench } from './bench.ts';

export function defineImages(bench: Bench): void {
  const { traits } = bench.place;

  /** Pulls for the shared pod, as a kubelet does once the sandbox is there. */
  const pull = async (image: string) => {
    const { config } = await bench.shared();
    const spec = { image, annotations: config.annotations ?? {} };
    return (await bench.cri.call('PullImage', { image: spec, sandboxConfig: config })).imageRef;
  };
  const lookUp = async (image: string) => (await bench.cri.call('ImageStatus', { image: { image } })).image;

  afterEach(async () => {
    await bench.cri.call('RemoveImage', { image: { image: bench.target.pullable } });
  });

  it('R15: pulls an image for a pod, finds it by each of its names, runs it and removes it', async () => {
    const { pullable } = bench.target;
    const imageRef = await pull(pullable);
    expect(imageRef).toMatch(traits.pulledRef);
    const found = await lookUp(pullable);
    expect(found?.id).toMatch(traits.imageId);
    expect(found?.repoTags).toContain(pullable);
    expect(found?.size).toBeGreaterThan(0);
    expect((await lookUp(imageRef))?.id).toBe(found?.id);
    expect((await lookUp(found?.id ?? ''))?.id).toBe(found?.id);

    const pod = await bench.pod();
    const containerId = await bench.running(pod, { image: imageRef });
    const { status } = await bench.cri.call('ContainerStatus', { containerId });
    expect(status?.image?.image).toBe(pullable);
    expect(status?.imageRef).toMatch(traits.usedRef);
    await bench.tidy();

    await bench.cri.call('RemoveImage', { image: { image: found?.id ?? '' } });
    expect(await lookUp(pullable)).toBeNull();
    expect(await lookUp(found?.id ?? '')).toBeNull();
  });

  it('R15: finds an image by the beginning of its id, in each form of it', async () => {
    const { id = '' } = (await lookUp(await pull(bench.target.pullable))) ?? {};
    for (const beginning of [id.slice(0, 20), id.replace('sha256:', '').slice(0, 13)])
      expect({ beginning, id: (await lookUp(beginning))?.id }).toEqual({ beginning, id });
    expect(await lookUp('sha256:')).toBeNull();
  });

  it('R15: tells the user of an image by its bare name, which decides as whom a container runs', async () => {
    await pull(bench.target.pullable);
    expect((await lookUp(bench.target.pullable))?.uid?.value).toBe(1000);
    expect(await lookUp(bench.target.image)).toMatchObject({ uid: null, username: '' });
  });

  it('R15: finds no image that is nowhere', async () => {
    expect(await lookUp('conformance.test/nowhere:1')).toBeNull();
  });

  it('tells more of an image when asked to be verbose', async () => {
    const image = { image: bench.target.image };
    const { info } = await bench.cri.call('ImageStatus', { image, verbose: true });
    expect(Object.keys(info)).not.toEqual([]);
  });

  it(`R12: answers ${traits.missingImage} and the name to a pull of what no registry has`, async () => {
    const missing = bench.target.pullable.replace(/:[^:/]+$/, ':no-such-tag');
    const { config } = await bench.shared();
    const request = { image: { image: missing }, sandboxConfig: config };
    expect(await bench.code('PullImage', request)).toBe(traits.missingImage);
    expect((await bench.attempt('PullImage', request)).details).toContain('no-such-tag');
    expect(await lookUp(missing)).toBeNull();
  });

  it('lists each image once, with its tags, digests and size; in parts too', async () => {
    await pull(bench.target.pullable);
    const { images } = await bench.cri.call('ListImages', {});
    const ids = images.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Where runtimes write ids in two forms, one image is two entries.
    const pulled = images.filter(({ repoTags }) => repoTags.includes(bench.target.pullable));
    expect(pulled.filter(({ id }) => traits.imageId.test(id))).toHaveLength(1);
    for (const one of pulled) expect(one.repoDigests[0]).toMatch(/@sha256:[0-9a-f]{64}$/);
    for (const one of images) expect(one.size).toBeGreaterThan(0);
    if (bench.lacks('StreamImages')) {
      expect(await bench.code('StreamImages', {})).toBe('UNIMPLEMENTED');
      return;
    }
    const messages = await bench.all('StreamImages', {});
    const streamed = new Set(messages.flatMap((message) => message.images.map(({ id }) => id)));
    expect([...streamed].sort()).toEqual(ids.sort());
  });

  it('lists what its filter asks for', async () => {
    await pull(bench.target.pullable);
    const { images } = await bench.cri.call('ListImages', {
      filter: { image: { image: bench.target.pullable } },
    });
    const tags = images.flatMap(({ repoTags }) => repoTags);
    expect(tags).toContain(bench.target.pullable);
    expect(tags.includes(bench.target.image)).toBe(!traits.filtersImages);
  });

  it(`R12: answers ${traits.brokenFilter} to a filter of images that is no reference`, async () => {
    const request = { filter: { image: { image: 'UPPER//x::y' } } };
    expect(await bench.code('ListImages', request)).toBe(traits.brokenFilter);
    if (!bench.lacks('StreamImages'))
      expect(await bench.code('StreamImages', request)).toBe(traits.brokenFilter);
  });

  it('shows in lists at once what was pulled and removed', async () => {
    const isListed = async () =>
      (await bench.cri.call('ListImages', {})).images.some(({ repoTags }) =>
        repoTags.includes(bench.target.pullable),
      );
    expect(await isListed()).toBe(false);
    await pull(bench.target.pullable);
    expect(await isListed()).toBe(true);
    await bench.cri.call('RemoveImage', { image: { image: bench.target.pullable } });
    expect(await isListed()).toBe(false);
  });

  it('R16: removing an image that is nowhere is OK, and removes no other', async () => {
    const ids = async () => (await bench.cri.call('ListImages', {})).images.map(({ id }) => id).sort();
    const before = await ids();
    await bench.cri.call('RemoveImage', { image: { image: 'conformance.test/nowhere:1' } });
    await bench.cri.call('RemoveImage', { image: { image: `sha256:${'e'.repeat(64)}` } });
    expect(await ids()).toEqual(before);
  });
}
