// The kubelet of a model test: turns call steps into calls on the objects it knows, and holds every answer against the
// truth. What it was told it gives to the model, which judges the lists.

import { status } from '@grpc/grpc-js';
import type { KubeletModel } from './kubelet-model.ts';
import { Violation } from './kubelet-model.ts';
import { configOf, makeCall, type PlannedCall, type Tally, textOf } from './kubelet-model-call.ts';
import { ImageCalls } from './kubelet-model-images.ts';
import { ListCalls } from './kubelet-model-lists.ts';
import { OwnedCalls } from './kubelet-model-owned.ts';
import type { CallStep } from './kubelet-model-step.ts';
import { type ModelBackend, type ModelWorld, podOf } from './kubelet-model-world.ts';

type PlaceStep = Extract<CallStep, { rpc: 'RunPodSandbox' }>;

/** A pod as the API server would know it. */
interface Pod {
  readonly uid: string;
  /** The backend whose handler it asked for first. */
  readonly wanted: ModelBackend;
  attempt: number;
}

export class ModelKubelet {
  readonly tally: Tally = { calls: 0, due: 0, late: 0 };
  readonly images: ImageCalls;
  readonly lists: ListCalls;
  private readonly world: ModelWorld;
  private readonly model: KubeletModel;
  private readonly owned: OwnedCalls;
  private readonly pods: Pod[] = [];

  constructor(world: ModelWorld, model: KubeletModel) {
    this.world = world;
    this.model = model;
    this.images = new ImageCalls(world, this.tally);
    this.lists = new ListCalls(world, model, this.tally);
    this.owned = new OwnedCalls(world, model, this.tally);
  }

  /** Looks up what the step is about. Undefined when there is nothing that it could be about. */
  plan(step: CallStep): PlannedCall | undefined {
    switch (step.rpc) {
      case 'RunPodSandbox':
        return this.planRun(step);
      case 'ListPodSandbox':
      case 'ListContainers':
        return {
          pod: undefined,
          isChange: false,
          make: () => this.lists.perform(step, (pick) => this.podBy(pick)?.uid),
        };
      case 'Status':
        return {
          pod: undefined,
          isChange: false,
          make: async () => `${(await this.readyBackends()).text}; ${await this.lookForPodStats()}`,
        };
      case 'PullImage':
      case 'RemoveImage':
      case 'ImageStatus':
      case 'ListImages':
        return {
          pod: undefined,
          isChange: false,
          make: () => this.images.perform(step, (pick) => this.podToPullFor(pick)),
        };
      default:
        return this.owned.plan(step);
    }
  }

  /** The backends that Status calls ready. It must always be answered, whatever the backends do. */
  async readyBackends(): Promise<{ readonly names: readonly string[]; readonly text: string }> {
    const outcome = await makeCall(this.world, this.tally, 'Status', {}, true);
    const conditions = outcome.response?.status?.conditions ?? [];
    if (outcome.response !== undefined) {
      const types = conditions.map(({ type }) => type);
      for (const type of ['RuntimeReady', 'NetworkReady']) {
        if (!types.includes(type)) throw new Violation(`Status lacks the condition ${type}`);
      }
    }
    const names = this.world.backends.map(({ name }) => name);
    const ready = names.filter((name) =>
      conditions.some((condition) => condition.type === `Backend.${name}.Ready` && condition.status),
    );
    return { names: ready, text: `Status -> ${textOf(outcome)}; ready: ${ready.join(' ') || 'none'}` };
  }

  /** A kubelet of 1.37 asks once: the answer must be the same whoever is away, and one of the three has none. */
  private async lookForPodStats(): Promise<string> {
    const { client, tempo } = this.world;
    const path = client.pathOf('ListPodSandboxStats');
    const { code, details } = await client.rawCall(path, Buffer.alloc(0), { deadlineMs: 9_000 * tempo });
    this.tally.calls++;
    const text = `ListPodSandboxStats ends ${status[code]}: ${details}`;
    // On a machine that is too busy for it there may be no answer at all.
    if (code !== status.UNIMPLEMENTED && code !== status.DEADLINE_EXCEEDED) throw new Violation(text);
    return text;
  }

