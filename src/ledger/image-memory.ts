// Remembers which backend a pod's images are looked up on, because image calls do not say which pod they are for.
// The kubelet sends a pod's whole annotation map with RunPodSandbox and again with the look-ups of its images; the last
// look-up before a container is created carries the image's name alone.
import { LRUCache } from 'lru-cache';
import type { Backend } from '../backends/backend.ts';

const PODS = 1_000;
const IMAGES = 1_000;

export class ImageMemory {
  private readonly byAnnotations = new LRUCache<string, Backend>({ max: PODS });
  private readonly byImage = new LRUCache<string, Backend>({ max: IMAGES });

  /** A pod with these annotations was placed on `backend`. */
  rememberPod(annotations: ReadonlyMap<string, string>, backend: Backend): void {
    if (annotations.size > 0) this.byAnnotations.set(keyOf(annotations), backend);
  }

  /** The backend of the newest pod with exactly these annotations. */
  backendOfPod(annotations: ReadonlyMap<string, string>): Backend | undefined {
    return annotations.size === 0 ? undefined : this.byAnnotations.get(keyOf(annotations));
  }

  /** An image was looked up or pulled on `backend` for a pod that is known. */
  rememberImage(image: string, backend: Backend): void {
    this.byImage.set(withTag(image), backend);
  }

  /** The backend on which this image was looked up or pulled last. */
  backendOfImage(image: string): Backend | undefined {
    return this.byImage.get(withTag(image));
  }
}

/** Order does not matter in a protobuf map, so it does not in the key. */
function keyOf(annotations: ReadonlyMap<string, string>): string {
  return JSON.stringify([...annotations].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As the kubelet writes a name without tag or digest in its first look-up (`:latest` is added); its last one is raw. */
function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return name.includes(':') || image.includes('@') ? image : `${image}:latest`;
}
