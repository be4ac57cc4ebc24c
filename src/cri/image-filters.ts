// What runtimes make of the filter of ListImages: one table. CRI says that it is an image, and not how it is compared;
// the kubelet never sends one.

/** What becomes of the filter. */
export type ImageFilterWay =
  /** Nothing: all images are listed. */
  | 'ignored'
  /** The image that the reference means is looked up, as for ImageStatus. */
  | 'looked up'
  /** Docker's filter `reference`: a pattern that a tag or digest of the image fits. */
  | 'pattern';

/** By the name that Version gives. Measured, and read in their sources. */
const WAYS: ReadonlyMap<string, ImageFilterWay> = new Map([
  ['containerd', 'ignored'],
  ['cri-o', 'looked up'],
  ['docker', 'pattern'],
]);

/** Of a runtime that is not known, or goes by another name: what Kubernetes' API says, an image. */
export function imageFilterOf(runtimeName: string): ImageFilterWay {
  return WAYS.get(runtimeName) ?? 'looked up';
}
