// Objects that an event has told of before any list or call: made behind our back, or a moment ahead of the reply that
// names them. The snapshot must not lack them should the backend go away, so those that nothing else shows are listed.
import type { Backend } from '../backends/backend.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Census } from '../ledger/census.ts';

/** How long calls and lists on their way have to show an object. */
const WAIT_MS = 2_000;

export class EventNews {
  private readonly backend: Backend;
  private readonly clock: Clock;
  private readonly census: Census;
  private readonly ids = new Set<string>();
  private timer: Timer | undefined;

  constructor(backend: Backend, clock: Clock, census: Census) {
    this.backend = backend;
    this.clock = clock;
    this.census = census;
  }

  /** Sees to it that the snapshot has these before long. */
  add(ids: readonly string[]): void {
    for (const id of ids) this.ids.add(id);
    if (this.ids.size > 0) this.timer ??= this.clock.after(WAIT_MS, () => this.check());
  }

  stop(): void {
    this.timer?.cancel();
  }

  private check(): void {
    this.timer = undefined;
    const { snapshot } = this.backend;
    for (const list of ['ListPodSandbox', 'ListContainers'] as const) {
      for (const id of snapshot.idsOf(list) ?? []) this.ids.delete(id);
    }
    if (this.ids.size > 0) void this.census.take(this.backend);
    this.ids.clear();
  }
}
