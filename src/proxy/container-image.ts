// CreateContainer carries an image's id and a user that the kubelet got from look-ups, of which the last named no pod.
// Here, where the pod's backend is certain, what another backend answered is found out: its id gives way to that of the
// backend's own image of the name, and a container that would run as the user of another's image is not made. A real
// kubelet answers any error of CreateContainer by starting anew from the first look-up, 10 to 15 s later (pod_workers.go,
// kuberuntime_container.go), and by then it is known where the pod is.
import type { Backend } from '../backends/backend.ts';
import { encodeMessage, encodeText } from '../cri/wire-writer.ts';
import { StrayImageError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import type { AskedUser, ContainerStart } from '../ledger/container-starts.ts';
import { podKeyOf } from '../ledger/image-memory.ts';
import { excerpt, quote } from '../quote.ts';
import type { Call } from './call.ts';
import { type AskedImage, ContainerRequest } from './container-request.ts';
import type { BackendOutcome } from './fan-out.ts';
import {
  deniesImage,
  foundId,
  foundTags,
  hasImage,
  listsId,
  troubleOf,
  undecided,
  userOfFound,
} from './image-answers.ts';
import type { ProxyParts } from './parts.ts';

/** How long the owner may take to say what it has. */
const ASK_MS = 10_000;
/** The same for other backends, on which the container does not depend. */
const ASK_OTHERS_MS = 2_000;
const NO_FILTER = new Uint8Array(0);

interface ImageOfContainer extends AskedImage {
  /** The look-up or pull from which it comes. */
  readonly start: ContainerStart | undefined;
}

/**
 * The framed request as the owner must get it. Throws, or rejects with, a StrayImageError when the container would be
 * another one than its pod asks for.
 */
export function containerRequestFor(parts: ProxyParts, call: Call, owner: Backend): Buffer | Promise<Buffer> {
  return new ContainerImages(parts, call, owner).settle();
}

class ContainerImages {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly owner: Backend;
  private readonly request: ContainerRequest;
  private readonly pod: string;
  /** Of the container's file system. */
  private readonly main: ImageOfContainer;
  private readonly volumes: readonly ImageOfContainer[];
  private readonly asked = new Map<string, Promise<BackendOutcome>>();

  constructor(parts: ProxyParts, call: Call, owner: Backend) {
    this.parts = parts;
    this.call = call;
    this.owner = owner;
    this.request = new ContainerRequest(call.message);
    const { podAnnotations, images } = this.request;
    const { imageMemory } = parts;
    // They may be new to us, after a restart or an edit; the next look-up of an image has nothing else.
    imageMemory.rememberPod(podAnnotations, owner);
    this.pod = podKeyOf(podAnnotations);
    const [main, ...volumes] = images;
    this.main = this.withStart(main);
    this.volumes = volumes.map((image) => this.withStart(image));
    for (const { name } of this.all()) if (name !== '') imageMemory.turns.leave(name, this.pod);
    if (this.main.start !== undefined) imageMemory.starts.end(this.pod, this.main.start);
  }

  settle(): Buffer | Promise<Buffer> {
    const areOwn = this.all().every((image) => this.isOwn(image));
    if (!areOwn || this.isSuspicious()) return this.settleAll();
    this.noteSuccess();
    return this.call.body;
  }

  private async settleAll(): Promise<Buffer> {
    const references: (string | undefined)[] = [];
    const strays: string[] = [];
    for (const image of this.all()) {
      const own = await this.ownReference(image);
      const isStray = own !== image.reference;
      references.push(isStray ? own : undefined);
      if (isStray) strays.push(`${excerpt(image.reference)} -> ${excerpt(own)}`);
    }
    await this.checkUser(references[0] ?? this.main.reference);
    this.noteSuccess();
    if (strays.length === 0) return this.call.body;
    this.parts.metrics.strayImage('replaced');
    this.parts.log.info(
      { backend: this.owner.name, container: this.who(), images: strays },
      "an image id of another backend gives way to that of the pod's own",
    );
    return framed(this.request.withReferences(references));
  }

  /** Whether the owner itself gave the reference, moments ago. */
  private isOwn({ start, reference }: ImageOfContainer): boolean {
    return start?.backend === this.owner && start.references.includes(reference);
  }

  /** How the owner calls the image. What it can find under the reference, or what nobody can name, stays as it is. */
  private async ownReference(image: ImageOfContainer): Promise<string> {
    const { owner } = this;
    const { reference, name, start } = image;
    if (name === '' || name === reference || this.isOwn(image)) return reference;
    const isOthers = start !== undefined && start.backend !== owner;
    if (!isOthers) {
      const list = owner.snapshot.answer('ListImages', NO_FILTER);
      if (list !== undefined && listsId([list], reference)) return reference;
      if (!deniesImage(await this.ask(reference))) return reference;
    }
    const found = await this.ask(name);
    if (hasImage(found)) return foundId(found);
    if (!deniesImage(found)) throw undecided(name, [troubleOf(found)]);
    this.parts.metrics.strayImage('missing');
    const whence = isOthers ? `, which is of backend ${start.backend.name}` : '';
    throw new StrayImageError(
      `${this.who()} is not made: backend ${owner.name}, where its pod is, has no image ${excerpt(name)}, and none that is ${excerpt(reference)}${whence}`,
      { hint: 'The kubelet tries again, and pulls the image there unless its imagePullPolicy is Never' },
    );
  }

  /** Whether it cannot be ruled out here that another backend gave the container its user. */
  private isSuspicious(): boolean {
    const asked = this.askedUser();
    return asked !== undefined && (this.knownGiver(asked) !== undefined || this.mayHideGiver(asked));
  }

  private async checkUser(reference: string): Promise<void> {
    if (!this.isSuspicious()) return;
    const { name } = this.main;
    // A kubelet before 1.28 sends no name: it was one of those that the image has.
    const names = name === '' ? foundTags(await this.ask(reference)) : [name];
    for (const image of names) await this.checkUserOf(image, reference);
  }

  private async checkUserOf(image: string, reference: string): Promise<void> {
    const asked = this.askedUser(image);
    if (asked === undefined) return;
    const { owner, main } = this;
    const { user } = asked;
    const known = this.isOwn(main) ? main.start?.user : undefined;
    const found = known === undefined ? await this.ask(reference) : undefined;
    // What the owner cannot find it does not make a container of.
    if (found !== undefined && deniesImage(found)) return;
    const due = found === undefined ? known : userOfFound(found);
    if (due === user) return;
    const giver = this.knownGiver(asked) ?? (await this.hiddenGiver(asked));
    if (giver === undefined) return;
    if (due === undefined) throw undecided(image, found === undefined ? [] : [troubleOf(found)]);
    this.refuse(asked);
    throw new StrayImageError(
      `${this.who()} is not made: it would run as user ${quote(user)}, ${giver}, but image ${excerpt(image)} of backend ${owner.name}, where its pod is, has user ${quote(due)}; the kubelet's last look-up of an image names no pod, and pods on several backends were starting from that image`,
      { hint: 'The kubelet tries again; set runAsUser in the pods, or give the images different names' },
    );
  }

  /** Why its user may come from another backend, as a part of a sentence. */
  private knownGiver(asked: AskedUser): string | undefined {
    const { imageMemory, clock } = this.parts;
    const giver = imageMemory.starts.giverOf(asked, this.owner, this.main.start, clock.now());
    if (giver === undefined) return undefined;
    return giver.name === undefined
      ? 'when no backend had the image'
      : `as backend ${giver.name} has that image`;
  }

  /**
   * Whether a look-up may have been answered that is not known here, as it was before a restart of Switchyard. Only for
   * clients whose pods have annotations, as a kubelet's have: it tries again, and its next start is known.
   */
  private mayHideGiver(asked: AskedUser): boolean {
    const { imageMemory, registry, clock } = this.parts;
    if (this.pod === '' || registry.all.length === 1) return false;
    return !imageMemory.starts.knowsGivers(asked, this.main.start, clock.now());
  }

  /** The same where answers are not known: another backend has the image with this very user, or cannot say. */
  private async hiddenGiver(asked: AskedUser): Promise<string | undefined> {
    if (!this.mayHideGiver(asked)) return undefined;
    const others = this.parts.registry.all.filter((backend) => backend !== this.owner);
    const ask = (backend: Backend) =>
      backend.images.isAbsent ? undefined : this.askBackend(backend, asked.image, ASK_OTHERS_MS);
    const answers = await Promise.all(others.map(ask));
    for (const [at, { name }] of others.entries()) {
      const answer = answers[at];
      if (answer !== undefined && deniesImage(answer)) continue;
      const user = answer && userOfFound(answer);
      if (user === asked.user) return `as backend ${name} has that image`;
      if (user === undefined) return `as backend ${name}, which does not answer, may have that image`;
    }
    return undefined;
  }

  private refuse(asked: AskedUser): void {
    const { imageMemory, metrics, clock } = this.parts;
    metrics.strayImage('other-user');
    imageMemory.starts.noteRefusal(asked);
    imageMemory.turns.noteRefusal(asked.image, this.pod);
    // A client whose look-ups name no pod has nothing else that leads its next one here.
    if (this.main.start === undefined && imageMemory.turns.isFree(asked.image, this.owner, undefined)) {
      imageMemory.rememberImage(asked.image, this.owner, clock.now(), undefined);
    }
  }

  private noteSuccess(): void {
    this.parts.imageMemory.turns.noteSuccess(this.main.name, this.pod);
  }

  /** Undefined when the user is left to the runtime. */
  private askedUser(image = this.main.name): AskedUser | undefined {
    const { sandboxId, container, user } = this.request;
    return user === undefined ? undefined : { sandboxId, container, image, user };
  }

  private all(): readonly ImageOfContainer[] {
    return [this.main, ...this.volumes];
  }

  private withStart({ reference, name }: AskedImage): ImageOfContainer {
    const start = this.parts.imageMemory.starts.startOf(this.pod, name, reference);
    return { reference, name: name === '' ? (start?.image ?? '') : name, start };
  }

  /** What the owner has under a name or id. Asked once. */
  private ask(image: string): Promise<BackendOutcome> {
    const known = this.asked.get(image);
    if (known !== undefined) return known;
    const outcome = this.askBackend(this.owner, image, ASK_MS);
    this.asked.set(image, outcome);
    return outcome;
  }

  private async askBackend(backend: Backend, image: string, atMostMs: number): Promise<BackendOutcome> {
    const request = encodeMessage(1, encodeText(1, image));
    const timeoutMs = this.call.remainingMs(atMostMs);
    const outcome = await backend.ask({ service: 'ImageService', rpc: 'ImageStatus', request, timeoutMs });
    return { backend, outcome };
  }

  private who(): string {
    const { container, podNamespace, podName } = this.request;
    return `container ${excerpt(container)} of pod ${excerpt(podNamespace)}/${excerpt(podName)}`;
  }
}
