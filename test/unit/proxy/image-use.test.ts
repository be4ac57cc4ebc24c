import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { hiddenUse, type ListedImages } from '../../../src/proxy/image-use.ts';
import { codecOf } from '../../support/cri-codec.ts';

const USED = `sha256:${'a1'.repeat(32)}`;
const OTHER = `sha256:${'b2'.repeat(32)}`;

interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
}

/** A backend with these images and containers, and how often its list of images is gone through. */
function world(name: string, images: readonly Image[], containers: readonly object[] = [], isAbsent = false) {
  const list = codecOf('ListContainers').encodeResponse({ containers: [...containers] });
  const backend = {
    ...{ name, config: { socket: `/run/${name}.sock` }, images: { isAbsent } },
    snapshot: { answer: () => list },
  } as unknown as Backend;
  const parts = [
    codecOf('ListImages').encodeResponse({
      images: images.map(({ id, repoTags }) => ({ id, repoTags: [...repoTags] })),
    }),
  ];
  let passes = 0;
  const counted = new Proxy(parts, {
    get(target, key, receiver) {
      if (key === Symbol.iterator) passes++;
      return Reflect.get(target, key, receiver);
    },
  });
  const listed: ListedImages = { backend, images: counted };
  return { listed, passes: () => passes };
}

const container = (reference: string, imageRef = USED) => ({
  ...{ id: `of ${reference}`, image: { image: reference }, imageRef },
});

describe('the hidden use of an image', () => {
  it('is that of a container by whose name another backend may have another image', () => {
    const owner = world('owner', [{ id: USED, repoTags: ['app:1'] }], [container('app:1')]);
    const others = (images: readonly Image[], isAbsent = false) => [
      owner.listed,
      world('other', images, [], isAbsent).listed,
    ];
    const error = hiddenUse(owner.listed, others([{ id: OTHER, repoTags: ['app:1'] }]), USED);
    expect(error?.message).toContain('container of app:1 on backend owner, and backend other may have');
    expect(error?.hint).toContain('at /run/owner.sock; by a tag every image of that name');
    expect(hiddenUse(owner.listed, others([{ id: OTHER, repoTags: ['app:2'] }]), USED)).toBeUndefined();
    // The same image: whoever answers, the client sees that it is in use. One that is away does not answer.
    const same = [{ id: USED, repoTags: ['app:1'] }];
    expect(hiddenUse(owner.listed, others(same), USED)).toBeUndefined();
    expect(hiddenUse(owner.listed, others(same, true), USED)).toBeDefined();
    expect(hiddenUse(owner.listed, others([{ id: OTHER, repoTags: ['app:1'] }]), OTHER)).toBeUndefined();
  });

  it('is found out in one pass over the images of each backend, however many containers and names there are', () => {
    const names = Array.from({ length: 500 }, (_, position) => `app:${position}`);
    const made = names.map((name) => container(name));
    // Not listed by its backend yet.
    const fresh = names.map((name) => container(`new-${name}`, `new-${name}`));
    const owner = world('owner', [{ id: USED, repoTags: names }], [...made, ...fresh]);
    const other = world('other', [{ id: OTHER, repoTags: names.map((name) => `another-${name}`) }]);
    expect(hiddenUse(owner.listed, [owner.listed, other.listed], USED)).toBeUndefined();
    expect([owner.passes(), other.passes()]).toEqual([1, 1]);
  });
});
