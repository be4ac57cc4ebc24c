// The images a simulated runtime has, and the registry it pulls from.

import { Image, type ImageSeed, withTag } from './image.ts';
import type { ImageTraits } from './profile.ts';

/** Images by config digest. Names move to the image that was pulled last under them. */
export class ImageStore {
  readonly #traits: ImageTraits;
  readonly #registry: readonly ImageSeed[] | undefined;
  readonly #images = new Map<string, Image>();

  /** With a registry PullImage finds only what is in it; without one every reference is an image. */
  constructor(traits: ImageTraits, registry: readonly ImageSeed[] | undefined) {
    this.#traits = traits;
    this.#registry = registry;
  }

  values(): IterableIterator<Image> {
    return this.#images.values();
  }

  get size(): number {
    return this.#images.size;
  }

  /** Adds the image, or its names to the one with the same config digest. */
  add(seed: ImageSeed): Image {
    const fresh = new Image(seed);
    const image = this.#images.get(fresh.configDigest) ?? fresh;
    for (const name of seed.references) {
      for (const other of this.#images.values()) if (other !== image) other.dropTag(withTag(name));
      image.addName(name);
    }
    this.#images.set(image.configDigest, image);
    return image;
  }

  /** By name, digest or id, in the forms the runtime takes. */
  find(reference: string): Image | undefined {
    if (reference === '') return undefined;
    for (const image of this.#images.values()) if (image.hasName(reference)) return image;
    for (const image of this.#images.values()) if (image.hasId(reference, this.#traits)) return image;
    return undefined;
  }

  /** Fetches from the registry; undefined when the registry does not have it. */
  pull(reference: string): Image | undefined {
    const name = withTag(reference);
    if (this.#registry === undefined) return this.add({ references: [name] });
    const seed = this.#registry.find((candidate) => new Image(candidate).hasName(name));
    return seed === undefined
      ? undefined
      : this.add({ ...seed, references: [...new Set([...seed.references, name])] });
  }

  /** Removes the image with all its names. Nothing happens when it is not there. */
  remove(reference: string): void {
    const image = this.find(reference);
    if (image !== undefined) this.#images.delete(image.configDigest);
  }
}
