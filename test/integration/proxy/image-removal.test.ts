import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codecOf } from '../../support/cri-codec.ts';
import { addImage, calls, crash, has, listImages } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const APP = 'registry.test/app:1';
const DIGITS = 'a1'.repeat(32);
const timeouts = { listMs: 1_000, statusMs: 1_000 };

describe('RemoveImage over several runtimes', () => {
  let world: ProxyWorld;

  // containerd has sha256:<digits> for ids, CRI-O the digits alone.
  beforeEach(async () => {
    world = await proxyWorld([
      { name: 'main', profile: 'containerd-2.1', timeouts },
      { name: 'twin', profile: 'containerd-1.7', handlers: { twin: '' }, timeouts },
      { name: 'crio', profile: 'cri-o', handlers: { crio: '' }, timeouts },
    ]);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const remove = (image: string) => world.client.call('RemoveImage', { image: { image } });
  const holders = (reference = APP) => ['main', 'twin', 'crio'].filter((name) => has(world, name, reference));
  /** The references that a runtime was sent with RemoveImage. */
  const sent = (name: string) =>
    world
      .runtime(name)
      .journal.filter(({ method }) => method === 'RemoveImage')
      .map(({ requestBytes }) => codecOf('RemoveImage').decodeRequest(requestBytes).image?.image);
  const everywhere = () => {
    for (const name of ['main', 'twin', 'crio'])
      addImage(world, name, { references: [APP], configDigest: DIGITS });
  };

  it('R16: removes an id from every backend that lists exactly that, and asks no other', async () => {
    everywhere();
    await remove(`sha256:${DIGITS}`);
    expect(holders()).toEqual(['crio']);
    expect(calls(world, 'crio', 'RemoveImage')).toBe(0);
  });

  it('R16: does not let the id of one runtime remove the image of another that has the same digits', async () => {
    everywhere();
    await remove(DIGITS);
    expect(holders()).toEqual(['main', 'twin']);
    // It is gone now; containerd would take the digits for an image of its own.
    await expect(remove(DIGITS)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining(`sha256:${DIGITS} on backend main`),
    });
    expect(holders()).toEqual(['main', 'twin']);
  });

  it('R16: removes a name, or the beginning of an id, wherever it is', async () => {
    everywhere();
    await remove(APP);
    expect(holders()).toEqual([]);
    everywhere();
    await remove(DIGITS.slice(0, 13));
    expect(holders()).toEqual([]);
  });

  it('R16: removes by one of its names an image that has other names elsewhere, so that it is listed nowhere', async () => {
    addImage(world, 'main', { references: [APP], configDigest: DIGITS });
    addImage(world, 'twin', { references: [APP, 'registry.test/app:2'], configDigest: DIGITS });
    await remove('registry.test/app:2');
    expect((await listImages(world)).map(({ id }) => id)).not.toContain(`sha256:${DIGITS}`);
    expect(holders()).toEqual([]);
  });

  it('R16: removes all that a name means, each image wherever it is', async () => {
    const other = 'c3'.repeat(32);
    addImage(world, 'main', { references: [APP], configDigest: DIGITS });
    addImage(world, 'main', { references: ['registry.test/app:0'], configDigest: other });
    addImage(world, 'twin', { references: [APP], configDigest: other });
    await remove(APP);
    expect(has(world, 'main', `sha256:${DIGITS}`)).toBe(false);
    expect(has(world, 'main', `sha256:${other}`)).toBe(false);
    expect(has(world, 'twin', `sha256:${other}`)).toBe(false);
  });

  it('R16: removes it also from runtimes that list the same digits in the other form, each by its own form', async () => {
    const [first, second] = [APP, 'registry.test/app:2'];
    for (const [one, all] of [
      ['main', 'crio'],
      ['crio', 'main'],
    ] as const) {
      addImage(world, one, { references: [first], configDigest: DIGITS });
      addImage(world, all, { references: [first, second], configDigest: DIGITS });
      await remove(second);
      expect((await listImages(world)).filter(({ id }) => id.endsWith(DIGITS))).toEqual([]);
      expect(holders()).toEqual([]);
    }
    expect([sent('main'), sent('crio')]).toEqual([
      [`sha256:${DIGITS}`, `sha256:${DIGITS}`],
      [DIGITS, DIGITS],
    ]);
  });

  it('R16: removes by a name what another runtime has under another name, and is UNAVAILABLE for what an absent one has', async () => {
    addImage(world, 'crio', { references: ['registry.test/app:0'], configDigest: DIGITS });
    addImage(world, 'main', { references: [APP], configDigest: DIGITS });
    addImage(world, 'twin', { references: ['registry.test/app:0'], configDigest: DIGITS });
    await listImages(world);
    await crash(world, 'twin');
    await expect(remove(APP)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend twin is unreachable'),
    });
    expect(holders(APP)).toEqual([]);
    expect(holders('registry.test/app:0')).toEqual(['twin']);
  });

  it('R16: removes a digest wherever it is', async () => {
    const reference = `registry.test/app@sha256:${'b2'.repeat(32)}`;
    addImage(world, 'twin', { references: [reference] });
    await remove(reference);
    expect(holders(reference)).toEqual([]);
  });

  it('R16: refuses the beginning of an id that is the beginning of two', async () => {
    addImage(world, 'main', { references: ['registry.test/one:1'], configDigest: `abcdef${'1'.repeat(58)}` });
    addImage(world, 'twin', { references: ['registry.test/two:1'], configDigest: `abcdef${'2'.repeat(58)}` });
    await expect(remove('abcdef')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect([has(world, 'main', 'registry.test/one:1'), has(world, 'twin', 'registry.test/two:1')]).toEqual([
      true,
      true,
    ]);
  });

  it('R16: removes by a name only what has it, not the image of another runtime whose id begins so', async () => {
    for (const [name, digits] of [
      ['main', '22'],
      ['crio', '33'],
    ] as const)
      addImage(world, name, { references: [APP], configDigest: `cafe${digits.repeat(30)}` });
    addImage(world, 'twin', { references: ['cafe:latest'], configDigest: DIGITS });
    await remove('cafe');
    expect(holders()).toEqual(['main', 'crio']);
    expect(has(world, 'twin', 'cafe:latest')).toBe(false);
    // Now it is the beginning of two ids, and nothing else.
    await expect(remove('cafe')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('R16: says OK for what nobody has, by name and by id', async () => {
    await remove('registry.test/never-was:1');
    await remove(`sha256:${'0'.repeat(64)}`);
    await remove('0'.repeat(64));
  });

  it('R16: takes NOT_FOUND of an owner for done, and passes any other error as it came', async () => {
    everywhere();
    world.runtime('twin').faults.add('RemoveImage', { kind: 'refuse', status: 'NOT_FOUND', message: 'no' });
    await remove(`sha256:${DIGITS}`);
    everywhere();
    world.runtime('twin').faults.clear();
    world.runtime('twin').faults.add('RemoveImage', { kind: 'refuse', status: 'UNKNOWN', message: 'in use' });
    await expect(remove(`sha256:${DIGITS}`)).rejects.toMatchObject({
      code: status.UNKNOWN,
      details: 'in use',
    });
  });

  it('R16: removes what an absent backend did not list, by id and by name', async () => {
    for (const name of ['main', 'twin']) addImage(world, name, { references: [APP], configDigest: DIGITS });
    await listImages(world);
    await crash(world, 'crio');
    await remove(`sha256:${DIGITS}`);
    expect(holders()).toEqual([]);
    addImage(world, 'main', { references: [APP] });
    await remove(APP);
    expect(holders()).toEqual([]);
  });

  it('R16: is UNAVAILABLE when an absent backend listed the image, and removes it from the others', async () => {
    everywhere();
    await listImages(world);
    await crash(world, 'twin');
    await expect(remove(`sha256:${DIGITS}`)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend twin is unreachable'),
    });
    expect(holders()).toEqual(['twin', 'crio']);
  });

  it('R16: is UNAVAILABLE for a name that an absent backend may take for an image it listed', async () => {
    addImage(world, 'crio', { references: ['registry.test/team/tool:latest'] });
    const images = await listImages(world);
    const id = images.find(({ repoTags }) => repoTags.includes('registry.test/team/tool:latest'))?.id;
    await crash(world, 'crio');
    for (const name of ['registry.test/team/tool', 'tool:latest', 'team/tool'])
      await expect(remove(name)).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringContaining(`backend crio is away, and its last list has ${id}`),
      });
    await remove('registry.test/team/tool:2');
  });

  it('R16: removes nothing by a name while an absent backend has it, for what it means there cannot be asked', async () => {
    everywhere();
    await listImages(world);
    await crash(world, 'twin');
    await expect(remove(APP)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend twin is unreachable'),
    });
    expect(holders()).toEqual(['main', 'twin', 'crio']);
  });

  it('R16: removes nothing, by name or by id, while a backend that was never listed is away', async () => {
    everywhere();
    await crash(world, 'twin');
    await world.restart('twin', 'forgetting');
    for (const reference of [APP, `sha256:${DIGITS}`])
      await expect(remove(reference)).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringContaining('cannot tell which backends have image'),
      });
    expect(holders()).toEqual(['main', 'twin', 'crio']);
  });

  it('R16: is UNAVAILABLE while nothing certain is known of the images of an absent backend', async () => {
    const hang = world.runtime('crio').faults.add('ListImages', { kind: 'hang' });
    await world.client.call('PullImage', { image: { image: APP, runtimeHandler: 'crio' } });
    await crash(world, 'crio');
    await expect(remove('registry.test/other:1')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    hang.clear();
  });

  it('R16: is UNAVAILABLE when a backend turns out to hang of whose images nothing certain is known', async () => {
    const hang = world.runtime('crio').faults.add('ListImages', { kind: 'hang' });
    await world.client.call('PullImage', { image: { image: APP, runtimeHandler: 'crio' } });
    const all = world.runtime('crio').faults.add('*', { kind: 'hang' });
    await expect(remove('registry.test/other:1')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend crio'),
    });
    hang.clear();
    all.clear();
  });

  it('R16: does not wait for a backend that hangs longer than for a list', async () => {
    everywhere();
    await listImages(world);
    const hang = world.runtime('crio').faults.add('*', { kind: 'hang' });
    await remove(`sha256:${DIGITS}`);
    expect(has(world, 'main', APP)).toBe(false);
    await until(() => world.lines.some(({ fields }) => fields['state'] === 'hanging'), 'it is known to hang');
    hang.clear();
  });
});
