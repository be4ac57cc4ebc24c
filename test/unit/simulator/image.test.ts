import { describe, expect, it } from 'vitest';
import { Image, repositoryOf, withTag } from '../../../src/simulator/image.ts';
import { ImageStore } from '../../../src/simulator/image-store.ts';
import { profileOf } from '../../../src/simulator/quirks.ts';

const containerd = profileOf('containerd-2.1').images;
const digest = 'ab'.repeat(32);

describe('a reference', () => {
  it.each([
    ['app', 'app:latest', 'app'],
    ['app:1', 'app:1', 'app'],
    ['host:5000/team/app', 'host:5000/team/app:latest', 'host:5000/team/app'],
    ['host:5000/team/app:1', 'host:5000/team/app:1', 'host:5000/team/app'],
    [`app@sha256:${digest}`, `app@sha256:${digest}`, 'app'],
  ])('%s is %s with its tag, and %s without', (reference, tagged, repository) => {
    expect(withTag(reference)).toBe(tagged);
    expect(repositoryOf(reference)).toBe(repository);
  });
});

describe('an image', () => {
  it('has a digest for each of its names', () => {
    const image = new Image({ references: ['a:1', 'a:2', 'b:1'] });
    expect(image.tags).toEqual(['a:1', 'a:2', 'b:1']);
    expect(image.repoDigests).toEqual([
      `a@sha256:${image.manifestDigest}`,
      `b@sha256:${image.manifestDigest}`,
    ]);
  });

  it('that is named by digest has that digest and no tag', () => {
    const image = new Image({ references: [`a@sha256:${digest}`] });
    expect(image.manifestDigest).toBe(digest);
    expect(image.tags).toEqual([]);
  });

  it('is known by its id, whole or cut short, and by its digests', () => {
    const image = new Image({ references: ['a:1'], configDigest: digest });
    expect(image.hasId(`sha256:${digest}`, containerd)).toBe(true);
    expect(image.hasId(digest, containerd)).toBe(true);
    expect(image.hasId(digest.slice(0, 12), containerd)).toBe(true);
    expect(image.hasId(`sha256:${digest.slice(0, 12)}`, containerd)).toBe(true);
    for (const short of ['ab', 'sha256:']) expect(image.hasId(short, containerd)).toBe(false);
    expect(image.hasId(`sha256:${digest}`, profileOf('cri-o').images)).toBe(false);
  });
});

describe('the image store', () => {
  it('gives an image that is there more names', () => {
    const store = new ImageStore(containerd, undefined);
    store.add({ references: ['a:1'], configDigest: digest });
    store.add({ references: ['a:2'], configDigest: digest });
    expect(store.size).toBe(1);
    expect(store.find('a:1')?.tags).toEqual(['a:1', 'a:2']);
  });

  it('moves a tag to the image that gets it last', () => {
    const store = new ImageStore(containerd, undefined);
    const old = store.add({ references: ['a'] });
    const young = store.add({ references: ['a'], configDigest: digest });
    expect(store.find('a:latest')).toBe(young);
    expect(old.tags).toEqual([]);
  });

  it('finds nothing under the empty name', () => {
    expect(new ImageStore(containerd, undefined).find('')).toBeUndefined();
  });
});
