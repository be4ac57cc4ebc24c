// What two lists of a backend show that its clients were not told yet, pod by pod. Pure, and used by the event ledger.
import { asGone } from './event-message.ts';
import { type ListedContainer, type ListedSandbox, type PodLists, STAGE, type Stage } from './pod-lists.ts';

/** Before its first stage: nothing was told of it, and no list has shown it. */
export const UNBORN = -1;
export type Progress = Stage | typeof UNBORN;

export interface KnownSandbox {
  readonly uid: string;
  readonly createdAtNs: number;
  /** The last PodSandboxStatus. */
  status: Buffer;
  /** How far it is known to be. */
  stage: Progress;
  /** How far clients were told it is, by events. */
  told: Progress;
}

export interface KnownContainer {
  readonly sandboxId: string;
  /** Stays at hand when the sandbox itself is gone, to say whose container this was. */
  readonly sandbox: KnownSandbox;
  stage: Progress;
  told: Progress;
}

/** All that is known of a backend's pods, by id. */
export interface KnownPods {
  readonly sandboxes: ReadonlyMap<string, KnownSandbox>;
  readonly containers: ReadonlyMap<string, KnownContainer>;
  /** Whether the id is that of an object that was deleted. */
  isDeleted(id: string): boolean;
}

/** One thing to tell. */
export interface Step {
  readonly id: string;
  readonly stage: Stage;
}

/** What has changed in one pod, and what its events show: the pod as it is now. */
export interface PodChange {
  /** In order: a sandbox begins before its containers and ends after them. */
  readonly steps: readonly Step[];
  /**
   * The newest sandbox of the pod. The kubelet takes the sandbox of an event for all of the pod, so events of an older
   * one show this one too. Undefined when none is left.
   */
  readonly sandboxId: string | undefined;
  /** A PodSandboxStatus without what lists lack; for a pod without sandbox the last one known. */
  readonly status: () => Buffer;
  /** What is in the pod. */
  readonly sandboxes: readonly ListedSandbox[];
  readonly containers: readonly ListedContainer[];
}

/** The changes by pod. */
export function differenceOf(known: KnownPods, lists: PodLists): PodChange[] {
  const changes = new Map<string, Change>();
  const changeOf = (uid: string, sandboxId: string): Change => {
    const key = uid === '' ? sandboxId : uid;
    const found = changes.get(key);
    if (found !== undefined) return found;
    const made = new Change();
    changes.set(key, made);
    return made;
  };

  const sandboxes = new Map<string, ListedSandbox>();
  for (const sandbox of lists.sandboxes.toSorted((a, b) => a.createdAtNs - b.createdAtNs)) {
    const { id, uid, stage } = sandbox;
    if (known.isDeleted(id)) continue;
    sandboxes.set(id, sandbox);
    const change = changeOf(uid, id);
    change.sandboxes.push(sandbox);
    for (const step of stepsTo(id, known.sandboxes.get(id)?.stage ?? UNBORN, stage)) {
      (step.stage <= STAGE.started ? change.begins : change.ends).push(step);
    }
  }
  const containers = new Set<string>();
  for (const container of lists.containers) {
    const { id, sandboxId, stage } = container;
    const sandbox = sandboxes.get(sandboxId);
    // Without its sandbox it has just gone with it, or is so new that only the next list shows both.
    if (sandbox === undefined || known.isDeleted(id)) continue;
    containers.add(id);
    const change = changeOf(sandbox.uid, sandboxId);
    change.containers.push(container);
    change.inside.push(...stepsTo(id, known.containers.get(id)?.stage ?? UNBORN, stage));
  }
  for (const [id, { sandbox, sandboxId, stage }] of known.containers) {
    if (containers.has(id)) continue;
    const change = changeOf(sandbox.uid, sandboxId);
    change.inside.push(...stepsTo(id, stage, STAGE.deleted));
    change.gone ??= sandbox;
  }
  for (const [id, sandbox] of known.sandboxes) {
    if (sandboxes.has(id)) continue;
    const change = changeOf(sandbox.uid, id);
    change.ends.push(...stepsTo(id, sandbox.stage, STAGE.deleted));
    if (change.gone === undefined || change.gone.createdAtNs <= sandbox.createdAtNs) change.gone = sandbox;
  }
  return [...changes.values()].filter((change) => change.steps.length > 0);
}

class Change implements PodChange {
  readonly sandboxes: ListedSandbox[] = [];
  readonly containers: ListedContainer[] = [];
  readonly begins: Step[] = [];
  readonly inside: Step[] = [];
  readonly ends: Step[] = [];
  /** The newest of the sandboxes that are gone. */
  gone: KnownSandbox | undefined;

  get steps(): Step[] {
    return [...this.begins, ...this.inside, ...this.ends];
  }

  get sandboxId(): string | undefined {
    return this.sandboxes.at(-1)?.id;
  }

  readonly status = (): Buffer =>
    this.sandboxes.at(-1)?.status() ?? asGone(this.gone?.status ?? Buffer.alloc(0));
}

/** What happened between two stages. Of a container that is gone it is not said that it ever ran if nobody saw it run. */
function stepsTo(id: string, from: Progress, to: Stage): Step[] {
  const stages = [STAGE.created, STAGE.started, STAGE.stopped, STAGE.deleted];
  return stages
    .filter((stage) => stage > from && stage <= to)
    .filter((stage) => stage !== STAGE.started || to !== STAGE.deleted)
    .map((stage) => ({ id, stage }));
}
