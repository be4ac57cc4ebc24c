// GetContainerEvents of all backends: a feed for each of them, and a queue for each client. A client's stream stands for
// as long as it likes, whatever becomes of backends.
import type { Backend } from '../backends/backend.ts';
import { DrainingError, OverloadedError, UnimplementedError } from '../errors.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Call } from './call.ts';
import { EventFeed, type FeedParts } from './event-feed.ts';
import { EventQueue } from './event-queue.ts';
import { whoYields } from './stream-places.ts';

export interface EventHubOptions extends Omit<FeedParts, 'hasClients' | 'tell' | 'onLacking'> {
  readonly backends: readonly Backend[];
  readonly metrics: Metrics;
}

/** Streams at once; a node has a kubelet and perhaps a few agents that listen. */
const CLIENTS_LIMIT = 64;

export class EventHub {
  private readonly options: EventHubOptions;
  private readonly feedParts: FeedParts;
  /** Empty until the first client comes: most nodes never have one, and a feed remembers much. */
  private readonly feeds = new Map<Backend, EventFeed>();
  private readonly clients = new Map<Call, EventQueue>();

  constructor(options: EventHubOptions) {
    this.options = options;
    const { metrics } = options;
    this.feedParts = {
      ...options,
      hasClients: () => this.clients.size > 0,
      tell: (backend, event, kind) => {
        metrics.eventTold(backend.name, kind);
        for (const queue of this.clients.values()) if (!queue.push(event)) metrics.slowEventClient();
      },
      onLacking: (backend) => {
        if (options.periodMs !== undefined) return;
        for (const call of this.clients.keys()) call.fail(lacking(backend));
      },
    };
  }

  /** Sends a client all events from now on. Throws UnimplementedError when it would be kept in the dark about a backend. */
  serve(call: Call): void {
    if (this.options.periodMs === undefined) {
      for (const [backend, feed] of this.feeds) if (feed.isLacking) throw lacking(backend);
    }
    if (this.clients.size >= CLIENTS_LIMIT) {
      const limit = `${this.clients.size} streams of events are open, which is the limit`;
      const hint = 'End those that nobody needs';
      const least = whoYields(call, [...this.clients.keys()]);
      if (least === undefined) throw new OverloadedError(limit, { hint });
      this.clients.delete(least);
      least.fail(new OverloadedError(`${limit}, and another client has fewer or reads them`, { hint }));
    }
    call.backendName = 'several';
    call.watch(() => this.clients.delete(call));
    this.clients.set(call, new EventQueue(call));
    if (this.clients.size > 1) return;
    for (const backend of this.options.backends) this.feedOf(backend).begin();
  }

  /** A backend answers, for the first time or again. */
  backendReady(backend: Backend): void {
    this.feeds.get(backend)?.ready();
  }

  /** A backend answers nothing any more. */
  backendHangs(backend: Backend): void {
    this.feeds.get(backend)?.hangs();
  }

  /** Ends all streams at once, those of clients too: they would last longer than any grace time. */
  close(): void {
    for (const feed of this.feeds.values()) feed.stop();
    for (const call of this.clients.keys())
      call.fail(
        new DrainingError('Switchyard is stopping', { hint: 'Ask for events again when it is back' }),
      );
  }

  private feedOf(backend: Backend): EventFeed {
    const known = this.feeds.get(backend);
    if (known !== undefined) return known;
    const feed = new EventFeed(this.feedParts, backend);
    this.feeds.set(backend, feed);
    return feed;
  }
}

function lacking(backend: Backend): UnimplementedError {
  return new UnimplementedError(
    `backend ${backend.name} has no events of its own, and eventsPeriod is off, so that none are made from its lists`,
    { hint: 'Set eventsPeriod in the config; until then the kubelet lists by itself' },
  );
}
