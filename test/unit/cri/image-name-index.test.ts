import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageNameIndex } from '../../../src/cri/image-name-index.ts';
import { mayMean } from '../../../src/cri/image-reference.ts';

const word = fc.constantFrom('app', 'ab', 'a', 'registry.test', 'team', 'localhost:5000');
const digits = fc.constantFrom('ab12'.repeat(16), 'ab'.repeat(32), 'a'.repeat(64));
const path = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('/'));
const tag = fc.tuple(path, fc.constantFrom('1', 'latest')).map((parts) => parts.join(':'));
const digest = fc.tuple(path, digits).map(([name, hex]) => `${name}@sha256:${hex}`);
const id = fc.oneof(
  digits,
  digits.map((hex) => `sha256:${hex}`),
);
const image = fc.record({ id, tags: fc.array(tag), digests: fc.array(digest) });
const cut = fc.tuple(id, fc.nat(71)).map(([whole, length]) => whole.slice(0, length));
const reference = fc.oneof(path, tag, digest, id, cut, fc.constantFrom('', '@', 'sha256:', '/app:1'));

describe('an index of the names of images', () => {
  it('says of a reference what is said of it image by image', () => {
    const isSame = fc.property(fc.array(image, { maxLength: 4 }), reference, (images, wanted) => {
      const index = new ImageNameIndex();
      for (const one of images) index.add(one);
      expect(index.mayMean(wanted)).toBe(images.some((one) => mayMean(wanted, one)));
    });
    fc.assert(isSame, { numRuns: 2_000 });
  });
});
