// What an event of a backend teaches: ids, before any client sees them, and changes of the snapshot, so that a list which
// the snapshot answers later does not contradict what clients were told.
import type { Backend } from '../backends/backend.ts';
import type { Moment } from '../clock.ts';
import type { Effect } from '../cri/methods.ts';
import { readString } from '../cri/wire.ts';
import type { EventPod, NativeEvent } from '../events/event-message.ts';
import { STAGE } from '../events/pod-lists.ts';
import type { Ledger, ObjectKind } from './ledger.ts';

export interface EventLesson {
  /** Ids in it that another backend owns: then nothing was learnt, and it is not to be shown. */
  readonly foreignCount: number;
  /** Objects that were not known. */
  readonly news: readonly string[];
}

/** In PodSandboxStatus and ContainerStatus. */
const ID = [1];

/** The statuses of an event are as good as those that a client asks for. Call it when the event is learnt. */
export function learnStatuses(
  ledger: Ledger,
  backend: Backend,
  seen: Moment,
  statuses: { readonly pod: Buffer; readonly containers: readonly Buffer[] },
): void {
  const see = (object: ObjectKind, status: Buffer) => {
    const id = readString(status, 0, status.length, ID) ?? '';
    if (ledger.ownerOf(object, id) !== backend) return;
    backend.snapshot.statuses.see(object, id, status, 0, status.length, seen);
  };
  see('sandbox', statuses.pod);
  for (const container of statuses.containers) see('container', container);
}

/** Learns from an event of a pod. */
export function learnEvent(ledger: Ledger, backend: Backend, event: NativeEvent, pod: EventPod): EventLesson {
  const { id, stage, containerIds } = event;
  const { sandboxId, uid } = pod;
  const isSandbox = id === sandboxId;
  const seen: (readonly [object: ObjectKind, id: string, parent: string])[] = [['sandbox', sandboxId, uid]];
  for (const containerId of containerIds) seen.push(['container', containerId, sandboxId]);
  if (!isSandbox) seen.push(['container', id, sandboxId]);

  const foreign = seen.filter(([object, one]) => (ledger.ownerOf(object, one) ?? backend) !== backend);
  if (foreign.length > 0) return { foreignCount: foreign.length, news: [] };
  const effect = effectOf(event, isSandbox);
  if (stage === STAGE.deleted) {
    if (isSandbox) ledger.removeSandbox(id);
    else ledger.removeContainer(id);
  }
  const news: string[] = [];
  for (const [object, one, parent] of seen) {
    if (ledger.ownerOf(object, one) !== undefined) continue;
    // One that was removed a moment ago does not come back by this.
    ledger.see(object, one, backend, 0, () => parent);
    if (ledger.ownerOf(object, one) === backend) news.push(one);
  }
  if (effect !== undefined) backend.snapshot.change({ kind: effect, id });
  return { foreignCount: 0, news };
}

/** What it means for the lists of the backend. A new object is in them by the call that made it, or the next list. */
function effectOf(
  { stage, runningCount }: NativeEvent,
  isSandbox: boolean,
): Exclude<Effect, 'create-container'> | 'exit-container' | undefined {
  switch (stage) {
    case STAGE.started:
      return isSandbox ? undefined : 'start-container';
    case STAGE.stopped:
      if (!isSandbox) return 'exit-container';
      // The effect ends its containers too. Where the sandbox died alone, they may go on.
      return runningCount === 0 ? 'stop-sandbox' : undefined;
    case STAGE.deleted:
      return isSandbox ? 'remove-sandbox' : 'remove-container';
    case STAGE.created:
    case undefined:
      return undefined;
    default:
      return stage satisfies never;
  }
}
