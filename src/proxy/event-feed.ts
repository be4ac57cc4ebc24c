// The events of one backend: its own stream where it has one; differences between its lists where it has none, and
// wherever its stream has a gap. Both go through one ledger, so nothing is told twice.
import type { Backend } from '../backends/backend.ts';
import { type Clock, momentOf, type Timer } from '../clock.ts';
import type { PodChange } from '../events/event-difference.ts';
import { EventLedger } from '../events/event-ledger.ts';
import { type NativeEvent, writeEvent } from '../events/event-message.ts';
import { type PodLists, readContainers, readSandboxes } from '../events/pod-lists.ts';
import type { Census } from '../ledger/census.ts';
import { learnEvent, learnStatuses } from '../ledger/learn-event.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Logger } from '../telemetry/log.ts';
import { EventNews } from './event-news.ts';
import { podStatuses } from './event-statuses.ts';
import { EventStream } from './event-stream.ts';

/** What all feeds work with. */
export interface FeedParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Ledger;
  readonly census: Census;
  /** Longest message. */
  readonly messageSizeBytes: number;
  /** How often backends without events of their own are listed; undefined: never. */
  readonly periodMs: number | undefined;
  /** Whether anybody listens. */
  hasClients(): boolean;
  /** Sends an event to all clients. */
  tell(backend: Backend, event: Buffer, kind: EventKind): void;
  /** The backend turned out to have no events. */
  onLacking(backend: Backend): void;
  record(): void;
  onForeignIds(backend: Backend, count: number): void;
}

/** Who made an event: the backend, or we from its lists. */
export type EventKind = 'native' | 'synthesised';

/** Pods whose statuses are asked for at the same time. */
const PODS_AT_ONCE = 8;
/** Between attempts when no period is set. */
const AGAIN_MS = 1_000;
/** A backend may note a subscriber after it has begun on the list that was asked for behind it: a second one sees the rest. */
const LISTS_TO_CLOSE_GAP = 2;
/** How long after subscribing old events may come: containerd keeps some for its first subscriber. */
const BACKLOG_MS = 2_000;
const NOTHING = new Uint8Array(0);

export class EventFeed {
  private readonly parts: FeedParts;
  private readonly backend: Backend;
  private readonly told = new EventLedger();
  private readonly stream: EventStream;
  private hasBegun = false;
  private isStopped = false;
  private lacks = false;
  private isComparing = false;
  private isAgainWanted = false;
  /** Lists until the gap before the stream is closed. */
  private listsOwed = 0;
  private timer: Timer | undefined;
  private readonly news: EventNews;
  /** What the backend made before is no news to any client. */
  private sinceMs = 0;
  /** When the last event that was told says it was made. */
  private lastMs = 0;
  private backlogEndsAtMs = 0;
  private backlogTimer: Timer | undefined;
  private lastTrouble: string | undefined;

  constructor(parts: FeedParts, backend: Backend) {
    this.parts = parts;
    this.backend = backend;
    this.news = new EventNews(backend, parts.clock, parts.census);
    this.stream = new EventStream({
      backend,
      limitBytes: parts.messageSizeBytes,
      onEvent: (event) => this.pass(event),
      onEnd: (reason, isLacking) => this.ended(reason, isLacking),
    });
  }

  /** Whether the backend has said that it has no events of its own. */
  get isLacking(): boolean {
    return this.lacks;
  }

  /**
   * There is a client, and there was none before. From now on the backend's stream is drained, whether or not anybody
   * listens. Clients know what its lists last said: so changes while it is absent are told when it is back.
   */
  begin(): void {
    this.hasBegun = true;
    if (this.stream.isOpen) return;
    this.sinceMs = this.parts.clock.wallMs();
    this.backlogTimer?.cancel();
    this.backlogTimer = undefined;
    this.told.rebase(this.snapshotLists());
    this.go();
  }

  /** The backend answers, for the first time or again. */
  ready(): void {
    this.lacks = false;
    if (this.hasBegun) this.go();
  }

  /** The backend answers nothing any more. */
  hangs(): void {
    this.stream.yieldPlace();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.news.stop();
    this.backlogTimer?.cancel();
    this.stream.close();
  }

  private go(): void {
    this.timer?.cancel();
    if (this.isStopped || this.backend.state.kind !== 'ready') return;
    if (!this.stream.isOpen && !this.lacks) {
      this.listsOwed = LISTS_TO_CLOSE_GAP;
      this.backlogEndsAtMs = this.parts.clock.now() + BACKLOG_MS;
      this.stream.open();
    }
    if (this.isComparing) this.isAgainWanted = true;
    else if (this.stream.isOpen || this.isSynthesising) void this.compare();
  }

  private get isSynthesising(): boolean {
    return this.parts.hasClients() && this.parts.periodMs !== undefined;
  }

