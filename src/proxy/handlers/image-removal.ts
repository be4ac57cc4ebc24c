// RemoveImage: to the backends that list exactly that id, and to no other. An id of one runtime can be another image's
// on the next: containerd takes the bare digits that CRI-O has for ids, and would remove an image of its own that the
// kubelet believes to be in use. A name, a digest or the beginning of an id is first looked up on each backend; what it
// means is then removed by its ids, for removing an image by one of its names removes the image.
import type { Backend } from '../../backends/backend.ts';
import { digitsOf, isWholeId } from '../../cri/image-reference.ts';
import { type ListMethod, methodNamed } from '../../cri/methods.ts';
import { readString, replaceString } from '../../cri/wire.ts';
import { AmbiguousIdError } from '../../errors.ts';
import { framed } from '../../grpc/message.ts';
import { STATUS } from '../../grpc/status.ts';
import { excerpt } from '../../quote.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { type BackendOutcome, fanOut } from '../fan-out.ts';
import {
  deniesImage,
  foundId,
  hasImage,
  heldByAbsent,
  isFoundByBeginning,
  listedForm,
  listsId,
  meantId,
  troubleOf,
  undecided,
} from '../image-answers.ts';
import { IMAGE } from '../image-home.ts';
import { specRequestFor } from '../image-request.ts';
import { hiddenUse, type ListedImages } from '../image-use.ts';
import type { LegResult } from '../list-leg.ts';
import { askLegs } from '../list-legs.ts';
import type { ProxyParts } from '../parts.ts';
import { replyEmpty } from '../replies.ts';
import { nameBackends } from '../who-answered.ts';

const LIST = methodNamed('ListImages') as ListMethod;
const NO_FILTER = framed(new Uint8Array(0));

/** An image to remove: its id on a backend; '' where the client's own reference goes there. */
interface Target {
  readonly backend: Backend;
  readonly id: string;
}

export class ImageRemoval {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly image: string;
  /** What each backend listed. */
  private readonly listed: ListedImages[] = [];
  private readonly onChange: (backend: Backend) => void;

  /** `onChange` is told of every backend whose images are not what they were. */
  constructor(parts: ProxyParts, call: Call, onChange: (backend: Backend) => void) {
    this.parts = parts;
    this.call = call;
    this.image = readString(call.message, 0, call.message.length, IMAGE) ?? '';
    this.onChange = onChange;
  }

  start(): void {
    const { parts, call } = this;
    const question = { method: LIST, isFull: true, body: NO_FILTER, rpc: LIST.name };
    askLegs(
      parts,
      call,
      parts.registry.all,
      () => question,
      (results) => this.decide(results),
    );
  }

  /**
   * Ideal: every backend is asked. An absent one can't be, and its last list speaks for it: where that lacks the image,
   * the removal goes on. That is safe, because nothing is removed from a backend that was not asked; if it has got the
   * image since, behind our back, the image stays, is in its next list, and is collected in a later round. Where it
   * has the image, or nothing is known, success would be a lie.
   */
  private decide(results: readonly LegResult[]): void {
    const { listed } = this;
    const troubles = results.filter((result) => result.kind === 'trouble');
    if (troubles.length > 0) throw undecided(this.image, troubles);
    for (const result of results)
      if (result.kind === 'records') listed.push({ backend: result.backend, images: result.parts });
    const owners = listed.filter(({ images }) => listsId(images, this.image));
    if (owners.length === 0) {
      this.resolve();
      return;
    }
    this.removeIds(owners.map(({ backend }) => ({ backend, id: this.image })));
  }

  /**
   * What the reference means is each runtime's affair, so each is asked. What one that is absent would say is not known,
   * though its last list may show that it has something of that name. Then nothing is removed: it could turn out to be the
   * beginning of two ids, or the others' image be gone and this one not.
   */
  private resolve(): void {
    const { image, parts, call, listed } = this;
    for (const { backend, images } of listed) {
      const id = backend.images.isAbsent && !isWholeId(image) ? meantId(images, image) : undefined;
      if (id !== undefined) throw heldByAbsent(image, backend, id);
    }
    const present = listed.map(({ backend }) => backend).filter((backend) => !backend.images.isAbsent);
    const bodyFor = (backend: Backend) => specRequestFor(backend, call.body);
    const options = { isRetryable: true, givesUpOnHang: true, rpc: 'ImageStatus', bodyFor };
    // The bytes of a RemoveImageRequest are those of an ImageStatusRequest: an ImageSpec in field 1.
    fanOut(parts, call, present, options, (outcomes) => {
      const silent = outcomes.find((result) => !hasImage(result) && !deniesImage(result));
      if (silent?.outcome.kind === 'status') replyWith(call, silent.backend, silent.outcome);
      else if (silent !== undefined) throw undecided(image, [troubleOf(silent)]);
      else this.removeFound(outcomes.filter(hasImage));
    });
  }

