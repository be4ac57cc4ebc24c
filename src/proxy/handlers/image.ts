// Image calls: a pull or a look-up goes to the backend of the pod it is for; a removal to those that have the image.
// An image that another backend has is pulled once more where it is needed: the kubelet asks for that itself, with its
// credentials, which go on with the pull and are kept nowhere.
import type { Backend } from '../../backends/backend.ts';
import type { ImageMethod } from '../../cri/methods.ts';
import { readMap, readString } from '../../cri/wire.ts';
import type { BackendUnavailableError } from '../../errors.ts';
import { podKeyOf } from '../../ledger/image-memory.ts';
import type { Call } from '../call.ts';
import { collect, replyWith } from '../collect.ts';
import { givenUp } from '../hang-watch.ts';
import { ANNOTATIONS, homeOfPull, IMAGE, speaksOfPod } from '../image-home.ts';
import { pullRequestFor } from '../image-request.ts';
import { awaitTurn } from '../image-turn.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { ImageFilesystems } from './image-filesystems.ts';
import { lookUpImage } from './image-look-up.ts';
import { ImageRemoval } from './image-removal.ts';

/** PullImageResponse.image_ref. */
const PULLED = [1];
/**
 * Longest wait of a pull for its turn. The kubelet pulls one image after the other as a rule (serializeImagePulls), and
 * looks up its size before the next (image_puller.go), so a wait here holds up the pods of all. Some milliseconds are
 * what the containers take that others are creating; up to 1.28 no look-up that could wait follows.
 */
const PULLED_WAIT_MS = 500;
const LOSE_IMAGES = { kind: 'lose', list: 'ListImages' } as const;

export function imageHandler(parts: ProxyParts): Handler<ImageMethod> {
  const filesystems = new ImageFilesystems(parts);

  /** What a backend said of its images is not true any more: forgotten, also on record, and asked for anew. */
  const noteChange = (backend: Backend) => {
    backend.snapshot.change(LOSE_IMAGES);
    filesystems.expire(backend);
    parts.record();
    void parts.census.recountImages(backend);
  };

  return (call, method) => {
    const { message } = call;
    if (method.changesState) call.image = readString(message, 0, message.length, IMAGE);
    switch (method.op) {
      case 'pull':
        return pull(parts, call, noteChange);
      case 'status':
        return lookUpImage(parts, call);
      case 'remove':
        return new ImageRemoval(parts, call, (backend) => {
          parts.imageMemory.forgetUsers(backend);
          noteChange(backend);
        }).start();
      case 'fs-info':
        return filesystems.answer(call);
      default:
        return method.op satisfies never;
    }
  };
}

async function pull(parts: ProxyParts, call: Call, noteChange: (backend: Backend) => void): Promise<void> {
  const { census, imageMemory, clock, config } = parts;
  const { message } = call;
  // Right after a start it may not be known yet where the pods live.
  if (speaksOfPod(message) && !census.isSettled) {
    await census.settle();
    if (call.isOver) return;
  }
  const backend = homeOfPull(parts, message);
  if (backend.images.isAbsent) throw backend.images.absenceError();
  const { image = '' } = call;
  const pod = podKeyOf(readMap(message, 0, message.length, ANNOTATIONS));
  // Whatever comes of it, the images of this backend are not what they were.
  call.onLeave(() => noteChange(backend));
  const options = {
    body: pullRequestFor(backend, call.body),
    isRetryable: false,
    limitBytes: config.limits.messageSizeBytes,
    wordHang: (error: BackendUnavailableError) => givenUp(call, error),
  };
  call.backendName = backend.name;
  collect(call, backend, options, async (outcome) => {
    noteChange(backend);
    if (outcome.kind === 'answered') {
      // The pull may have brought another user; as a rule it has not.
      const user = imageMemory.userOf(image, backend);
      const isTurn = await awaitTurn(parts, call, image, { pod, backend, user }, PULLED_WAIT_MS);
      if (call.isOver) return;
      if (isTurn) imageMemory.rememberImage(image, backend, clock.now(), undefined);
      const reference = readString(outcome.message, 0, outcome.message.length, PULLED) ?? '';
      imageMemory.starts.notePulled(pod, image, backend, reference);
    }
    replyWith(call, backend, outcome);
  });
}