  /** One look at the lists, and when to take the next. */
  private async compare(): Promise<void> {
    this.isComparing = true;
    this.isAgainWanted = false;
    const trouble = await this.tellDifference().catch((error: Error) => error.message);
    const { log } = this.parts;
    this.stream.release();
    this.isComparing = false;
    // A stream that was opened meanwhile owes all of its lists.
    if (trouble === undefined && !this.isAgainWanted) this.listsOwed--;
    if (trouble !== undefined && trouble !== this.lastTrouble)
      log.warn({ backend: this.backend.name, reason: trouble }, 'a backend could not be listed for events');
    this.lastTrouble = trouble;
    this.goLater();
  }

  private goLater(): void {
    const { clock, periodMs = AGAIN_MS } = this.parts;
    const { isOpen } = this.stream;
    const hasReason = isOpen ? this.listsOwed > 0 : !this.lacks || this.isSynthesising;
    const delayMs = isOpen ? Math.min(periodMs, AGAIN_MS) : periodMs;
    this.timer?.cancel();
    if (this.isAgainWanted) this.go();
    else if (hasReason) this.timer = clock.after(delayMs, () => this.go());
  }

  /** Resolves to what went wrong. Events of the backend's own wait meanwhile, for they are newer than the lists. */
  private async tellDifference(): Promise<string | undefined> {
    const { clock, census } = this.parts;
    this.stream.hold();
    const begunAtMs = clock.wallMs();
    const lists: { -readonly [L in keyof PodLists]: PodLists[L] } = { sandboxes: [], containers: [] };
    const trouble = await census.lists(this.backend, (name, list) => {
      if (name === 'ListContainers') lists.containers = readContainers(list);
      else lists.sandboxes = readSandboxes(Buffer.from(list));
    });
    if (trouble !== undefined) return trouble;
    if (!this.told.isBased) {
      this.told.rebase(lists);
      return undefined;
    }
    let untold = 0;
    const changes = this.told.difference(lists).values();
    const work = async () => {
      for (const change of changes) if (!(await this.tellChange(change, begunAtMs))) untold++;
    };
    await Promise.all(Array.from({ length: PODS_AT_ONCE }, work));
    return untold === 0 ? undefined : 'the status of a pod that changed could not be had';
  }

  /** False when its state could not be asked for: then the next difference shows the change again. */
  private async tellChange(change: PodChange, begunAtMs: number): Promise<boolean> {
    const statuses = await podStatuses(this.backend, change);
    if (statuses === undefined || this.isStopped) return false;
    this.told.commit(change, statuses.pod);
    learnStatuses(this.parts.ledger, this.backend, momentOf(this.parts.clock), statuses);
    this.parts.record();
    // The state it shows is newer than this time, which must not be after that of an event which is told later.
    const createdAtMs = Math.max(this.lastMs, Math.min(begunAtMs, this.stream.heldFromMs));
    this.lastMs = createdAtMs;
    for (const { id, stage } of change.steps) {
      const { pod: podStatus, containers: containerStatuses } = statuses;
      const event = writeEvent({ id, stage, createdAtMs, podStatus, containerStatuses });
      this.parts.tell(this.backend, event, 'synthesised');
    }
    return true;
  }

  /** An event of the backend's own goes on as it came, unless clients know it already. */
  private pass(event: NativeEvent): void {
    const { clock, ledger, tell, record, onForeignIds } = this.parts;
    const { id, stage, pod, createdAtMs, message } = event;
    if (createdAtMs < this.sinceMs && clock.now() < this.backlogEndsAtMs) {
      // Should the clock have been turned back, a list tells what this was.
      this.backlogTimer ??= clock.after(BACKLOG_MS, () => this.go());
      return;
    }
    if (pod === undefined) {
      // A kubelet drops an event that does not say of which pod it is. A difference shows the same with its pod.
      this.go();
      return;
    }
    const { foreignCount, news } = learnEvent(ledger, this.backend, event, pod);
    if (foreignCount > 0) onForeignIds(this.backend, foreignCount);
    if (foreignCount > 0 || (stage !== undefined && !this.told.take(id, stage, pod))) return;
    const statuses = { pod: pod.status, containers: event.containerStatuses };
    learnStatuses(ledger, this.backend, momentOf(clock), statuses);
    this.news.add(news);
    this.lastMs = Math.max(this.lastMs, createdAtMs + 0.001); // times are written with microseconds
    record();
    tell(this.backend, message, 'native');
  }

  private ended(reason: string, isLacking: boolean): void {
    const { log, onLacking, periodMs } = this.parts;
    const line = { backend: this.backend.name, reason };
    this.lacks = isLacking;
    if (!isLacking) log.info(line, 'the events of a backend broke off');
    else {
      log.info({ ...line, periodMs }, 'a backend has no events of its own: they are made from its lists');
      onLacking(this.backend);
    }
    if (!this.isComparing) this.goLater();
  }

  private snapshotLists(): PodLists | undefined {
    const { snapshot } = this.backend;
    const sandboxes = snapshot.answer('ListPodSandbox', NOTHING);
    const containers = snapshot.answer('ListContainers', NOTHING);
    if (sandboxes === undefined || containers === undefined) return undefined;
    return { sandboxes: readSandboxes(sandboxes), containers: readContainers(containers) };
  }
}
