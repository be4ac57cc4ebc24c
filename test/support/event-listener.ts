// A client of GetContainerEvents that keeps what it is told: `created <id>`, and the whole messages.
import { status as Code } from '@grpc/grpc-js';
import type { CriClient } from './cri-client.ts';
import type { Response } from './cri-codec.ts';

export type ContainerEvent = Response<'GetContainerEvents'>;

const NAMES = ['created', 'started', 'stopped', 'deleted'];

export interface EventListener {
  readonly events: readonly ContainerEvent[];
  /** What happened to one id, in order: `created`, `started`. */
  of(id: string): string[];
  /** All of it: `created <id>`. */
  readonly lines: readonly string[];
  /** How the stream ended: the name of the status, and its text. */
  readonly ended: Promise<{ readonly code: string; readonly details: string }>;
  leave(): void;
}

/** Listens until left. Without a deadline, as a kubelet does. */
export function listenToEvents(client: CriClient): EventListener {
  const events: ContainerEvent[] = [];
  const leaving = new AbortController();
  const messages = client.stream(
    'GetContainerEvents',
    {},
    { signal: leaving.signal, deadlineMs: Number.POSITIVE_INFINITY },
  );
  const ended = (async () => {
    for await (const event of messages) events.push(event);
    return { code: 'OK', details: '' };
  })().catch((error: { code: Code; details: string }) => ({
    code: Code[error.code] as string,
    details: error.details,
  }));
  const nameOf = (event: ContainerEvent) => NAMES[event.containerEventType] ?? 'unknown';
  return {
    events,
    of: (id) => events.filter(({ containerId }) => containerId === id).map(nameOf),
    get lines() {
      return events.map((event) => `${nameOf(event)} ${event.containerId}`);
    },
    ended,
    leave: () => leaving.abort(),
  };
}
