// The image calls of a model test, in a simple form: pull, remove, look up and list a few images.
import { status } from '@grpc/grpc-js';
import type { PodSandboxConfig, Rpc } from './cri-codec.ts';
import { Violation } from './kubelet-model.ts';
import { makeCall, type Outcome, type Tally, textOf } from './kubelet-model-call.ts';
import type { CallStep } from './kubelet-model-step.ts';
import { canBeListed, type ModelBackend, type ModelWorld } from './kubelet-model-world.ts';

const NAMES = ['localhost/app-0:1', 'localhost/app-1:1', 'localhost/app-2:1'];

type ImageStep = Extract<CallStep, { rpc: 'PullImage' | 'RemoveImage' | 'ImageStatus' | 'ListImages' }>;

/** A pod for whose container an image is pulled. */
export interface PodToPullFor {
  readonly config: PodSandboxConfig;
  readonly home: ModelBackend;
}

export class ImageCalls {
  private readonly world: ModelWorld;
  private readonly tally: Tally;
  /** `backend name`: pulled with an OK, or listed. */
  private known = new Set<string>();
  /** Names whose removal was answered OK, and that nobody has asked for since. */
  private removed = new Set<string>();

  constructor(world: ModelWorld, tally: Tally) {
    this.world = world;
    this.tally = tally;
  }

  /** Makes the call, checks its answer, and tells in a line what it was and how it ended. */
  async perform(step: ImageStep, podOf: (pick: number) => PodToPullFor | undefined): Promise<string> {
    switch (step.rpc) {
      case 'PullImage':
        return this.pull(nameOf(step.image), step.pick === 'none' ? undefined : podOf(step.pick));
      case 'RemoveImage':
        return this.remove(
          nameOf(step.image),
          step.by === 'name' ? undefined : this.world.backend(step.backend),
        );
      case 'ImageStatus':
        return this.lookUp(nameOf(step.image));
      case 'ListImages':
        return this.list();
      default:
        return step satisfies never;
    }
  }

  /** Lists all images; false when there was no answer. */
  async listAll(): Promise<boolean> {
    const known = new Set(this.known);
    const removed = new Set(this.removed);
    const { backends } = this.world;
    const isDue = backends.every((backend) => canBeListed(backend, 'image'));
    const outcome = await this.call('ListImages', {}, isDue);
    this.lastText = textOf(outcome);
    if (outcome.response === undefined) return false;
    const shown = new Map<string, readonly string[]>();
    for (const { id, repoTags } of outcome.response.images) {
      if (shown.has(id)) throw new Violation(`image ${id} is shown twice`);
      shown.set(id, repoTags);
      const gone = repoTags.find((name) => removed.has(name));
      if (gone !== undefined) throw new Violation(`image ${gone} is shown after its removal was answered OK`);
    }
    for (const backend of backends) {
      for (const name of NAMES) {
        const id = idOf(backend, name);
        const isShown = id !== undefined && shown.get(id)?.includes(name) === true;
        if (isShown) this.known.add(`${backend.name} ${name}`);
        else if (id !== undefined && known.has(`${backend.name} ${name}`))
          throw new Violation(`backend ${backend.name} has image ${name}, and the list lacks it`);
      }
    }
    if (backends.every(({ isDisturbed }) => !isDisturbed))
      for (const { covered } of backends) covered.add('image');
    return true;
  }

  private lastText = '';

  private async list(): Promise<string> {
    await this.listAll();
    return `ListImages -> ${this.lastText}`;
  }

  private async pull(name: string, pod: PodToPullFor | undefined): Promise<string> {
    const home = pod?.home ?? this.world.backend(0);
    this.removed.delete(name);
    home.covered.delete('image');
    const request = { image: { image: name }, sandboxConfig: pod?.config ?? null };
    const outcome = await this.call('PullImage', request, !home.isDisturbed);
    if (outcome.response !== undefined) {
      if (idOf(home, name) === undefined)
        throw new Violation(`PullImage ${name} is OK, and ${home.name} lacks it`);
      this.known.add(`${home.name} ${name}`);
    }
    return `PullImage ${name} on ${home.name} -> ${textOf(outcome)}`;
  }

  /** By its name, or by the id it has on `by`. */
  private async remove(name: string, by: ModelBackend | undefined): Promise<string> {
    const { backends } = this.world;
    const image = by === undefined ? name : (idOf(by, name) ?? name);
    for (const { covered } of backends) covered.delete('image');
    const isDue = backends.every(({ isDisturbed }) => !isDisturbed);
    const outcome = await this.call('RemoveImage', { image: { image } }, isDue);
    if (outcome.response !== undefined) {
      const holder = backends.find((backend) =>
        image === name ? idOf(backend, name) !== undefined : idOf(backend, name) === image,
      );
      if (holder !== undefined) throw new Violation(`RemoveImage ${image} is OK, and ${holder.name} has it`);
      if (backends.every((backend) => idOf(backend, name) === undefined)) this.removed.add(name);
    }
    return `RemoveImage ${image} -> ${textOf(outcome)}`;
  }

  /** As the kubelet's last look-up: the name alone. "Not there" would make the container run as root. */
  private async lookUp(name: string): Promise<string> {
    const { backends } = this.world;
    const idsBefore = backends.map((backend) => idOf(backend, name));
    const isDue = backends.every(({ isDisturbed }) => !isDisturbed);
    const outcome = await this.call('ImageStatus', { image: { image: name } }, isDue);
    if (outcome.response !== undefined) {
      const shown = outcome.response.image?.id;
      const holder = backends.find(
        (backend, at) => idsBefore[at] !== undefined && idOf(backend, name) !== undefined,
      );
      if (shown === undefined && holder !== undefined)
        throw new Violation(`ImageStatus ${name} finds nothing, and ${holder.name} has it`);
      if (
        shown !== undefined &&
        !idsBefore.includes(shown) &&
        backends.every((one) => idOf(one, name) !== shown)
      )
        throw new Violation(`ImageStatus ${name} gives ${shown}, which no backend has`);
    }
    return `ImageStatus ${name} -> ${textOf(outcome)}`;
  }

  private async call<R extends Rpc>(
    rpc: R,
    request: Parameters<typeof makeCall<R>>[3],
    isDue: boolean,
  ): Promise<Outcome<R>> {
    const outcome = await makeCall(this.world, this.tally, rpc, request, isDue);
    if (isDue && outcome.code !== status.OK && !outcome.isUnanswered)
      throw new Violation(`${rpc} ends ${textOf(outcome)}`);
    return outcome;
  }
}

function nameOf(image: number): string {
  return NAMES[image % NAMES.length] ?? '';
}

/** The id of an image on a backend now; undefined when it has none of that name. */
function idOf({ runtime }: ModelBackend, name: string): string | undefined {
  const { images, profile } = runtime.world;
  return images.find(name)?.id(profile.images);
}
