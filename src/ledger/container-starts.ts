// Containers that are about to be created, as far as the kubelet's calls show: it looks its pod's image up with the pod's
// annotations, then by the name alone, and puts what it was answered into CreateContainer: the image's id from the
// first answer, the user from the second. Kept here so that CreateContainer, whose backend is certain, can tell whether
// both came from there. Pods are known by a checksum of their annotations.
import { LRUCache } from 'lru-cache';
import type { Backend } from '../backends/backend.ts';
import { withTag } from '../cri/image-reference.ts';

const STARTS = 2_000;
const IMAGES = 1_000;
/** How long an answer to a bare look-up may be what a container's user comes from, where its start is not known. */
const ANSWERED_MS = 60_000;
const REFUSALS = 1_000;
/** So often a container is refused on the mere suspicion that its user is another backend's. */
const SUSPICIONS = 10;
/** No name or id of an image, and no user, is longer; what is longer is not noted, so that nobody fills the memory. */
const TEXT_LENGTH = 1_000;

/** A pod's image was found, or pulled: its container comes next. */
export interface ContainerStart {
  /** The image's name as it was looked up. */
  readonly image: string;
  /** Who had it. */
  readonly backend: Backend;
  /** The user it names; undefined when not known. */
  readonly user: string | undefined;
  /** What the client may name it by in CreateContainer: its id, and what a pull has called it. */
  readonly references: readonly string[];
  /** Its place in the order of all that is noted here. */
  readonly seq: number;
}

/** The answer to a look-up that named no pod. */
interface BareAnswer {
  readonly user: string;
  readonly seq: number;
  readonly atMs: number;
}

/** A container that is asked for, with its user. */
export interface AskedUser {
  readonly sandboxId: string;
  readonly container: string;
  readonly image: string;
  readonly user: string;
}

/** How often a container was refused with a user, and when last. */
interface Refusal {
  readonly count: number;
  readonly seq: number;
}

export class ContainerStarts {
  private readonly starts = new LRUCache<string, ContainerStart>({ max: STARTS });
  /** By image, then by who answered; `undefined` stands for all of them having said that there is no such image. */
  private readonly answers = new LRUCache<string, Map<Backend | undefined, BareAnswer>>({ max: IMAGES });
  private readonly refusals = new LRUCache<string, Refusal>({ max: REFUSALS });
  private seq = 0;

  /** The image of a pod was found on `backend`, or pulled there. */
  noteFound(pod: string, image: string, found: Pick<ContainerStart, 'backend' | 'user'>, id: string): void {
    const { backend, user } = found;
    if (pod === '' || areLong(image, id, user)) return;
    const earlier = this.starts.peek(nameKey(pod, image));
    const known = earlier?.backend === backend ? earlier.references.filter((one) => one !== id) : [];
    const start = { image, backend, user, references: [...known.slice(-1), id], seq: ++this.seq };
    this.starts.set(nameKey(pod, image), start);
    for (const reference of start.references) this.starts.set(referenceKey(pod, reference), start);
  }

  /** A look-up of the bare name was answered by `backend`: whoever asked has `user` now. */
  noteAnswer(image: string, backend: Backend | undefined, user: string, nowMs: number): void {
    if (areLong(image, user)) return;
    const key = withTag(image);
    const answers = this.answers.get(key) ?? new Map<Backend | undefined, BareAnswer>();
    answers.delete(backend);
    answers.set(backend, { user, seq: ++this.seq, atMs: nowMs });
    this.answers.set(key, answers);
  }

  /** The start of a container of this pod from this image; `image` is '' where the client does not say its name. */
  startOf(pod: string, image: string, reference: string): ContainerStart | undefined {
    if (pod === '') return undefined;
    return this.starts.get(image === '' ? referenceKey(pod, reference) : nameKey(pod, image));
  }

  /** The container is being created: what comes next is another one. */
  end(pod: string, { image, references }: ContainerStart): void {
    this.starts.delete(nameKey(pod, image));
    for (const reference of references) this.starts.delete(referenceKey(pod, reference));
  }

  /**
   * Who else than `owner` gave the user for the image since the start of the container began, or since it was refused
   * last, so that it may have it from there. Where neither is known only the very last answer counts. `name` is
   * undefined where nobody had the image.
   *
   * A pod may ask for that very user itself. So after ten refusals it gets it, if the owner has answered as well: then
   * the other's answer may have been for another pod.
   */
  giverOf(
    asked: AskedUser,
    owner: Backend,
    start: ContainerStart | undefined,
    nowMs: number,
  ): { readonly name: string | undefined } | undefined {
    const answers = [...(this.answers.peek(withTag(asked.image)) ?? [])];
    const refusal = this.refusals.peek(refusalKey(asked));
    const sinceSeq = Math.max(start?.seq ?? 0, refusal?.seq ?? 0);
    const counting =
      sinceSeq === 0
        ? answers.slice(-1).filter(([, { atMs }]) => nowMs - atMs < ANSWERED_MS)
        : answers.filter(([, { seq }]) => seq > sinceSeq);
    const given = counting.find(([backend, { user }]) => backend !== owner && user === asked.user);
    if (given === undefined) return undefined;
    const hasOwn = counting.some(([backend]) => backend === owner);
    return hasOwn && (refusal?.count ?? 0) >= SUSPICIONS ? undefined : { name: given[0]?.name };
  }

  /** The container was not made, for the user may be another's. */
  noteRefusal(asked: AskedUser): void {
    const key = refusalKey(asked);
    this.refusals.set(key, { count: (this.refusals.peek(key)?.count ?? 0) + 1, seq: ++this.seq });
  }
}

function areLong(...texts: readonly (string | undefined)[]): boolean {
  return texts.some((text) => text !== undefined && text.length > TEXT_LENGTH);
}

function refusalKey({ sandboxId, container, user }: AskedUser): string {
  return [sandboxId, container, user].map((part) => part.slice(0, TEXT_LENGTH)).join('\n');
}

function nameKey(pod: string, image: string): string {
  return `${pod} by name ${withTag(image)}`;
}

function referenceKey(pod: string, reference: string): string {
  return `${pod} by reference ${reference}`;
}
