// An image request as one backend must get it: runtime handlers go under the backend's own names, as with RunPodSandbox.
// A runtime picks the snapshotter of a pull by them. All else stays byte for byte.
import type { Backend } from '../backends/backend.ts';
import { type Path, readMap, readString, replaceString } from '../cri/wire.ts';
import { rewriteRecords } from '../cri/wire-writer.ts';
import { framed, PREFIX_BYTES } from '../grpc/message.ts';

/** ImageSpec is field 1 of ImageStatus, PullImage and RemoveImage; its runtime_handler is 19. */
export const SPEC_HANDLER: Path = [1, 19];
/** In ListImages: filter 1 > image 1. */
const FILTER_HANDLER: Path = [1, 1, 19];
/** In PullImage: the PodSandboxConfig, and its annotations. */
const SANDBOX_CONFIG = 3;
const ANNOTATIONS = 7;
/** The annotation by which containerd learns the handler where the kubelet does not send it. */
export const HANDLER_ANNOTATION = 'io.containerd.cri.runtime-handler';
const KEY: Path = [1];
const VALUE: Path = [2];

/** The framed request of ImageStatus or RemoveImage for this backend. */
export function specRequestFor(backend: Backend, body: Buffer): Buffer {
  return withOwnHandler(backend, body, SPEC_HANDLER);
}

/** The framed request of ListImages or StreamImages for this backend. */
export function imageListRequestFor(backend: Backend, body: Buffer): Buffer {
  return withOwnHandler(backend, body, FILTER_HANDLER);
}

/** The framed request of PullImage for this backend. */
export function pullRequestFor(backend: Backend, body: Buffer): Buffer {
  const request = withOwnHandler(backend, body, SPEC_HANDLER);
  const message = request.subarray(PREFIX_BYTES);
  const annotations = readMap(message, 0, message.length, [SANDBOX_CONFIG, ANNOTATIONS]);
  const asked = annotations.get(HANDLER_ANNOTATION);
  const own = asked && backend.config.handlers.get(asked);
  if (own === undefined || own === asked) return request;
  const edited = rewriteRecords(message, SANDBOX_CONFIG, (config) =>
    rewriteRecords(config, ANNOTATIONS, (entry) =>
      readString(entry, 0, entry.length, KEY) === HANDLER_ANNOTATION
        ? replaceString(entry, VALUE, own)
        : entry,
    ),
  );
  return framed(edited);
}

/** A name that the backend does not expose is left as it is: it may be the backend's own already. */
function withOwnHandler({ config }: Backend, body: Buffer, path: Path): Buffer {
  const message = body.subarray(PREFIX_BYTES);
  const asked = readString(message, 0, message.length, path);
  const own = asked && config.handlers.get(asked);
  return own === undefined || own === asked ? body : framed(replaceString(message, path, own));
}
