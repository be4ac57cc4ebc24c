// One image of a simulated runtime, and the names under which each kind of runtime shows it.

import { createHash } from 'node:crypto';
import type { ImageTraits } from './profile.ts';

/** An image as a test or a command line describes it. */
export interface ImageSeed {
  /** Tags (`name:tag`; `:latest` is added) or digests (`name@sha256:...`). At least one. */
  readonly references: readonly string[];
  /** The user of the image's config, by number or by name. Unset: root, as images without USER. */
  readonly uid?: number;
  readonly username?: string;
  readonly sizeBytes?: number;
  readonly pinned?: boolean;
  /** 64 hexadecimal digits. Default: made from the first reference, so equal names mean equal images everywhere. */
  readonly configDigest?: string;
  readonly manifestDigest?: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** `name` becomes `name:latest`; names with a tag or digest stay. */
export function withTag(reference: string): string {
  if (reference.includes('@')) return reference;
  return reference.lastIndexOf(':') > reference.lastIndexOf('/') ? reference : `${reference}:latest`;
}

/** Whether a text can name an image at all: the grammar of github.com/distribution/reference. */
export function isReference(text: string): boolean {
  return /^(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@\w+:[0-9a-fA-F]{32,})?$/.test(
    text,
  );
}

/** The part of a reference before its tag or digest. */
export function repositoryOf(reference: string): string {
  const tagged = withTag(reference);
  const at = tagged.indexOf('@');
  return at >= 0 ? tagged.slice(0, at) : tagged.slice(0, tagged.lastIndexOf(':'));
}

/** One image in the store. */
export class Image {
  readonly configDigest: string;
  readonly manifestDigest: string;
  readonly sizeBytes: bigint;
  readonly uid: bigint | undefined;
  readonly username: string;
  readonly pinned: boolean;
  readonly tags: string[] = [];
  /** `name@sha256:<manifest digest>`, one for each name. */
  readonly repoDigests: string[] = [];

  constructor(seed: ImageSeed) {
    const first = withTag(seed.references[0] ?? '');
    const named = first.includes('@sha256:') ? first.slice(first.indexOf('@sha256:') + 8) : undefined;
    this.configDigest = seed.configDigest ?? sha256(`config of ${named ?? first}`);
    this.manifestDigest = seed.manifestDigest ?? named ?? sha256(`manifest of ${first}`);
    this.sizeBytes = BigInt(
      seed.sizeBytes ?? 1_000_000 + (Number.parseInt(this.configDigest.slice(0, 6), 16) % 50_000_000),
    );
    this.uid = seed.uid === undefined ? undefined : BigInt(seed.uid);
    this.username = seed.username ?? '';
    this.pinned = seed.pinned ?? false;
    for (const reference of seed.references) this.addName(reference);
  }

  /** Gives the image one more name; a name it has stays once. */
  addName(reference: string): void {
    const name = withTag(reference);
    if (!name.includes('@') && !this.tags.includes(name)) this.tags.push(name);
    const digest = `${repositoryOf(name)}@sha256:${this.manifestDigest}`;
    if (!this.repoDigests.includes(digest)) this.repoDigests.push(digest);
  }

  /** Takes a tag away, because another image has it now. */
  dropTag(tag: string): void {
    const at = this.tags.indexOf(tag);
    if (at >= 0) this.tags.splice(at, 1);
  }

  /** Image.id, in the runtime's form. */
  id(traits: ImageTraits): string {
    return traits.idForm === 'bare' ? this.configDigest : `sha256:${this.configDigest}`;
  }

  /** What PullImage returns. */
  pullReply(traits: ImageTraits): string {
    return traits.pullReply === 'id' ? this.id(traits) : (this.repoDigests[0] ?? this.id(traits));
  }

  /** ContainerStatus.image_ref, in the runtime's form. */
  statusRef(traits: ImageTraits): string {
    switch (traits.statusRef) {
      case 'id':
        return this.id(traits);
      case 'repo-digest':
        return this.repoDigests[0] ?? this.id(traits);
      case 'docker-pullable':
        return this.repoDigests[0] === undefined
          ? `docker://${this.id(traits)}`
          : `docker-pullable://${this.repoDigests[0]}`;
      default:
        return traits.statusRef satisfies never;
    }
  }

  /** True when the text is an id of this image: whole, or its first digits, at least three. */
  hasId(text: string, traits: ImageTraits): boolean {
    const hasName = text.startsWith('sha256:');
    if (hasName && traits.idForm !== 'sha256') return false;
    const digits = hasName ? text.slice('sha256:'.length) : text;
    if (hasName && digits === this.manifestDigest) return true;
    return /^[0-9a-f]{3,64}$/.test(digits) && this.configDigest.startsWith(digits);
  }

  /** True when the text is a tag or digest of this image. */
  hasName(text: string): boolean {
    const name = withTag(text);
    return this.tags.includes(name) || this.repoDigests.includes(name);
  }
}
