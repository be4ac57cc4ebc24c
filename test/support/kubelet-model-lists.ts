// The lists of pod sandboxes and containers in a model test: asked with all kinds of filters, in one reply or as a stream.
import type { Asked, Kind, KubeletModel, Shown } from './kubelet-model.ts';
import { Violation } from './kubelet-model.ts';
import { makeCall, type Tally, textOf } from './kubelet-model-call.ts';
import type { CallStep } from './kubelet-model-step.ts';
import { canBeListed, type ModelBackend, type ModelWorld, podOf } from './kubelet-model-world.ts';

type ListStep = Extract<CallStep, { rpc: 'ListPodSandbox' | 'ListContainers' }>;
type ListRpc = ListStep['rpc'];

const LISTS = {
  ListPodSandbox: { kind: 'sandbox', stream: 'StreamPodSandboxes' },
  ListContainers: { kind: 'container', stream: 'StreamContainers' },
} as const;

/** An item of either list, as far as it is looked at. */
interface Item {
  readonly id: string;
  readonly metadata: { readonly name: string; readonly attempt: number } | null;
  readonly state: number;
  readonly labels: Readonly<Record<string, string>>;
}

export class ListCalls {
  private readonly world: ModelWorld;
  private readonly model: KubeletModel;
  private readonly tally: Tally;

  constructor(world: ModelWorld, model: KubeletModel, tally: Tally) {
    this.world = world;
    this.model = model;
    this.tally = tally;
  }

  /** Makes the call of a step, and tells in a line what it was and how it ended. `uidOf` gives pods of the kubelet. */
  async perform(step: ListStep, uidOf: (pick: number) => string | undefined): Promise<string> {
    const isStreamed = step.isStreamed === true;
    const asked = this.askedBy(step, LISTS[step.rpc].kind, uidOf);
    const { text } = await this.ask(step.rpc, asked, isStreamed);
    return `${isStreamed ? LISTS[step.rpc].stream : step.rpc} ${JSON.stringify(asked)} -> ${text}`;
  }

  /** Makes the call and has the answer judged. Ids that were shown, with their states; undefined without an answer. */
  async ask(
    rpc: ListRpc,
    asked: Asked,
    isStreamed: boolean,
  ): Promise<{ shown?: Map<string, number>; text: string }> {
    const { kind } = LISTS[rpc];
    const before = this.model.knowledge();
    const isDue = this.targets(asked).every((backend) => canBeListed(backend, kind));
    const { records, outcome } = await this.call(rpc, asked, isDue, isStreamed);
    if (records === undefined) {
      if (isDue && !outcome.isUnanswered) throw new Violation(`${rpc} ends ${textOf(outcome)}`);
      return { text: textOf(outcome) };
    }
    this.model.checkList(kind, asked, records, before);
    if (Object.keys(asked).length === 0) {
      for (const { isDisturbed, covered } of this.world.backends) if (!isDisturbed) covered.add(kind);
    }
    const shown = new Map(records.map(({ id, state }) => [id, state]));
    return { shown, text: `${textOf(outcome)}, ${shown.size} shown` };
  }

  private askedBy(
    { by, pick, state }: ListStep,
    kind: Kind,
    uidOf: (pick: number) => string | undefined,
  ): Asked {
    const withState = state === undefined ? {} : { state: kind === 'sandbox' ? state % 2 : state };
    const uid = uidOf(pick);
    const ids = this.model.ids(by === 'sandbox' ? 'sandbox' : kind);
    const id = ids[pick % Math.max(1, ids.length)];
    if (by === 'uid') return uid === undefined ? withState : { uid, ...withState };
    if (by === 'nothing' || id === undefined) return withState;
    switch (by) {
      case 'id':
        return { id, ...withState };
      case 'short-id':
        return { id: id.slice(0, 13), ...withState };
      case 'sandbox':
        return kind === 'sandbox' ? { id, ...withState } : { sandboxId: id, ...withState };
      default:
        return by satisfies never;
    }
  }

  /** The backends without which the list cannot be answered. */
  private targets({ id, sandboxId, uid }: Asked): readonly ModelBackend[] {
    const { backends } = this.world;
    const living = [...this.world.living()];
    const ownerOf = (wanted: string | undefined) =>
      living.find(({ object }) => object.id === wanted && this.model.isTold(wanted))?.backend;
    const owner = ownerOf(id) ?? ownerOf(sandboxId);
    if (owner !== undefined) return [owner];
    // After a restart it may not know all homes of a pod.
    if (uid === undefined || backends.some(({ isOnRecord }) => isOnRecord)) return backends;
    const home = living.find(({ object }) => podOf(object) === uid && this.model.isTold(object.id))?.backend;
    return home === undefined ? backends : [home];
  }

  private async call(rpc: ListRpc, asked: Asked, isDue: boolean, isStreamed: boolean) {
    const { world, tally } = this;
    const { id = '', sandboxId = '', uid, state } = asked;
    const common = {
      id,
      ...(state !== undefined && { state: { state } }),
      ...(uid !== undefined && { labelSelector: { 'io.kubernetes.pod.uid': uid } }),
    };
    const by = isStreamed ? LISTS[rpc].stream : rpc;
    const isOpen = Object.keys(asked).length === 0;
    if (rpc === 'ListPodSandbox') {
      const outcome = await makeCall(world, tally, rpc, isOpen ? {} : { filter: common }, isDue, by);
      return { outcome, records: outcome.response?.items.map((item) => toShown(item, '')) };
    }
    const filter = { ...common, podSandboxId: sandboxId };
    const outcome = await makeCall(world, tally, rpc, isOpen ? {} : { filter }, isDue, by);
    return { outcome, records: outcome.response?.containers.map((item) => toShown(item, item.podSandboxId)) };
  }
}

function toShown({ id, metadata, state, labels }: Item, sandboxId: string): Shown {
  const { name = '', attempt = 0 } = metadata ?? {};
  return { id, sandboxId, uid: labels['io.kubernetes.pod.uid'] ?? '', name, attempt, state };
}
