// Calls of a model test that name one pod sandbox or container: what an OK must mean in the runtime, and when an error
// would deny something that lives.
import { status } from '@grpc/grpc-js';
import type { Rpc } from './cri-codec.ts';
import { aContainerConfig } from './cri-configs.ts';
import { type Kind, type KubeletModel, Violation } from './kubelet-model.ts';
import {
  configOf,
  makeCall,
  type Outcome,
  type PlannedCall,
  type Tally,
  textOf,
} from './kubelet-model-call.ts';
import type { CallStep, OwnedRpc } from './kubelet-model-step.ts';
import { type Existing, type ModelWorld, podOf } from './kubelet-model-world.ts';
import { SIMULATED_IMAGE } from './proxy-world.ts';

type OwnedStep = Extract<CallStep, { rpc: OwnedRpc }>;

/** The object a call names, as it was when the call was made. */
interface Subject {
  readonly id: string;
  readonly kind: Kind;
  readonly existing: Existing;
  readonly stateBefore: number;
  readonly sandbox: Existing | undefined;
}

/** The name of a container to create; runtimes refuse one that is used again. */
interface NewName {
  readonly name: string;
  readonly isRepeated: boolean;
}

const OF_SANDBOX: readonly OwnedRpc[] = [
  'CreateContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
  'PodSandboxStatus',
];
const READS: readonly OwnedRpc[] = ['PodSandboxStatus', 'ContainerStatus'];
const RUNNING = 1;
/** The words of the runtimes that say NOT_FOUND with another code. */
const DENIAL = /no such container|not found|does not exist/i;

export class OwnedCalls {
  private readonly world: ModelWorld;
  private readonly model: KubeletModel;
  private readonly tally: Tally;
  private containers = 0;

  constructor(world: ModelWorld, model: KubeletModel, tally: Tally) {
    this.world = world;
    this.model = model;
    this.tally = tally;
  }

  plan({ rpc, pick, isRepeated }: OwnedStep): PlannedCall | undefined {
    const kind = OF_SANDBOX.includes(rpc) ? 'sandbox' : 'container';
    const ids = this.model.ids(kind);
    const id = ids[pick % Math.max(1, ids.length)];
    const existing = id === undefined ? undefined : this.world.find(id);
    if (id === undefined || existing === undefined) return undefined;
    if (rpc === 'CreateContainer' && isRepeated !== true) this.containers++;
    const name = `c-${this.containers}`;
    return {
      pod: existing.object.config.labels['io.kubernetes.pod.uid'],
      isChange: !READS.includes(rpc),
      make: (isAlone) => this.make(rpc, id, kind, { name, isRepeated: isRepeated === true }, isAlone),
    };
  }

  private async make(
    rpc: OwnedRpc,
    id: string,
    kind: Kind,
    named: NewName,
    isAlone: boolean,
  ): Promise<string> {
    const subject = this.subject(id, kind);
    const canBeDone = this.canBeDone(rpc, subject, named);
    const { existing } = subject;
    const isSettled = this.world.backends.every(({ isDisturbed }) => !isDisturbed);
    // For what is gone, or made without the proxy, every backend must be asked.
    const isKnown = existing.isAlive && this.model.isTold(id);
    const isDue = isSettled || (isKnown && isAlone && !existing.backend.isDisturbed);
    const outcome = await this.call(rpc, subject, named.name, isDue, isAlone);
    const text = `${rpc} ${id.slice(0, 8)} on ${existing.backend.name}${existing.isAlive ? '' : ' (gone)'} -> ${textOf(outcome)}`;
    const isDenied =
      outcome.code === status.NOT_FOUND || (outcome.code === status.UNKNOWN && DENIAL.test(outcome.details));
    if (isDenied && this.world.find(id)?.isAlive === true) throw new Violation(`${text}; but it lives`);
    if (outcome.code === status.NOT_FOUND && /^(Stop|Remove)/.test(rpc))
      throw new Violation(`${text}; what is gone is stopped and removed`);
    const mustBeOk = isDue && isAlone && !outcome.isUnanswered && canBeDone;
    if (mustBeOk && outcome.code !== status.OK) throw new Violation(`${text}; it could have been done`);
    if (!READS.includes(rpc) && outcome.isUnanswered && !outcome.isUntouched)
      existing.backend.covered.clear();
    return text;
  }

