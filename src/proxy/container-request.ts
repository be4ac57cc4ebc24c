// What a CreateContainer says of images and their user, read from its bytes; and the request with other ids of images.
import {
  forEachAt,
  type Path,
  readBytes,
  readMap,
  readString,
  readVarint,
  replaceString,
} from '../cri/wire.ts';
import { rewriteRecords } from '../cri/wire-writer.ts';

// CreateContainerRequest: pod_sandbox_id 1, config 2, sandbox_config 3.
const SANDBOX_ID: Path = [1];
const CONTAINER_NAME: Path = [2, 1, 1];
const REFERENCE: Path = [2, 2, 1];
const NAME: Path = [2, 2, 18];
const RUN_AS_USER: Path = [2, 15, 2, 5];
const RUN_AS_USER_VALUE: Path = [2, 15, 2, 5, 1];
const RUN_AS_USERNAME: Path = [2, 15, 2, 6];
const POD_ANNOTATIONS: Path = [3, 7];
const POD_NAME: Path = [3, 1, 1];
const POD_NAMESPACE: Path = [3, 1, 3];
/** ContainerConfig > mounts > image: a volume that is an image. */
const CONFIG = 2;
const MOUNTS = 7;
const MOUNT_IMAGE = 9;
const VOLUME_IMAGES: Path = [CONFIG, MOUNTS, MOUNT_IMAGE];
const SPEC_REFERENCE: Path = [1];
const SPEC_NAME: Path = [18];

/** An image that a container is to have. */
export interface AskedImage {
  /** By which it is to be taken: the id that a look-up gave, or what a pull has called it. */
  readonly reference: string;
  /** As the pod names it; '' where the client does not say. */
  readonly name: string;
}

export class ContainerRequest {
  readonly sandboxId: string;
  readonly container: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly podAnnotations: ReadonlyMap<string, string>;
  /** The one that is its file system, then those that are volumes. */
  readonly images: readonly [AskedImage, ...AskedImage[]];
  /** A number or a name; undefined when it is left to the runtime. */
  readonly user: string | undefined;
  private readonly message: Buffer;

  constructor(message: Buffer) {
    const end = message.length;
    const text = (path: Path, from = 0, to = end) => readString(message, from, to, path) ?? '';
    this.message = message;
    this.sandboxId = text(SANDBOX_ID);
    this.container = text(CONTAINER_NAME);
    this.podNamespace = text(POD_NAMESPACE);
    this.podName = text(POD_NAME);
    this.podAnnotations = readMap(message, 0, end, POD_ANNOTATIONS);
    const images: [AskedImage, ...AskedImage[]] = [{ reference: text(REFERENCE), name: text(NAME) }];
    forEachAt(message, 0, end, VOLUME_IMAGES, (_, from, to) => {
      images.push({ reference: text(SPEC_REFERENCE, from, to), name: text(SPEC_NAME, from, to) });
    });
    this.images = images;
    this.user =
      readBytes(message, 0, end, RUN_AS_USER) === undefined
        ? text(RUN_AS_USERNAME) || undefined
        : String(readVarint(message, 0, end, RUN_AS_USER_VALUE) ?? 0);
  }

  /**
   * The request with other references for its images, each in the place that it has in `images`; undefined leaves one as
   * it is. Not by what they replace: two images can come with one reference and still mean different ones.
   */
  withReferences([main, ...volumes]: readonly (string | undefined)[]): Uint8Array {
    const edited = main === undefined ? this.message : replaceString(this.message, REFERENCE, main);
    if (this.images.length === 1) return edited;
    let at = 0;
    return rewriteRecords(edited, CONFIG, (config) =>
      rewriteRecords(config, MOUNTS, (mount) =>
        rewriteRecords(mount, MOUNT_IMAGE, (spec) => {
          const reference = volumes[at++];
          return reference === undefined ? spec : replaceString(spec, SPEC_REFERENCE, reference);
        }),
      ),
    );
  }
}
