// Image calls: a pull or a look-up goes to the backend of the pod it is for; a removal to those that have the image.
import type { Backend } from '../../backends/backend.ts';
import type { ImageMethod } from '../../cri/methods.ts';
import { forEachRecord, readBytes, readString } from '../../cri/wire.ts';
import { BackendUnavailableError } from '../../errors.ts';
import { framed } from '../../grpc/message.ts';
import { STATUS, statusName } from '../../grpc/status.ts';
import { joinFsInfo, withTimestamps } from '../../merge/images.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { type BackendOutcome, fanOut } from '../fan-out.ts';
import { homeOfPull, homeOfSpec, IMAGE } from '../image-home.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { relay } from '../relay.ts';
import { reply, replyEmpty } from '../replies.ts';

/** In ImageStatusResponse: the image, absent when the backend has none of that name. */
const FOUND_IMAGE = [1];
const LISTED_IMAGES = 1;
const LISTED_ID = [1];
const NO_FILTER = framed(new Uint8Array(0));
const LOSE_IMAGES = { kind: 'lose', list: 'ListImages' } as const;

export function imageHandler(parts: ProxyParts): Handler<ImageMethod> {
  return (call, method) => {
    switch (method.op) {
      case 'pull':
        return pull(parts, call);
      case 'status':
        return status(parts, call);
      case 'remove':
        return remove(parts, call);
      case 'fs-info':
        return fsInfo(parts, call);
      default:
        return method.op satisfies never;
    }
  };
}

function pull(parts: ProxyParts, call: Call): void {
  const backend = homeOfPull(parts, call.message);
  parts.imageMemory.rememberImage(imageOf(call), backend);
  // Whatever comes of it, the images of this backend are not what they were.
  const note = () => noteImagesChanged(parts, backend);
  call.onLeave(note);
  relay(call, backend, {
    isRetryable: false,
    limitBytes: parts.config.limits.messageSizeBytes,
    onStatus: note,
  });
}

/**
 * A look-up for a known pod is answered by its backend alone: an image that only another backend has would never start.
 * A bare name (the kubelet's last look-up, which decides the user a container runs as) is never "not found" while some
 * backend has it or could not be asked.
 */
function status(parts: ProxyParts, call: Call): void {
  const { imageMemory, registry } = parts;
  const image = imageOf(call);
  const home = homeOfSpec(parts, call.message);
  if (home !== undefined) {
    imageMemory.rememberImage(image, home);
    relay(call, home, { isRetryable: true, limitBytes: parts.config.limits.messageSizeBytes });
    return;
  }
  const recent = imageMemory.backendOfImage(image);
  askAll(parts, call, (outcomes) => {
    const having = outcomes.filter(hasImage);
    const best = having.find(({ backend }) => backend === recent) ?? having[0];
    if (best !== undefined) {
      replyWith(call, best.backend, best.outcome);
      return;
    }
    const silent = outcomes.find(({ outcome }) => outcome.kind !== 'answered');
    const absent = registry.all.find((backend) => backend.isAbsent);
    if (silent?.outcome.kind === 'status') {
      replyWith(call, silent.backend, silent.outcome);
      return;
    }
    if (silent !== undefined) throw undecided(image, troubleOf(silent));
    if (absent !== undefined) throw undecided(image, absent.absenceError().message);
    const [first] = outcomes;
    if (first !== undefined) replyWith(call, first.backend, first.outcome);
  });
}

/**
 * RemoveImage goes to the backends that list exactly this id; a name or digest is first looked up on each. It is never
 * sent to all: an id of one runtime can mean another image on the next.
 */
function remove(parts: ProxyParts, call: Call): void {
  const { registry } = parts;
  const image = imageOf(call);
  const absent = registry.all.find((backend) => backend.isAbsent);
  if (absent !== undefined) throw undecided(image, absent.absenceError().message);
  fanOut(parts, call, registry.all, { isRetryable: true, body: NO_FILTER, rpc: 'ListImages' }, (lists) => {
    failOnTrouble(image, lists);
    const listing = lists.filter((list) => listsId(list, image));
    if (listing.length > 0) {
      removeFrom(parts, call, listing);
      return;
    }
    // The bytes of a RemoveImageRequest are those of an ImageStatusRequest: an ImageSpec in field 1.
    fanOut(parts, call, registry.all, { isRetryable: true, rpc: 'ImageStatus' }, (found) => {
      failOnTrouble(image, found);
      const having = found.filter(hasImage);
      if (having.length > 0) removeFrom(parts, call, having);
      else replyEmpty(call);
    });
  });
}

