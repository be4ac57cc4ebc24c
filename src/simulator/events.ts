// Container events: who gets which, in the manner of the runtime that is played.

import type { EventDelivery } from './profile.ts';

/** Gets encoded ContainerEventResponse messages. */
export type EventListener = (event: Buffer) => void;

/** Events that are kept while nobody listens; older ones go first. */
const BACKLOG_LIMIT = 1000;

/** Hands each event to the subscribers that the delivery says. */
export class EventHub {
  readonly #delivery: EventDelivery;
  /** Off: events are made by nobody and kept for nobody. */
  readonly isEnabled: boolean;
  readonly #listeners: EventListener[] = [];
  #backlog: Buffer[] = [];
  #turn = 0;

  constructor(delivery: EventDelivery, isEnabled: boolean) {
    this.#delivery = delivery;
    this.isEnabled = isEnabled;
  }

  get subscribers(): number {
    return this.#listeners.length;
  }

  /** True when an event published now would reach someone, at once or later. */
  get isWanted(): boolean {
    return this.isEnabled && (this.#listeners.length > 0 || this.#delivery !== 'broadcast');
  }

  publish(event: Buffer): void {
    if (!this.isWanted) return;
    if (this.#listeners.length === 0) {
      this.#backlog.push(event);
      if (this.#backlog.length > 2 * BACKLOG_LIMIT) this.#backlog = this.#backlog.slice(-BACKLOG_LIMIT);
    } else if (this.#delivery === 'shared-queue') {
      this.#turn = (this.#turn + 1) % this.#listeners.length;
      this.#listeners[this.#turn]?.(event);
    } else {
      for (const listener of this.#listeners) listener(event);
    }
  }

  /** Forgets events nobody got. */
  dropBacklog(): void {
    this.#backlog = [];
  }

  /** Adds a listener, gives it the backlog if there is one, and returns how to take it away. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.push(listener);
    const waiting = this.#backlog.slice(-BACKLOG_LIMIT);
    this.#backlog = [];
    for (const event of waiting) listener(event);
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }
}
