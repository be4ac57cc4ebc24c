// What an event made of a list difference shows: the status of the pod and of its containers, asked of the backend when
// the difference was seen, as a runtime fills its own events.
import type { Backend } from '../backends/backend.ts';
import { bodyOf } from '../backends/snapshot-record.ts';
import { encodeText } from '../cri/wire-writer.ts';
import type { PodChange } from '../events/event-difference.ts';
import { STATUS } from '../grpc/status.ts';

/** A pod whose status takes longer is asked again with the next list. */
const STATUS_TIMEOUT_MS = 10_000;
/** In the request: the id. */
const ID = 1;
/** In the reply: the status. */
const REPLY_STATUS = 1;

export interface PodStatuses {
  /** A PodSandboxStatus. */
  readonly pod: Buffer;
  /** A ContainerStatus each. */
  readonly containers: readonly Buffer[];
}

/** Asks for the statuses of a changed pod; undefined when they cannot be had now. A pod without sandbox needs no answer. */
export async function podStatuses(backend: Backend, change: PodChange): Promise<PodStatuses | undefined> {
  const { sandboxId } = change;
  const [pod, ...containers] = await Promise.all([
    sandboxId === undefined ? change.status() : ask(backend, 'PodSandboxStatus', sandboxId),
    ...change.containers.map(({ id }) => ask(backend, 'ContainerStatus', id)),
  ]);
  // A sandbox that has vanished since the list leaves nothing to show: the next list tells.
  if (pod === undefined || pod === 'gone') return undefined;
  const shown: Buffer[] = [];
  for (const container of containers) {
    // Without a container that exists the kubelet would take it for removed.
    if (container === undefined) return undefined;
    if (container !== 'gone') shown.push(container);
  }
  return { pod, containers: shown };
}

async function ask(
  backend: Backend,
  rpc: 'PodSandboxStatus' | 'ContainerStatus',
  id: string,
): Promise<Buffer | 'gone' | undefined> {
  const request = encodeText(ID, id);
  const outcome = await backend.ask({
    service: 'RuntimeService',
    rpc,
    request,
    timeoutMs: STATUS_TIMEOUT_MS,
  });
  if (outcome.kind === 'answered') return Buffer.from(bodyOf(outcome.message, REPLY_STATUS));
  return outcome.kind === 'status' && outcome.code === STATUS.NOT_FOUND ? 'gone' : undefined;
}