  /**
   * An image of that name is what a runtime takes, and only else one whose id begins so: where one has the name, the
   * others' images whose ids begin so are not meant.
   */
  private removeFound(found: readonly BackendOutcome[]): void {
    const { image, call } = this;
    if (found.length === 0) {
      replyEmpty(call);
      return;
    }
    const named = found.filter((result) => !isFoundByBeginning(result, image));
    if (isWholeId(image)) throw ambiguous(image, found);
    if (named.length > 0) {
      this.remove(this.targetsOf(named));
      return;
    }
    if (new Set(found.map((result) => digitsOf(foundId(result)))).size > 1) throw ambiguous(image, found);
    this.removeIds(this.targetsOf(found));
  }

  /** What was named by its id, or the beginning of one. */
  private removeIds(targets: readonly Target[]): void {
    const { listed, image } = this;
    for (const { backend, id } of targets) {
      const owner = listed.find((one) => one.backend === backend);
      const error = owner && hiddenUse(owner, listed, id === '' ? image : id);
      if (error !== undefined) throw error;
    }
    this.remove(targets);
  }

  /**
   * What was found, by its ids, wherever these are listed, in each runtime's own form: also where the image has other
   * names only, or it would still be there under those. One runtime alone does as it always does (CRI-O takes the name away, and the image with its last).
   */
  private targetsOf(found: readonly BackendOutcome[]): Target[] {
    const targets = found.map((result) => ({ backend: result.backend, id: foundId(result) }));
    if (this.listed.length === 1) return targets.map(({ backend }) => ({ backend, id: '' }));
    for (const digits of new Set(targets.map(({ id }) => digitsOf(id)))) {
      for (const { backend, images } of this.listed) {
        const isTarget = targets.some((one) => one.backend === backend && digitsOf(one.id) === digits);
        const id = isTarget || digits === '' ? undefined : listedForm(images, digits);
        if (id !== undefined) targets.push({ backend, id });
      }
    }
    return targets;
  }

  /** From those that can be reached; it is done only when it is done on all. */
  private remove(targets: readonly Target[]): void {
    const { parts, call } = this;
    const away = targets.find(({ backend }) => backend.images.isAbsent)?.backend;
    const reached = targets.filter(({ backend }) => !backend.images.isAbsent);
    const present = reached.map(({ backend }) => backend);
    const names = [...new Set(targets.map(({ backend }) => backend.name))];
    const note = () => {
      for (const backend of new Set(present)) this.onChange(backend);
    };
    call.onLeave(note);
    const bodyFor = (backend: Backend, position: number) =>
      this.bodyFor(backend, reached[position]?.id ?? '');
    fanOut(parts, call, present, { isRetryable: true, bodyFor }, (outcomes) => {
      note();
      const isDone = ({ outcome }: BackendOutcome) =>
        outcome.kind === 'answered' || (outcome.kind === 'status' && outcome.code === STATUS.NOT_FOUND);
      const failed = outcomes.find((result) => !isDone(result));
      nameBackends(call, names);
      if (failed !== undefined) replyWith(call, failed.backend, failed.outcome);
      else if (away !== undefined) throw away.images.absenceError();
      else replyEmpty(call);
    });
  }

  private bodyFor(backend: Backend, id: string): Buffer {
    const { call, image } = this;
    const isOwn = id === '' || id === image;
    return specRequestFor(backend, isOwn ? call.body : framed(replaceString(call.message, IMAGE, id)));
  }
}

/** The error for what may be the ids of several images, and is none as it is listed. */
function ambiguous(image: string, found: readonly BackendOutcome[]): AmbiguousIdError {
  const ids = found
    .map((result) => `${excerpt(foundId(result))} on backend ${result.backend.name}`)
    .join(', ');
  const message = `no backend lists an image with the id ${excerpt(image)}; it might mean ${ids}`;
  return new AmbiguousIdError(message, { hint: 'Give the id as it is listed, or a name' });
}
