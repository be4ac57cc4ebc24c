// What `crictl rmi --prune` does, call by call (cri-tools, cmd/crictl/image.go): it lists all images, looks up the image
// of each container by the reference that the list of containers shows, and removes by its id what it did not find so.
import type { CriClient } from './cri-client.ts';

/** Ids that were removed. As crictl, it passes over a look-up or a removal that fails. */
export async function pruneAsCrictl(client: CriClient): Promise<string[]> {
  const { images } = await client.call('ListImages', {});
  const ids = new Map(images.filter(({ pinned }) => !pinned).map(({ id }) => [id, true]));
  const { containers } = await client.call('ListContainers', {});
  for (const { image: spec } of containers) {
    const found = await client
      .call('ImageStatus', { image: { image: spec?.image ?? '' } })
      .catch(() => undefined);
    if (found !== undefined) ids.set(found.image?.id ?? '', false);
  }
  const removed: string[] = [];
  for (const [id, isUnused] of ids) {
    if (!isUnused) continue;
    const found = await client.call('ImageStatus', { image: { image: id } }).catch(() => undefined);
    if (found === undefined || found.image === null) continue;
    const reply = await client.call('RemoveImage', { image: { image: id } }).catch(() => undefined);
    if (reply !== undefined) removed.push(id);
  }
  return removed;
}
