// Full lists that Switchyard asks for itself: of every backend when it becomes ready, and of one whose answer to
// RunPodSandbox or CreateContainer was lost. So ids are known before the first call that names them.
import type { Backend } from '../backends/backend.ts';
import type { SnapshotList } from '../backends/snapshot-change.ts';
import { type Clock, sleep, type Timer } from '../clock.ts';
import { type ListMethod, methodNamed } from '../cri/methods.ts';
import { MalformedMessageError } from '../errors.ts';
import { releaseMemory } from '../grpc/message-memory.ts';
import { withoutRecords } from '../merge/lists.ts';
import { learnList } from './learn.ts';
import type { Ledger } from './ledger.ts';

/** A census is not on a call's way, so it may take its time. */
const CENSUS_TIMEOUT_MS = 30_000;
/** How long a call may wait for the census of a backend; one that hangs must not hold up the pods of others. */
const SETTLE_MS = 2_000;
/** Until a backend is listed again whose lists fail, the first time and at most. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** What a census lists. */
const PODS_AND_CONTAINERS = ['ListPodSandbox', 'ListContainers'] as const;

/** Reads a list of Switchyard's own while it is there. */
export type ListReader = (name: SnapshotList, list: Buffer) => void;

export interface CensusOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /**
   * Told of a list that failed. The census is taken again when the backend is next ready or asked for, and by itself
   * while the backend was never listed: until then no client can have a list of pods.
   */
  onFailure(backend: Backend, reason: string): void;
  /** Told of ids that another backend owns already. */
  onForeignIds(backend: Backend, count: number): void;
}

/** Why a backend could not be counted, and when it is tried again. */
interface Failed {
  readonly reason: string;
  readonly waitMs: number;
  readonly timer: Timer | undefined;
}

/** A backend that is not counted yet, and those who wait for it. */
interface Pending {
  readonly sinceMs: number;
  readonly done: Promise<void>;
  readonly resolve: () => void;
}

export class Census {
  private readonly options: CensusOptions;
  private readonly pending = new Map<Backend, Pending>();
  private readonly counted = new Set<Backend>();
  private readonly failed = new Map<Backend, Failed>();
  /** Backends whose images are being listed, and whether once more is wanted. */
  private readonly imageCounts = new Map<Backend, boolean>();
  private readonly afterCount = new Map<Backend, (() => void)[]>();

  constructor(options: CensusOptions) {
    this.options = options;
  }

  /** True once a backend was listed in full since Switchyard started. */
  isCounted(backend: Backend): boolean {
    return this.counted.has(backend);
  }

  /** A backend is being connected and will be counted: settle() waits for it. */
  expect(backend: Backend): void {
    if (this.counted.has(backend) || this.pending.has(backend)) return;
    let resolve = () => {};
    const done = new Promise<void>((settle) => {
      resolve = settle;
    });
    this.pending.set(backend, { sinceMs: this.options.clock.now(), done, resolve });
  }

  /** Why the last census of a backend failed; undefined when it worked, or the backend has gone since. */
  troubleOf(backend: Backend): string | undefined {
    return this.failed.get(backend)?.reason;
  }

  /** The backend is absent: nobody needs to wait for it. */
  dismiss(backend: Backend): void {
    this.forgetFailure(backend);
    this.settled(backend);
  }

  private settled(backend: Backend): void {
    this.pending.get(backend)?.resolve();
    this.pending.delete(backend);
  }

  /** Lists the backend in full now; resolves to whether it worked. */
  async take(backend: Backend): Promise<boolean> {
    this.expect(backend);
    return this.countNow(backend);
  }

  private async countNow(backend: Backend): Promise<boolean> {
    const waiting = this.afterCount.get(backend) ?? [];
    this.afterCount.delete(backend);
    const troubles = await this.count(backend);
    const isComplete = troubles.length === 0;
    void this.recountImages(backend);
    if (isComplete) {
      this.counted.add(backend);
      this.forgetFailure(backend);
      for (const run of waiting) run();
    } else {
      this.afterCount.set(backend, [...waiting, ...(this.afterCount.get(backend) ?? [])]);
      this.noteFailure(backend, troubles);
    }
    this.settled(backend);
    return isComplete;
  }

