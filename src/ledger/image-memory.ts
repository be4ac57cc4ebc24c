// Remembers which backend an image call is for, because image calls do not say which pod they are for. The kubelet sends
// a pod's whole annotation map with RunPodSandbox and again with the look-ups of its images; the last look-up before a
// container is created carries the image's name alone. Of annotations only a checksum is kept, of pulls nothing but the
// name: no secret of a pod or a registry stays here.
import { LRUCache } from 'lru-cache';
import type { Backend } from '../backends/backend.ts';
import type { Clock } from '../clock.ts';
import { ContainerStarts } from './container-starts.ts';
import { areLong, imageKeyOf } from './image-key.ts';
import { ImageTurns } from './image-turns.ts';

const PODS = 1_000;
const IMAGES = 1_000;

/** When the kubelet first saw a pod, to the nanosecond. It stays while the pod is edited, until the kubelet restarts. */
export const CONFIG_SEEN = 'kubernetes.io/config.seen';

/** The backend on which an image was found or pulled last. */
export interface Sighting {
  readonly backend: Backend;
  /** On the clock's now(). */
  readonly atMs: number;
}

interface Remembered extends Sighting {
  /** The user that the image of this name has on each backend that has shown it. */
  readonly users: ReadonlyMap<Backend, string>;
}

export class ImageMemory {
  readonly starts: ContainerStarts;
  readonly turns: ImageTurns;
  private readonly byAnnotations = new LRUCache<string, Backend>({ max: PODS });
  private readonly bySeen = new LRUCache<string, Backend>({ max: PODS });
  private readonly byImage = new LRUCache<string, Remembered>({ max: IMAGES });
  private readonly told = new LRUCache<string, true>({ max: IMAGES });

  constructor(clock: Clock) {
    this.starts = new ContainerStarts(clock.now());
    this.turns = new ImageTurns(clock);
  }

  /** A pod with these annotations is on `backend`, or is being placed there. */
  rememberPod(annotations: ReadonlyMap<string, string>, backend: Backend): void {
    if (annotations.size === 0) return;
    this.byAnnotations.set(podKeyOf(annotations), backend);
    const seen = annotations.get(CONFIG_SEEN);
    if (seen !== undefined && !areLong(seen)) this.bySeen.set(seen, backend);
  }

  /** The backend of the newest pod with exactly these annotations, or of one first seen at the very same moment. */
  backendOfPod(annotations: ReadonlyMap<string, string>): Backend | undefined {
    if (annotations.size === 0) return undefined;
    const seen = annotations.get(CONFIG_SEEN);
    return (
      this.byAnnotations.get(podKeyOf(annotations)) ??
      (seen === undefined ? undefined : this.bySeen.get(seen))
    );
  }

  /**
   * An image was found or pulled on `backend`, where look-ups of the bare name go from now on; `user` is the one it names,
   * undefined when that was not seen.
   */
  rememberImage(image: string, backend: Backend, nowMs: number, user: string | undefined): void {
    const key = imageKeyOf(image);
    if (key === undefined) return;
    const users = new Map(this.byImage.peek(key)?.users);
    if (user !== undefined) users.set(backend, user);
    this.byImage.set(key, { backend, atMs: nowMs, users });
  }

  /** A look-up that named no pod has shown the user of the image on `backend`. */
  noteUser(image: string, backend: Backend, user: string): void {
    const key = imageKeyOf(image);
    const remembered = this.rememberedOf(image);
    if (key === undefined || remembered === undefined || remembered.users.get(backend) === user) return;
    this.byImage.set(key, { ...remembered, users: new Map(remembered.users).set(backend, user) });
  }

  /** Where the image of this name was found or pulled last. */
  sightingOf(image: string): Sighting | undefined {
    const key = imageKeyOf(image);
    return key === undefined ? undefined : this.byImage.get(key);
  }

  /** The user that a backend's image of this name had when it was last looked at. */
  userOf(image: string, backend: Backend): string | undefined {
    return this.rememberedOf(image)?.users.get(backend);
  }

  /** The backends whose image of this name has another user than `user`, as far as is known. */
  othersThan(image: string, user: string): Backend[] {
    const users = this.rememberedOf(image)?.users ?? [];
    return [...users].filter(([, other]) => other !== user).map(([backend]) => backend);
  }

  /** Images were removed on a backend: what it has under which user is not known any more. */
  forgetUsers(backend: Backend): void {
    for (const [key, remembered] of [...this.byImage.entries()]) {
      if (!remembered.users.has(backend)) continue;
      const users = new Map(remembered.users);
      users.delete(backend);
      this.byImage.set(key, { ...remembered, users });
    }
  }

  /** True once for each image name: people need not be told again. */
  isNews(image: string): boolean {
    const key = imageKeyOf(image);
    if (key === undefined || this.told.has(key)) return false;
    this.told.set(key, true);
    return true;
  }

  private rememberedOf(image: string): Remembered | undefined {
    const key = imageKeyOf(image);
    return key === undefined ? undefined : this.byImage.peek(key);
  }
}

/**
 * A checksum of a pod's annotations, which tells pods apart as the kubelet stamps each; '' where there are none. Order
 * does not matter in a protobuf map, so it does not here.
 */
export function podKeyOf(annotations: ReadonlyMap<string, string>): string {
  if (annotations.size === 0) return '';
  const entries = [...annotations].sort(([a], [b]) => (a < b ? -1 : 1));
  // Not imported: it takes a megabyte, which a node without annotated pods need not have.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(JSON.stringify(entries)).digest('base64');
}
