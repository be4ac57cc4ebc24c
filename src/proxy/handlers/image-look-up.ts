// ImageStatus. The kubelet makes it twice for a container: with the pod's annotations, to know whether to pull, and with
// the image's name alone, right before it creates the container, to know the user it runs as. A wrong "not found" to the
// second makes the container run as root, and so may the answer of another backend that has another image of that name.
import type { Backend } from '../../backends/backend.ts';
import { readMap, readString } from '../../cri/wire.ts';
import { podKeyOf } from '../../ledger/image-memory.ts';
import type { Entrant } from '../../ledger/image-turns.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { type BackendOutcome, fanOut } from '../fan-out.ts';
import {
  awayOf,
  deniesImage,
  foundId,
  hasImage,
  ROOT,
  troubleOf,
  undecided,
  userOfFound,
} from '../image-answers.ts';
import { ANNOTATIONS, homeOfSpec, IMAGE, type ImageHome, speaksOfPod } from '../image-home.ts';
import { specRequestFor } from '../image-request.ts';
import { awaitTurn } from '../image-turn.ts';
import type { ProxyParts } from '../parts.ts';

/** After a look-up with annotations the one without follows at once, or when a pull has ended. */
const FRESH_MS = 60_000;

/** Answers an ImageStatus. */
export async function lookUpImage(parts: ProxyParts, call: Call): Promise<void> {
  const { message } = call;
  // Right after a start it may not be known yet where the pods live.
  if (speaksOfPod(message) && !parts.census.isSettled) {
    await parts.census.settle();
    if (call.isOver) return;
  }
  new LookUp(parts, call, readString(message, 0, message.length, IMAGE) ?? '').start();
}

class LookUp {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly image: string;
  private readonly home: ImageHome;

  constructor(parts: ProxyParts, call: Call, image: string) {
    this.parts = parts;
    this.call = call;
    this.image = image;
    this.home = homeOfSpec(parts, call.message);
  }

  start(): void {
    const { home } = this;
    switch (home.kind) {
      case 'known':
        // Its backend alone: an image that only another one has would never start there.
        this.ask([home.backend], ([own]) => own && this.answer(own));
        return;
      case 'one of':
        this.search(home.backends);
        return;
      case 'unsaid':
        this.search(this.parts.registry.all);
        return;
      default:
        home satisfies never;
    }
  }

  /**
   * The backend that had the image last has the word: the look-up that named the pod was milliseconds ago, and a
   * container is about to be made there. The others are asked only when it lacks the image, or has been away for long:
   * while it is away and the look-up may be for a pod of its own, another backend's user could be the wrong one.
   */
  private search(backends: readonly Backend[]): void {
    const { imageMemory, clock } = this.parts;
    const sighting = imageMemory.sightingOf(this.image);
    if (sighting === undefined || !backends.includes(sighting.backend)) {
      this.searchAll(backends, []);
      return;
    }
    const { backend: recent, atMs } = sighting;
    if (recent.images.isAbsent) {
      if (clock.now() - atMs < FRESH_MS) throw undecided(this.image, [awayOf(recent)]);
      this.searchAll(backends, []);
      return;
    }
    this.ask([recent], ([own]) => {
      if (own === undefined) return;
      if (!deniesImage(own)) return this.answer(own);
      this.searchAll(
        backends.filter((backend) => backend !== recent),
        [own],
      );
    });
  }

