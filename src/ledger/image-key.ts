// Under what an image is remembered: its name as the kubelet's look-ups have it, if it is no longer than any real one.
import { withTag } from '../cri/image-reference.ts';

/** No name or id of an image, and no user, is longer; what is longer is not kept, so that nobody fills the memory. */
const TEXT_LENGTH = 1_000;

/** Whether any of these texts is longer than what may be kept. */
export function areLong(...texts: readonly (string | undefined)[]): boolean {
  return texts.some((text) => text !== undefined && text.length > TEXT_LENGTH);
}

/** The key of an image's name, with or without its tag; undefined when it is too long to be kept. */
export function imageKeyOf(image: string): string | undefined {
  return areLong(image) ? undefined : withTag(image);
}

/** As much of a text as may be kept. */
export function keepable(text: string): string {
  return text.slice(0, TEXT_LENGTH);
}