  private async call(
    rpc: OwnedRpc,
    subject: Subject,
    name: string,
    isDue: boolean,
    isAlone: boolean,
  ): Promise<Outcome<Rpc>> {
    const { world, tally, model } = this;
    const { id, existing } = subject;
    const { object } = existing;
    switch (rpc) {
      case 'CreateContainer': {
        const uid = podOf(object) ?? '';
        const labels = { 'io.kubernetes.pod.uid': uid };
        const request = {
          podSandboxId: id,
          config: aContainerConfig({ name, image: SIMULATED_IMAGE, labels }),
          sandboxConfig: configOf(uid, object.metadata.attempt),
        };
        const outcome = await makeCall(world, tally, rpc, request, isDue);
        if (outcome.response !== undefined) this.checkCreated(outcome.response.containerId, subject, isAlone);
        return outcome;
      }
      case 'StartContainer': {
        const outcome = await makeCall(world, tally, rpc, { containerId: id }, isDue);
        if (outcome.response !== undefined) {
          if (isAlone && object.state < RUNNING)
            throw new Violation(`StartContainer ${id} is OK, and it was not started`);
          model.started(id);
        }
        return outcome;
      }
      case 'StopContainer':
      case 'StopPodSandbox': {
        const outcome =
          rpc === 'StopContainer'
            ? await makeCall(world, tally, rpc, { containerId: id, timeout: 2 }, isDue)
            : await makeCall(world, tally, rpc, { podSandboxId: id }, isDue);
        if (outcome.response !== undefined && isAlone) {
          this.checkStopped(rpc, id);
          model.stopped(id);
        }
        return outcome;
      }
      case 'RemoveContainer':
      case 'RemovePodSandbox': {
        const outcome =
          rpc === 'RemoveContainer'
            ? await makeCall(world, tally, rpc, { containerId: id }, isDue)
            : await makeCall(world, tally, rpc, { podSandboxId: id }, isDue);
        if (outcome.response !== undefined) {
          if (this.world.find(id)?.isAlive === true)
            throw new Violation(`${rpc} ${id} is OK, and it is still there`);
          model.removed(subject.kind, id);
        }
        return outcome;
      }
      case 'PodSandboxStatus': {
        const outcome = await makeCall(world, tally, rpc, { podSandboxId: id }, isDue);
        if (outcome.response !== undefined) this.checkStatus(rpc, subject, outcome.response.status);
        return outcome;
      }
      case 'ContainerStatus': {
        const outcome = await makeCall(world, tally, rpc, { containerId: id }, isDue);
        if (outcome.response !== undefined) this.checkStatus(rpc, subject, outcome.response.status);
        return outcome;
      }
      default:
        return rpc satisfies never;
    }
  }

  private subject(id: string, kind: Kind): Subject {
    const existing = this.world.find(id);
    if (existing === undefined) throw new Error(`${id} never existed`);
    const { object } = existing;
    const sandbox = 'sandboxId' in object ? this.world.find(object.sandboxId) : undefined;
    return { id, kind, existing, stateBefore: object.state, sandbox };
  }

  /** Whether the runtime had no reason to refuse it, as things were when the call was made. */
  private canBeDone(rpc: OwnedRpc, { existing, stateBefore, sandbox }: Subject, named: NewName): boolean {
    const isGone = !existing.isAlive;
    switch (rpc) {
      case 'CreateContainer':
        return !isGone && !named.isRepeated;
      case 'StartContainer':
        return !isGone && stateBefore === 0 && sandbox?.object.state === 0;
      case 'PodSandboxStatus':
      case 'ContainerStatus':
        return !isGone;
      default:
        return true;
    }
  }

  private checkCreated(id: string, { existing, id: sandboxId }: Subject, isAlone: boolean): void {
    const made = this.world.find(id);
    if (made === undefined || !('sandboxId' in made.object) || made.object.sandboxId !== sandboxId)
      throw new Violation(`CreateContainer in ${sandboxId} is OK with ${id}, which is not in it`);
    if (made.backend !== existing.backend || (isAlone && !made.isAlive))
      throw new Violation(`CreateContainer in ${sandboxId} is OK with ${id}, which is not there`);
    this.model.made('container', id);
  }

  private checkStopped(rpc: string, id: string): void {
    for (const { object } of this.world.living()) {
      const isIt = object.id === id;
      const isInside = 'sandboxId' in object && object.sandboxId === id;
      const runs = 'sandboxId' in object ? object.state === RUNNING : object.state === 0;
      if ((isIt || isInside) && runs) throw new Violation(`${rpc} ${id} is OK, and ${object.id} runs`);
    }
  }

  /**
   * Statuses come from the runtime itself, so they are as new as the call; but while it is in trouble they may be as old
   * as what the client was told.
   */
  private checkStatus(
    rpc: string,
    { id, existing, stateBefore }: Subject,
    shown: { id: string; state: number } | null,
  ): void {
    if (shown?.id !== id) throw new Violation(`${rpc} ${id} tells of ${shown?.id}`);
    const least = existing.backend.isDisturbed ? this.model.madeAtLeast(id) : stateBefore;
    if (shown.state < least || shown.state > existing.object.state)
      throw new Violation(
        `${rpc} ${id} tells of state ${shown.state}; it was ${stateBefore}, at least ${least}, is ${existing.object.state}`,
      );
  }
}
