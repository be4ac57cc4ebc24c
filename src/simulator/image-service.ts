// The image service: list, status, pull, remove, and the filesystems images live on.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ImageFilter, ImageSchema } from '../cri/gen/runtime/v1/image_pb.ts';
import { fitsPattern, readPattern } from '../cri/reference-pattern.ts';
import type { ImageHandlers } from './handlers.ts';
import { type Image, isReference } from './image.ts';
import { refusalText } from './quirks.ts';
import { chunkElements, encodeElement } from './record.ts';
import { RpcError } from './rpc-error.ts';
import type { World } from './world.ts';

/** Handlers over one world. */
export function imageHandlers(world: World): ImageHandlers {
  const traits = world.profile.images;

  const elements = (filter: ImageFilter | undefined): Buffer[] =>
    [...listed(world, filter?.image?.image ?? '')].map((image) =>
      encodeElement(ImageSchema, imageMessage(world, image, traits.userInList)),
    );

  return {
    listImages: ({ filter }) => Buffer.concat(elements(filter)),

    streamImages({ filter }, _call, send) {
      for (const message of chunkElements(elements(filter), 100)) send(message);
    },

    imageStatus({ image, verbose }) {
      const found = world.images.find(image?.image ?? '');
      if (found === undefined) return {};
      const info = { imageSpec: { config: { User: found.username || String(found.uid ?? '') } } };
      return {
        image: imageMessage(world, found, true),
        info: verbose ? { info: JSON.stringify(info) } : {},
      };
    },

    pullImage({ image }) {
      const name = image?.image ?? '';
      const pulled = name === '' ? undefined : world.images.pull(name);
      if (pulled === undefined)
        throw new RpcError(traits.missing.status, refusalText(traits.missing, { name }));
      return { imageRef: pulled.pullReply(traits) };
    },

    removeImage({ image }) {
      world.images.remove(image?.image ?? '');
      return {};
    },

    imageFsInfo() {
      const used = [...world.images.values()].reduce((total, image) => total + image.sizeBytes, 0n);
      return {
        imageFilesystems: [filesystem(world, traits.imageFs, used, world.images.size)],
        containerFilesystems:
          traits.containerFs === undefined
            ? []
            : [
                filesystem(
                  world,
                  traits.containerFs,
                  BigInt(world.containers.size) * 4096n,
                  world.containers.size,
                ),
              ],
      };
    },
  };
}

/** The images that a filter lets through. */
function listed({ images, profile }: World, wanted: string): Iterable<Image> {
  const { listFilter, brokenFilter } = profile.images;
  if (wanted === '' || listFilter === 'ignored') return images.values();
  const pattern = listFilter === 'reference' ? readPattern(wanted) : undefined;
  const isBroken = listFilter === 'reference' ? pattern === undefined : !isReference(wanted);
  if (isBroken && brokenFilter !== 'finds-nothing')
    throw new RpcError(brokenFilter.status, refusalText(brokenFilter, { name: wanted }));
  if (pattern === undefined) return [images.find(wanted)].filter((image) => image !== undefined);
  return [...images.values()].filter(({ tags, repoDigests }) =>
    [...tags, ...repoDigests].some((name) => fitsPattern(pattern, name)),
  );
}

function imageMessage(world: World, image: Image, withUser: boolean): MessageInitShape<typeof ImageSchema> {
  return {
    id: image.id(world.profile.images),
    repoTags: image.tags,
    repoDigests: image.repoDigests,
    size: image.sizeBytes,
    ...(withUser && image.uid !== undefined ? { uid: { value: image.uid } } : {}),
    username: withUser ? image.username : '',
    pinned: image.pinned,
  };
}

function filesystem(world: World, mountpoint: string, usedBytes: bigint, inodes: number) {
  return {
    timestamp: world.nowNs(),
    fsId: { mountpoint },
    usedBytes: { value: usedBytes },
    inodesUsed: { value: BigInt(inodes) * 16n },
  };
}
