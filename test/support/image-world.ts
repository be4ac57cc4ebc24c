// What tests of images over several runtimes share: images with users, pods as a kubelet stamps them, and its look-ups.
import type { ImageSeed } from '../../src/simulator/image.ts';
import type { CriClient } from './cri-client.ts';
import type { Response } from './cri-codec.ts';
import type { ProxyWorld } from './proxy-world.ts';
import { until } from './until.ts';

/** Annotations that the kubelet puts on each pod; `seen` tells one pod from the other, and changes when it restarts. */
export function stamped(seen: string, annotations: Readonly<Record<string, string>> = {}) {
  return {
    'kubernetes.io/config.seen': `2026-01-01T00:00:00.${seen.padStart(9, '0')}Z`,
    'kubernetes.io/config.source': 'api',
    ...annotations,
  };
}

/** Puts an image on a runtime, behind Switchyard's back. */
export function addImage(world: ProxyWorld, backend: string, image: ImageSeed): void {
  world.runtime(backend).world.images.add(image);
}

/** Whether a runtime has an image. */
export function has(world: ProxyWorld, backend: string, reference: string): boolean {
  return world.runtime(backend).world.images.find(reference) !== undefined;
}

/** The image that a look-up finds; null when there is none. */
export async function lookUp(
  client: CriClient,
  image: string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<Response<'ImageStatus'>['image']> {
  return (await client.call('ImageStatus', { image: { image, annotations } })).image;
}

/** How often a runtime was asked for an RPC. */
export function calls(world: ProxyWorld, backend: string, rpc: string): number {
  return world.runtime(backend).journal.filter(({ method }) => method === rpc).length;
}

/** Ends a runtime and waits until Switchyard has noticed. */
export async function crash(world: ProxyWorld, backend: string): Promise<void> {
  const told = () =>
    world.lines.filter(({ text, fields }) => text === 'backend is absent' && fields['backend'] === backend)
      .length;
  const before = told();
  world.runtime(backend).crash();
  await until(() => told() > before, `backend ${backend} is absent`);
}

/** Lists all images through Switchyard, which from then on knows what the backends have. */
export async function listImages(world: ProxyWorld): Promise<Response<'ListImages'>['images']> {
  return (await world.client.call('ListImages', {})).images;
}