function removeFrom(parts: ProxyParts, call: Call, owners: readonly BackendOutcome[]): void {
  const backends = owners.map(({ backend }) => backend);
  const note = () => {
    for (const backend of backends) noteImagesChanged(parts, backend);
  };
  call.onLeave(note);
  fanOut(parts, call, backends, { isRetryable: true }, (outcomes) => {
    note();
    const isDone = ({ outcome }: BackendOutcome) =>
      outcome.kind === 'answered' || (outcome.kind === 'status' && outcome.code === STATUS.NOT_FOUND);
    const failed = outcomes.find((result) => !isDone(result));
    call.backendName = 'several';
    if (failed === undefined) replyEmpty(call);
    else replyWith(call, failed.backend, failed.outcome);
  });
}

/**
 * The kubelet reads the first file system only, and cannot start without an answer: the default backend's comes first,
 * its last one while it is absent. One that never answered is left out, unless it is the default.
 */
function fsInfo(parts: ProxyParts, call: Call): void {
  const { registry, clock } = parts;
  askAll(parts, call, (outcomes) => {
    for (const { backend, outcome } of outcomes) {
      if (outcome.kind === 'answered') backend.snapshot.keep('ImageFsInfo', outcome.message, clock.now());
    }
    const known = registry.all.flatMap((backend) => {
      const now = outcomes.find((result) => result.backend === backend)?.outcome;
      if (now?.kind === 'answered') return [{ backend, message: now.message }];
      const kept = backend.snapshot.kept('ImageFsInfo');
      return kept === undefined ? [] : [{ backend, message: withTimestamps(kept.message, clock.wallMs()) }];
    });
    if (known[0]?.backend === registry.default) {
      call.backendName = 'several';
      reply(call, joinFsInfo(known.map(({ message }) => message)));
      return;
    }
    const own = outcomes.find(({ backend }) => backend === registry.default);
    if (own === undefined) throw registry.default.absenceError();
    replyWith(call, own.backend, own.outcome);
  });
}

/** What a backend said of its images is not true any more, and is asked for anew. */
function noteImagesChanged({ census }: ProxyParts, backend: Backend): void {
  backend.snapshot.change(LOSE_IMAGES);
  void census.recountImages(backend);
}

/** The client's own call on every backend that is there, the default one first. */
function askAll(parts: ProxyParts, call: Call, done: (outcomes: readonly BackendOutcome[]) => void): void {
  const present = parts.registry.all.filter((backend) => !backend.isAbsent);
  fanOut(parts, call, present, { isRetryable: true }, done);
}

function imageOf(call: Call): string {
  return readString(call.message, 0, call.message.length, IMAGE) ?? '';
}

function hasImage({ outcome }: BackendOutcome): boolean {
  if (outcome.kind !== 'answered') return false;
  return readBytes(outcome.message, 0, outcome.message.length, FOUND_IMAGE) !== undefined;
}

function listsId({ outcome }: BackendOutcome, image: string): boolean {
  if (outcome.kind !== 'answered') return false;
  const { message } = outcome;
  let isListed = false;
  forEachRecord(message, 0, message.length, LISTED_IMAGES, (_, start, end) => {
    isListed ||= readString(message, start, end, LISTED_ID) === image;
  });
  return isListed;
}

function failOnTrouble(image: string, outcomes: readonly BackendOutcome[]): void {
  const silent = outcomes.find(({ outcome }) => outcome.kind !== 'answered');
  if (silent !== undefined) throw undecided(image, troubleOf(silent));
}

function troubleOf({ backend, outcome }: BackendOutcome): string {
  if (outcome.kind === 'failed') return outcome.error.message;
  if (outcome.kind === 'status')
    return `backend ${backend.name} says ${statusName(outcome.code)}: ${outcome.text}`;
  return '';
}

function undecided(image: string, why: string): BackendUnavailableError {
  return new BackendUnavailableError(`cannot tell which backends have image ${image}: ${why}`, {
    hint: 'Try again when all backends answer',
  });
}
