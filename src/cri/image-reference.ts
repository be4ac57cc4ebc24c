// What the string of an ImageSpec can be: a name with or without tag, a name with a digest, an id, or the beginning of
// one. Which image a short name means is the runtime's affair ("busybox" is one thing to containerd and may be another
// to CRI-O), so nothing is normalised here but the missing tag, which the kubelet itself adds in some of its calls.

/** The names under which a list shows an image. */
export interface ImageNames {
  readonly id: string;
  readonly tags: readonly string[];
  /** `name@sha256:...` */
  readonly digests: readonly string[];
}

/** The reference with `:latest` behind a name that has neither tag nor digest: as the kubelet's first look-up has it. */
export function withTag(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return name.includes(':') || reference.includes('@') ? reference : `${reference}:latest`;
}

/** Whether it is a whole id, in one of the two forms that runtimes list ids in. */
export function isWholeId(reference: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(reference);
}

/** An id without the name of its digest, so that ids of two runtimes can be compared. */
export function digitsOf(id: string): string {
  return id.startsWith('sha256:') ? id.slice('sha256:'.length) : id;
}

/**
 * Whether a runtime that shows an image under these names might take `reference` for it. True rather too often: "app:1"
 * fits "registry.example/team/app:1", because a runtime may search registries for short names.
 */
export function mayMean(reference: string, { id, tags, digests }: ImageNames): boolean {
  const digits = digitsOf(reference);
  if (digits !== '' && digitsOf(id).startsWith(digits)) return true;
  const at = reference.indexOf('@');
  const digest = at >= 0 ? reference.slice(at + 1) : reference;
  if (digests.some((known) => known.endsWith(`@${digest}`))) return true;
  if (at >= 0) return false;
  const tagged = withTag(reference);
  return tags.some((tag) => tag === tagged || tag.endsWith(`/${tagged}`));
}