  /** The first that has it, in the order of the backends; "not found" only when all of them have denied it. */
  private searchAll(backends: readonly Backend[], denials: readonly BackendOutcome[]): void {
    const present = backends.filter((backend) => !backend.images.isAbsent);
    this.ask(present, (outcomes) => {
      const found = outcomes.find(hasImage);
      if (found !== undefined) {
        const others = outcomes.filter((one) => hasImage(one) && userOfFound(one) !== userOfFound(found));
        return this.answer(
          found,
          others.map(({ backend }) => backend),
        );
      }
      const silent = outcomes.find((one) => !deniesImage(one));
      if (silent?.outcome.kind === 'status') {
        replyWith(this.call, silent.backend, silent.outcome);
        return;
      }
      const absent = backends.filter((backend) => backend.images.isAbsent && !present.includes(backend));
      const unasked = absent.map(awayOf);
      const unanswered = outcomes.filter((one) => !deniesImage(one)).map(troubleOf);
      if (unanswered.length + unasked.length > 0) throw undecided(this.image, [...unanswered, ...unasked]);
      const [denial] = [...denials, ...outcomes];
      if (denial === undefined) return;
      if (this.home.kind === 'unsaid') this.noteAnswer(undefined, ROOT);
      replyWith(this.call, denial.backend, denial.outcome);
    });
  }

  private answer(result: BackendOutcome, others: readonly Backend[] = []): void | Promise<void> {
    if (!hasImage(result)) {
      replyWith(this.call, result.backend, result.outcome);
      return;
    }
    const { backend } = result;
    const user = userOfFound(result);
    if (this.home.kind === 'unsaid') {
      if (user !== undefined) this.noteAnswer(backend, user);
      this.give(result, others);
      return;
    }
    const pod = podKeyOf(readMap(this.call.message, 0, this.call.message.length, ANNOTATIONS));
    const entrant = { pod, backend, user };
    // The look-up of a size holds up the kubelet's queue of pulls like the pull before it, which has waited already.
    const hasPulled = this.parts.imageMemory.starts.isPulled(pod, this.image);
    const turn = awaitTurn(this.parts, this.call, this.image, entrant, hasPulled ? 0 : undefined);
    if (typeof turn === 'boolean') this.giveToPod(result, entrant, turn, others);
    else
      return turn.then((isTurn) => {
        if (!this.call.isOver) this.giveToPod(result, entrant, isTurn, others);
      });
  }

  /** Only a look-up for a pod, in its turn, says where the image of this name will be wanted next. */
  private giveToPod(
    result: BackendOutcome,
    { pod, backend, user }: Entrant,
    isTurn: boolean,
    others: readonly Backend[],
  ): void {
    const { imageMemory, clock } = this.parts;
    if (isTurn) imageMemory.rememberImage(this.image, backend, clock.now(), user);
    else if (user !== undefined) imageMemory.noteUser(this.image, backend, user);
    imageMemory.starts.noteFound(pod, this.image, { backend, user }, foundId(result));
    this.give(result, others);
  }

  private give(result: BackendOutcome, others: readonly Backend[]): void {
    const { backend, outcome } = result;
    const user = userOfFound(result);
    const remembered = user === undefined ? [] : this.parts.imageMemory.othersThan(this.image, user);
    const differing = new Set([...others, ...remembered].filter((one) => one !== backend));
    this.tellOfUsers(backend, [...differing]);
    replyWith(this.call, backend, outcome);
  }

  /** What a container gets its user from may be this answer, of nobody when there is no such image. */
  private noteAnswer(backend: Backend | undefined, user: string): void {
    const { imageMemory, clock } = this.parts;
    if (backend !== undefined) imageMemory.noteUser(this.image, backend, user);
    imageMemory.starts.noteAnswer(this.image, backend, user, clock.now());
  }

  /** One name, several users: whoever relies on the image's user should know. The most recent one was told. */
  private tellOfUsers(told: Backend, others: readonly Backend[]): void {
    const { imageMemory, log } = this.parts;
    if (others.length === 0 || !imageMemory.isNews(this.image)) return;
    log.warn(
      {
        image: this.image,
        told: told.name,
        others: others.map(({ name }) => name),
        hint: 'Set runAsUser in the pods, or give the images different names',
      },
      'an image of one name has different users on several backends',
    );
  }

  private ask(
    backends: readonly Backend[],
    done: (outcomes: readonly BackendOutcome[]) => void | Promise<void>,
  ): void {
    const { parts, call } = this;
    const bodyFor = (backend: Backend) => specRequestFor(backend, call.body);
    fanOut(parts, call, backends, { isRetryable: true, givesUpOnHang: true, bodyFor }, done);
  }
}