  /** Asks for the status of a sandbox. */
  async look(id: string): Promise<string> {
    const outcome = await makeCall(this.world, this.tally, 'PodSandboxStatus', { podSandboxId: id }, false);
    return `PodSandboxStatus ${id.slice(0, 8)} -> ${textOf(outcome)}`;
  }

  private planRun({ pick, backend, isRepeated }: PlaceStep): PlannedCall {
    const asked = this.world.backend(backend);
    let pod = pick === 'new' ? undefined : this.podBy(pick);
    const isNew = pod === undefined;
    if (pod === undefined) {
      pod = { uid: `pod-${this.pods.length}`, wanted: asked, attempt: 0 };
      this.pods.push(pod);
    } else if (!isRepeated) pod.attempt++;
    const { uid, attempt } = pod;
    return { pod: uid, isChange: true, make: (isAlone) => this.run(uid, attempt, asked, isNew, isAlone) };
  }

  private async run(
    uid: string,
    attempt: number,
    asked: ModelBackend,
    isNew: boolean,
    isAlone: boolean,
  ): Promise<string> {
    const { world, model } = this;
    const homes = this.homesOf(uid);
    const isDue =
      isNew && isAlone ? !asked.isDisturbed : world.backends.every(({ isDisturbed }) => !isDisturbed);
    const config = configOf(uid, attempt);
    const outcome = await makeCall(
      world,
      this.tally,
      'RunPodSandbox',
      { config, runtimeHandler: asked.handler },
      isDue,
    );
    const what = `RunPodSandbox ${uid} attempt ${attempt} for ${asked.name}`;
    if (outcome.response !== undefined) {
      const id = outcome.response.podSandboxId;
      const made = world.find(id);
      if (made === undefined || podOf(made.object) !== uid || made.object.metadata.attempt !== attempt)
        throw new Violation(`${what} is OK with ${id}, which is not that pod's`);
      if (isAlone && made.backend !== asked && !homes.has(made.backend))
        throw new Violation(`${what} is OK on ${made.backend.name}`);
      model.made('sandbox', id);
    } else if (isDue && isNew && isAlone && !outcome.isUnanswered)
      throw new Violation(`${what} ends ${textOf(outcome)}`);
    if (outcome.isUnanswered && !outcome.isUntouched) {
      for (const { covered } of [asked, ...homes]) covered.clear();
    }
    return `${what} -> ${textOf(outcome)} ${outcome.response?.podSandboxId.slice(0, 8) ?? ''}`;
  }

  /** The backends that have, or had, sandboxes of the pod. One that was emptied without the proxy may still count. */
  private homesOf(uid: string): Set<ModelBackend> {
    const homes = [...this.world.all()].filter(({ object }) => podOf(object) === uid);
    return new Set(homes.map(({ backend }) => backend));
  }

  /** One of the pods that the kubelet ever asked for, the newest first. */
  private podBy(pick: number): Pod | undefined {
    return this.pods.at(-1 - (pick % Math.max(1, this.pods.length)));
  }

  private choose(kind: 'sandbox' | 'container', pick: number): string | undefined {
    const ids = this.model.ids(kind);
    return ids[pick % Math.max(1, ids.length)];
  }

  private podToPullFor(pick: number) {
    const id = this.choose('sandbox', pick);
    const found = id === undefined ? undefined : this.world.find(id);
    const uid = found && podOf(found.object);
    if (found === undefined || !found.isAlive || uid === undefined || !this.model.isTold(id))
      return undefined;
    return { config: configOf(uid, found.object.metadata.attempt), home: found.backend };
  }
}
