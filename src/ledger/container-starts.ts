// Containers that are about to be created, as far as the kubelet's calls show: it looks its pod's image up with the pod's
// annotations, then by the name alone, and puts what it was answered into CreateContainer: the image's id from the
// first answer, the user from the second. Kept here so that CreateContainer, whose backend is certain, can tell whether
// both came from there. Pods are known by a checksum of their annotations.
import { LRUCache } from 'lru-cache';
import type { Backend } from '../backends/backend.ts';
import { areLong, imageKeyOf, keepable } from './image-key.ts';

const STARTS = 2_000;
const IMAGES = 1_000;
/** For each image, how many different answers are kept: one for each backend and user. */
const ANSWERS = 64;
/** How long an answer to a bare look-up may be what a container's user comes from, where its start is not known. */
const ANSWERED_MS = 60_000;
const REFUSALS = 1_000;

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
  /** Whether it was pulled, and not looked up since. */
  readonly isPulled: boolean;
  /** Its place in the order of all that is noted here. */
  readonly seq: number;
}

/** The answer to a look-up that named no pod. */
interface BareAnswer {
  /** Undefined when all of them said that there is no such image. */
  readonly backend: Backend | undefined;
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

/** The span in which a container may have got its user: since a place in the order, or since a moment. */
type Since =
  | { readonly kind: 'seq'; readonly seq: number }
  | { readonly kind: 'moment'; readonly atMs: number };

export class ContainerStarts {
  private readonly starts = new LRUCache<string, ContainerStart>({ max: STARTS });
  private readonly answers: LRUCache<string, Map<string, BareAnswer>>;
  /** When a container was refused with a user, in the order of all that is noted here. */
  private readonly refusals = new LRUCache<string, number>({ max: REFUSALS });
  private seq = 0;
  /** From when on all answers are known: since the process began, or since one had to be forgotten. */
  private known: { seq: number; atMs: number };

  constructor(nowMs: number) {
    this.known = { seq: 0, atMs: nowMs };
    this.answers = new LRUCache({
      max: IMAGES,
      dispose: (forgotten, _, reason) => {
        if (reason === 'evict') for (const answer of forgotten.values()) this.noteForgotten(answer);
      },
    });
  }

  /** The image of a pod was found on `backend`. */
  noteFound(pod: string, image: string, found: Pick<ContainerStart, 'backend' | 'user'>, id: string): void {
    this.note(pod, image, { ...found, isPulled: false }, id);
  }

  /** The image of a pod was pulled on `backend`, and is called `reference` there. */
  notePulled(pod: string, image: string, backend: Backend, reference: string): void {
    this.note(pod, image, { backend, user: undefined, isPulled: true }, reference);
  }

  /** Whether the pod's image was pulled for a container that is to come, and not looked up since. */
  isPulled(pod: string, image: string): boolean {
    const key = nameKey(pod, image);
    return key !== undefined && this.starts.peek(key)?.isPulled === true;
  }

  /** A look-up of the bare name was answered by `backend`: whoever asked has `user` now. */
  noteAnswer(image: string, backend: Backend | undefined, user: string, nowMs: number): void {
    const key = imageKeyOf(image);
    if (key === undefined || areLong(user)) return;
    const answers = this.answers.get(key) ?? new Map<string, BareAnswer>();
    const answerKey = `${backend?.name ?? ''}\n${user}`;
    answers.delete(answerKey);
    answers.set(answerKey, { backend, user, seq: ++this.seq, atMs: nowMs });
    this.answers.set(key, answers);
    if (answers.size <= ANSWERS) return;
    const [oldest] = answers;
    if (oldest === undefined) return;
    answers.delete(oldest[0]);
    this.noteForgotten(oldest[1]);
  }

  /** The start of a container of this pod from this image; `image` is '' where the client does not say its name. */
  startOf(pod: string, image: string, reference: string): ContainerStart | undefined {
    if (pod === '') return undefined;
    const key = image === '' ? referenceKey(pod, reference) : nameKey(pod, image);
    return key === undefined ? undefined : this.starts.get(key);
  }

  /** The container is being created: what comes next is another one. */
  end(pod: string, { image, references }: ContainerStart): void {
    const key = nameKey(pod, image);
    if (key !== undefined) this.starts.delete(key);
    for (const reference of references) this.starts.delete(referenceKey(pod, reference));
  }

  /**
   * Who else than `owner` gave the user for the image since the start of the container began, or since it was refused
   * last, so that it may have it from there; where neither is known, in the last minute. `name` is undefined where nobody
   * had the image. Only what lies between its look-up and its creation counts, so a pod that asks for that user itself
   * needs no exception: when it has its turn undisturbed nobody else gives it.
   */
  giverOf(
    asked: AskedUser,
    owner: Backend,
    start: ContainerStart | undefined,
    nowMs: number,
  ): { readonly name: string | undefined } | undefined {
    const since = this.sinceOf(asked, start, nowMs);
    const answers = this.answers.peek(imageKeyOf(asked.image) ?? '');
    for (const { backend, user, seq, atMs } of answers?.values() ?? []) {
      if (backend === owner || user !== asked.user) continue;
      if (since.kind === 'seq' ? seq > since.seq : atMs > since.atMs) return { name: backend?.name };
    }
    return undefined;
  }

  /** Whether all answers are known that giverOf looks for. If not, another may have given the user all the same. */
  knowsGivers(asked: AskedUser, start: ContainerStart | undefined, nowMs: number): boolean {
    const since = this.sinceOf(asked, start, nowMs);
    return since.kind === 'seq' ? since.seq >= this.known.seq : since.atMs >= this.known.atMs;
  }

  /** The container was not made, for the user may be another's. */
  noteRefusal(asked: AskedUser): void {
    this.refusals.set(refusalKey(asked), ++this.seq);
  }

  private sinceOf(asked: AskedUser, start: ContainerStart | undefined, nowMs: number): Since {
    const seq = Math.max(start?.seq ?? 0, this.refusals.peek(refusalKey(asked)) ?? 0);
    return seq === 0 ? { kind: 'moment', atMs: nowMs - ANSWERED_MS } : { kind: 'seq', seq };
  }

  private note(
    pod: string,
    image: string,
    found: Pick<ContainerStart, 'backend' | 'user' | 'isPulled'>,
    id: string,
  ): void {
    const key = nameKey(pod, image);
    if (pod === '' || key === undefined || areLong(id, found.user)) return;
    const earlier = this.starts.peek(key);
    const known = earlier?.backend === found.backend ? earlier.references.filter((one) => one !== id) : [];
    const start = { image, ...found, references: [...known.slice(-1), id], seq: ++this.seq };
    this.starts.set(key, start);
    for (const reference of start.references) this.starts.set(referenceKey(pod, reference), start);
  }

  private noteForgotten({ seq, atMs }: BareAnswer): void {
    this.known = { seq: Math.max(this.known.seq, seq), atMs: Math.max(this.known.atMs, atMs) };
  }
}

function refusalKey({ sandboxId, container, user }: AskedUser): string {
  return [sandboxId, container, user].map(keepable).join('\n');
}

function nameKey(pod: string, image: string): string | undefined {
  const key = imageKeyOf(image);
  return key === undefined ? undefined : `${pod} by name ${key}`;
}

function referenceKey(pod: string, reference: string): string {
  return `${pod} by reference ${reference}`;
}
