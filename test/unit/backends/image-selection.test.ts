import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { selectImages } from '../../../src/backends/image-selection.ts';
import { ListImagesResponseSchema } from '../../../src/cri/gen/runtime/v1/image_service_pb.ts';
import { type ImageFilterWay, imageFilterOf } from '../../../src/cri/image-filters.ts';

const A = 'ab12'.repeat(16);
const B = 'cd34'.repeat(16);
const LIST = Buffer.from(
  toBinary(
    ListImagesResponseSchema,
    create(ListImagesResponseSchema, {
      images: [
        { id: `sha256:${A}`, repoTags: ['app:1', 'registry.test/app:2'], repoDigests: [`app@sha256:${B}`] },
        { id: `sha256:${B}`, repoTags: ['registry.test/team/app:1'] },
        { id: 'dangling', repoTags: ['<none>:<none>'], repoDigests: ['<none>@<none>'] },
      ],
    }),
  ),
);
const selected = (reference: string, way: ImageFilterWay) =>
  fromBinary(ListImagesResponseSchema, selectImages(LIST, reference, way)).images.map(({ id }) => id);

describe('the images that a filter lets through', () => {
  it('are all where it is ignored, or empty', () => {
    expect(selectImages(LIST, 'app:1', 'ignored')).toBe(LIST);
    for (const way of ['looked up', 'pattern'] as const) expect(selectImages(LIST, '', way)).toBe(LIST);
  });

  it.each([
    ['app:1', [`sha256:${A}`]],
    ['registry.test/app:2', [`sha256:${A}`]],
    ['team/app:1', [`sha256:${B}`]],
    [`sha256:${B}`, [`sha256:${B}`]],
    [B, [`sha256:${B}`]],
    ['ab12', [`sha256:${A}`]],
    [`app@sha256:${B}`, [`sha256:${A}`]],
    ['app', []],
    ['*', []],
    ['sha256:', []],
    ['UPPER//x::y', []],
  ])('are those that %s means where it is looked up', (reference, ids) => {
    expect(selected(reference, 'looked up')).toEqual(ids);
  });

  it.each([
    ['app', [`sha256:${A}`]],
    ['app:*', [`sha256:${A}`]],
    ['registry.test/*', [`sha256:${A}`]],
    ['registry.test/*/app', [`sha256:${B}`]],
    ['*', [`sha256:${A}`]],
    [A, []],
    ['[', []],
  ])('are those whose names fit %s where it is a pattern', (reference, ids) => {
    expect(selected(reference, 'pattern')).toEqual(ids);
  });

  it('are looked up for a runtime of which nothing is known', () => {
    expect(['containerd', 'cri-o', 'docker', '', 'constructor'].map(imageFilterOf)).toEqual([
      'ignored',
      'looked up',
      'pattern',
      'looked up',
      'looked up',
    ]);
  });
});
