import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ImageSchema } from '../../../src/cri/gen/runtime/v1/image_pb.ts';
import { encodeField, forEachRecord } from '../../../src/cri/wire.ts';
import { joinFsInfo, mergeImages } from '../../../src/merge/images.ts';

const UNKNOWN = encodeField(4_000, Buffer.from('from the future'));

const encodeImage = (image: MessageInitShape<typeof ImageSchema>) =>
  toBinary(ImageSchema, create(ImageSchema, image));
const decodeImage = (bytes: Uint8Array) => fromBinary(ImageSchema, bytes);

function list(...images: MessageInitShape<typeof ImageSchema>[]): Buffer {
  return Buffer.concat(images.map((image) => encodeField(1, Buffer.concat([encodeImage(image), UNKNOWN]))));
}

function imagesIn(parts: readonly Buffer[]) {
  const message = Buffer.concat(parts);
  const images: ReturnType<typeof decodeImage>[] = [];
  forEachRecord(message, 0, message.length, 1, (_, start, end) =>
    images.push(decodeImage(message.subarray(start, end))),
  );
  return images;
}

describe('mergeImages', () => {
  it('makes one of an image that two backends have: tags and digests united, the largest size', () => {
    const first = list({
      id: 'sha256:1',
      repoTags: ['a:1'],
      repoDigests: ['a@sha256:d'],
      size: 5n,
      username: 'app',
    });
    const second = list({ id: 'sha256:1', repoTags: ['a:1', 'b:1'], repoDigests: ['b@sha256:e'], size: 7n });
    expect(imagesIn(mergeImages([first, second]))).toMatchObject([
      {
        id: 'sha256:1',
        repoTags: ['a:1', 'b:1'],
        repoDigests: ['a@sha256:d', 'b@sha256:e'],
        size: 7n,
        username: 'app',
      },
    ]);
  });

  it('keeps an image pinned that is pinned anywhere, or the kubelet would collect it', () => {
    const merged = imagesIn(mergeImages([list({ id: 'p' }), list({ id: 'p', pinned: true })]));
    expect(merged).toMatchObject([{ pinned: true }]);
  });

  it("keeps the default backend's user, also where that is root and the other has another", () => {
    const twin = { id: 'u', uid: { value: 7n }, username: 'app' };
    expect(imagesIn(mergeImages([list({ id: 'u' }), list(twin)]))).toMatchObject([{ username: '' }]);
    expect(imagesIn(mergeImages([list({ id: 'u' }), list(twin)]))[0]?.uid).toBeUndefined();
    expect(imagesIn(mergeImages([list(twin), list({ id: 'u', username: 'other' })]))).toMatchObject([twin]);
  });

  it('takes what the first lacks from the next that has it, and overrides nothing', () => {
    const newField = (text: string) => encodeField(5_000, Buffer.from(text));
    const record = (image: MessageInitShape<typeof ImageSchema>, ...more: Uint8Array[]) =>
      Buffer.from(encodeField(1, Buffer.concat([encodeImage(image), ...more])));
    const spec = { image: 'a:1', annotations: { k: 'v' } };
    const merged = Buffer.concat(
      mergeImages([
        record({ id: 'n' }, UNKNOWN),
        record({ id: 'n', spec }, encodeField(4_000, Buffer.from('overrides'))),
        record({ id: 'n' }, newField('second'), newField('second again')),
        record({ id: 'n' }, newField('third')),
      ]),
    );
    expect(imagesIn([merged])).toMatchObject([{ id: 'n', spec }]);
    const texts = ['from the future', 'second', 'second again', 'overrides', 'third'];
    expect(texts.map((text) => merged.includes(text))).toEqual([true, true, true, false, false]);
  });

  it('leaves lists without common ids byte for byte as they are', () => {
    const parts = [list({ id: 'a' }), list({ id: 'b' }, { id: 'c' })];
    expect(Buffer.concat(mergeImages(parts))).toEqual(Buffer.concat(parts));
  });

  it('keeps fields that nobody knows, also of a merged image', () => {
    const [merged] = mergeImages([list({ id: 'a' }), list({ id: 'a' })]).slice(-1);
    expect(merged?.includes('from the future')).toBe(true);
  });
});

describe('joinFsInfo', () => {
  const usage = (mountpoint: string) => encodeField(2, encodeField(1, Buffer.from(mountpoint)));

  it('puts the first backend first and does not repeat a mount point', () => {
    const first = Buffer.from(encodeField(1, usage('/var/lib/containerd')));
    const second = Buffer.concat([
      encodeField(1, usage('/var/lib/containerd')),
      encodeField(1, usage('/var/lib/docker')),
    ]);
    const joined = Buffer.concat(joinFsInfo([first, second]));
    expect(joined).toEqual(Buffer.concat([first, encodeField(1, usage('/var/lib/docker'))]));
  });

  it('keeps image and container file systems apart', () => {
    const both = Buffer.concat([encodeField(1, usage('/data')), encodeField(2, usage('/data'))]);
    expect(Buffer.concat(joinFsInfo([both]))).toEqual(both);
  });
});
