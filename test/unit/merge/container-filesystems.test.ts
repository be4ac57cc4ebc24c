import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ImageFsInfoResponseSchema } from '../../../src/cri/gen/runtime/v1/image_service_pb.ts';
import {
  ListContainerStatsResponseSchema,
  ListPodSandboxStatsResponseSchema,
} from '../../../src/cri/gen/runtime/v1/stats_pb.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { filesystemsOf, withKnownMountpoints } from '../../../src/merge/container-filesystems.ts';

const IMAGES = '/var/lib/containers/storage/overlay-images';
const CONTAINERS = '/var/lib/containers/storage/overlay-containers';
const OWN = '/var/lib/containers/storage/overlay/5f70bf18/merged';

const fs = (mountpoint: string) => ({ fsId: { mountpoint } });
const fsInfo = (images: readonly string[], containers: readonly string[] = []) =>
  toBinary(
    ImageFsInfoResponseSchema,
    create(ImageFsInfoResponseSchema, {
      imageFilesystems: images.map(fs),
      containerFilesystems: containers.map(fs),
    }),
  );
const known = (images: readonly string[], containers: readonly string[] = []) => {
  const filesystems = filesystemsOf(fsInfo(images, containers));
  if (filesystems === undefined) throw new Error('there are file systems');
  return filesystems;
};
const container = (id: string, mountpoint: string) => ({
  attributes: { id },
  memory: { timestamp: 5n, workingSetBytes: { value: 7n } },
  writableLayer: { timestamp: 3n, ...fs(mountpoint), usedBytes: { value: 4096n } },
});
const statsOf = (...stats: ReturnType<typeof container>[]) =>
  Buffer.from(
    toBinary(ListContainerStatsResponseSchema, create(ListContainerStatsResponseSchema, { stats })),
  );
const podStatsOf = (...containers: ReturnType<typeof container>[]) =>
  Buffer.from(
    toBinary(
      ListPodSandboxStatsResponseSchema,
      create(ListPodSandboxStatsResponseSchema, {
        stats: [{ attributes: { id: 'pod' }, linux: { memory: { timestamp: 1n }, containers } }],
      }),
    ),
  );

describe('the file systems of a runtime', () => {
  it('show the first one for containers, else the first one for images', () => {
    expect(known([IMAGES], [CONTAINERS]).mountpoint.toString()).toBe(CONTAINERS);
    expect(known([IMAGES]).mountpoint.toString()).toBe(IMAGES);
  });

  it('are not known where none is named', () => {
    expect(filesystemsOf(fsInfo([]))).toBeUndefined();
    expect(filesystemsOf(fsInfo([''], ['']))).toBeUndefined();
  });
});

describe('mount points in statistics', () => {
  it('are replaced where the file system is not known, with nothing else changed', () => {
    const filesystems = known([IMAGES], [CONTAINERS]);
    const before = statsOf(container('a', OWN), container('b', CONTAINERS), container('c', IMAGES));
    const after = statsOf(container('a', CONTAINERS), container('b', CONTAINERS), container('c', IMAGES));
    expect(withKnownMountpoints(before, [1], filesystems)).toEqual(after);
    expect(withKnownMountpoints(podStatsOf(container('a', OWN)), [1, 2, 5], filesystems)).toEqual(
      podStatsOf(container('a', CONTAINERS)),
    );
  });

  it('leave every other byte as it was, also of fields that nobody knows here', () => {
    const unknown = (text: string) => Buffer.from(encodeField(700, Buffer.from(text)));
    const record = (mountpoint: string) => {
      const fsId = Buffer.concat([unknown('1'), encodeField(1, Buffer.from(mountpoint)), unknown('2')]);
      const layer = Buffer.concat([unknown('3'), encodeField(2, fsId), unknown('4')]);
      return Buffer.concat([unknown('5'), encodeField(4, layer), unknown('6')]);
    };
    const message = (mountpoint: string) =>
      Buffer.concat([unknown('7'), encodeField(1, record(mountpoint)), unknown('8')]);
    expect(withKnownMountpoints(message(OWN), [1], known([IMAGES]))).toEqual(message(IMAGES));
  });

  it('make no new message where all are known, as those of containerd and its further snapshotters are', () => {
    const overlay = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs';
    const nydus = '/var/lib/containerd/io.containerd.snapshotter.v1.nydus';
    const message = statsOf(container('a', overlay), container('b', nydus));
    expect(withKnownMountpoints(message, [1], known([overlay, nydus]))).toBe(message);
  });

  it('are not made up for a container without one', () => {
    const message = Buffer.concat([
      statsOf(container('a', '')),
      encodeField(1, encodeField(1, encodeField(1, Buffer.from('b')))),
    ]);
    expect(withKnownMountpoints(message, [1], known([IMAGES]))).toBe(message);
  });
});