  /**
   * Lists the images of a backend anew: a pull or removal has made what it said of them old, and a kubelet asks only
   * every 30 s. Asked for again meanwhile, it lists once more.
   */
  async recountImages(backend: Backend): Promise<void> {
    const isRunning = this.imageCounts.has(backend);
    this.imageCounts.set(backend, true);
    if (isRunning) return;
    while (this.imageCounts.get(backend) === true && !backend.images.isAbsent) {
      this.imageCounts.set(backend, false);
      const trouble = await this.learn(backend, 'ListImages');
      if (trouble !== undefined) this.options.onFailure(backend, trouble);
    }
    this.imageCounts.delete(backend);
  }

  /** Calls `run` once a census that begins after now has worked, however long that takes. */
  whenCounted(backend: Backend, run: () => void): void {
    this.afterCount.set(backend, [...(this.afterCount.get(backend) ?? []), run]);
  }

  /** Resolves when every backend that was to be counted is counted or absent, or has had two seconds for it. */
  async settle(): Promise<void> {
    const { clock } = this.options;
    const waits = [...this.pending.values()].map(({ sinceMs, done }) => {
      const leftMs = sinceMs + SETTLE_MS - clock.now();
      return leftMs > 0 ? Promise.race([done, sleep(clock, leftMs)]) : undefined;
    });
    await Promise.all(waits);
  }

  /** True when settle() has nothing to wait for. */
  get isSettled(): boolean {
    return this.pending.size === 0;
  }

  /**
   * Lists pods and containers of a backend in full, both at once, for one who compares them with what was there before.
   * `read` gets each without what another backend owns, and may not keep it. Resolves to why one failed, or undefined.
   */
  async lists(backend: Backend, read: ListReader): Promise<string | undefined> {
    const troubles = await Promise.all(PODS_AND_CONTAINERS.map((name) => this.learn(backend, name, read)));
    return troubles.find((trouble) => trouble !== undefined);
  }

  /** Resolves to what went wrong. */
  private async count(backend: Backend): Promise<string[]> {
    const troubles = await Promise.all(PODS_AND_CONTAINERS.map((name) => this.learn(backend, name)));
    return troubles.filter((trouble) => trouble !== undefined);
  }

  /** Tells what is new about it. */
  private noteFailure(backend: Backend, troubles: readonly string[]): void {
    const before = this.failed.get(backend);
    const reason = [...new Set(troubles)].join('; ');
    if (reason !== before?.reason) for (const trouble of troubles) this.options.onFailure(backend, trouble);
    this.forgetFailure(backend);
    if (backend.isAbsent) return;
    const waitMs = Math.min(before === undefined ? FIRST_WAIT_MS : 2 * before.waitMs, LONGEST_WAIT_MS);
    // Nobody waits for this one: it has failed before.
    const again = () => void (backend.isAbsent || backend.isListed || this.countNow(backend));
    const timer = backend.isListed ? undefined : this.options.clock.after(waitMs, again);
    this.failed.set(backend, { reason, waitMs, timer });
  }

  private forgetFailure(backend: Backend): void {
    this.failed.get(backend)?.timer?.cancel();
    this.failed.delete(backend);
  }

  /** Makes ledger and snapshot new from one list; resolves to why it could not. */
  private async learn(backend: Backend, name: SnapshotList, read?: ListReader): Promise<string | undefined> {
    const { ledger, onForeignIds } = this.options;
    const method = methodNamed(name) as ListMethod;
    const list = ledger.beginList();
    const start = backend.snapshot.begin(this.options.clock.now());
    const outcome = await backend.ask({
      service: method.service,
      rpc: name,
      request: new Uint8Array(0),
      timeoutMs: CENSUS_TIMEOUT_MS,
    });
    if (outcome.kind !== 'answered') return outcome.kind === 'status' ? outcome.text : outcome.error.message;
    try {
      const foreign = learnList(ledger, method, backend, outcome.message, list);
      if (foreign.length > 0) onForeignIds(backend, foreign.length);
      const own =
        foreign.length === 0 ? outcome.message : Buffer.concat(withoutRecords(outcome.message, foreign));
      backend.snapshot.refresh(name, own, start);
      read?.(name, own);
    } catch (error) {
      if (error instanceof MalformedMessageError) return error.message;
      throw error;
    } finally {
      releaseMemory(outcome.message);
    }
    return undefined;
  }
}
