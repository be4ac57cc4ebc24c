// The names of many images, to ask of many references whether one of them may be meant: work for each name once and for
// each reference once, not for each pair of them.
import { digitsOf, type ImageNames, withTag } from './image-reference.ts';

export class ImageNameIndex {
  /** Without the names of their digests. */
  private readonly ids: string[] = [];
  private readonly digests = new Set<string>();
  /** Tags, and what is left of them behind each slash. */
  private readonly tags = new Set<string>();

  /** Adds an image. */
  add({ id, tags, digests }: ImageNames): void {
    this.ids.push(digitsOf(id));
    for (const digest of digests)
      if (digest.includes('@')) this.digests.add(digest.slice(digest.indexOf('@') + 1));
    for (const tag of tags) {
      this.tags.add(tag);
      for (let at = tag.indexOf('/'); at >= 0; at = tag.indexOf('/', at + 1))
        this.tags.add(tag.slice(at + 1));
    }
  }

  /** Whether a runtime that shows these images might take `reference` for one of them: what mayMean says of each. */
  mayMean(reference: string): boolean {
    const digits = digitsOf(reference);
    if (digits !== '' && this.ids.some((id) => id.startsWith(digits))) return true;
    const at = reference.indexOf('@');
    if (this.digests.has(at >= 0 ? reference.slice(at + 1) : reference)) return true;
    return at < 0 && this.tags.has(withTag(reference));
  }
}
