// Which cgroup driver each backend uses, and which of them may take new pods. The kubelet asks once, at its start, and
// then writes every pod's cgroup parent in the form of that one driver: a runtime with another could not run them, or
// would put them outside their limits. So the default backend's driver is the node's, and a backend with another one
// gets no new pods; those it has are served.
import type { Backend } from '../backends/backend.ts';
import { type BackendState, isAbsentState } from '../backends/state.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import { type Clock, sleep } from '../clock.ts';
import type { CgroupDriver } from '../config/config.ts';
import { DisagreementError } from '../errors.ts';
import { STATUS } from '../grpc/status.ts';
import { encodeRuntimeConfig, findLeader, saidDriver } from '../merge/runtime-config.ts';
import type { Logger } from '../telemetry/log.ts';

/** How long a backend has to say it, and a new pod waits for that. */
const ASK_TIMEOUT_MS = 2_000;
const SAYS_NOTHING = Buffer.alloc(0);

/** A backend that uses another driver than the node. */
export interface Mismatch {
  readonly driver: CgroupDriver;
  readonly agreed: CgroupDriver;
  /** Name of the backend whose driver is the node's. */
  readonly leader: string;
}

interface Pending {
  readonly sinceMs: number;
  readonly done: Promise<void>;
  readonly end: () => void;
}

export interface CgroupDriversOptions {
  /** The default backend first. */
  readonly backends: readonly Backend[];
  /** What an earlier run gave to `keep`. */
  readonly kept: Buffer | undefined;
  readonly keep: (leader: Buffer) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class CgroupDrivers {
  private readonly options: CgroupDriversOptions;
  private leader: { readonly backend: string; readonly driver: CgroupDriver } | undefined;
  private leaderBefore: string | undefined;
  /** Whether the node's driver is more than a word of the config that nobody has acted on. */
  private isDriverInUse = false;
  /** What each backend said last. */
  private readonly heard = new Map<Backend, CgroupDriver | undefined>();
  private readonly mismatches = new Map<Backend, Mismatch>();
  /** Backends that are being connected or asked, with what ends the wait for them. */
  private readonly pending = new Map<Backend, Pending>();

  constructor(options: CgroupDriversOptions) {
    this.options = options;
    this.leaderBefore = options.kept?.toString();
    for (const backend of options.backends) {
      this.expect(backend);
      // The run before this one has logged that it says nothing.
      if (this.isUnable(backend) && this.driverOf(backend) === undefined) this.heard.set(backend, undefined);
    }
    this.judge();
  }

  /** A backend's state has turned: one that is ready is asked, for it may have been configured anew. */
  onState(backend: Backend, state: BackendState): void {
    if (state.kind === 'ready') void this.ask(backend, ASK_TIMEOUT_MS);
    else if (isAbsentState(state)) this.release(backend);
    else this.expect(backend);
  }

  /** Asks it now and learns from the outcome. Never rejects; without an answer what is known of it stays. */
  async ask(backend: Backend, timeoutMs: number, request: Buffer = SAYS_NOTHING): Promise<UnaryOutcome> {
    const outcome = await backend.ask({
      service: 'RuntimeService',
      rpc: 'RuntimeConfig',
      request,
      timeoutMs,
    });
    this.learn(backend, outcome);
    if (backend.state.kind !== 'connecting') this.release(backend);
    return outcome;
  }

  /** What the backend uses: what it last said, else what the config says. */
  driverOf({ snapshot, config }: Backend): CgroupDriver | undefined {
    const kept = snapshot.kept('RuntimeConfig');
    return (kept && driverIn(kept.message)) ?? config.cgroupDriver;
  }

  /** The node's RuntimeConfigResponse, in the words of the backend that leads; undefined when nobody can say. */
  reply(): Buffer | undefined {
    const { leader } = this;
    if (leader === undefined) return undefined;
    this.isDriverInUse = true; // the kubelet's from now on
    const said = this.options.backends.find(({ name }) => name === leader.backend)?.snapshot;
    const kept = said?.kept('RuntimeConfig')?.message;
    return kept !== undefined && driverIn(kept) !== undefined ? kept : encodeRuntimeConfig(leader.driver);
  }

  /** Whether it has told that it cannot say: a runtime from before Kubernetes 1.28. */
  isUnable({ snapshot }: Backend): boolean {
    const kept = snapshot.kept('RuntimeConfig');
    return kept !== undefined && driverIn(kept.message) === undefined;
  }

  /** Why the backend takes no new pods; undefined when its driver is the node's, or not known. */
  mismatchOf(backend: Backend): Mismatch | undefined {
    return this.mismatches.get(backend);
  }

  /** The answer to a pod that is placed on such a backend. */
  refusal(backend: Backend, mismatch: Mismatch): DisagreementError {
    return new DisagreementError(`backend ${backend.name} takes no new pods: ${describeMismatch(mismatch)}`, {
      hint: HINT,
      backends: [backend.name],
    });
  }

  /** True when settle() has nothing to wait for. */
  get isSettled(): boolean {
    return this.pending.size === 0;
  }

  /** Resolves when every backend that is being connected has said its driver or is absent, or has had two seconds for it. */
  async settle(): Promise<void> {
    const { clock } = this.options;
    const waits = [...this.pending.values()].map(({ sinceMs, done }) => {
      const leftMs = sinceMs + ASK_TIMEOUT_MS - clock.now();
      return leftMs > 0 ? Promise.race([done, sleep(clock, leftMs)]) : undefined;
    });
    await Promise.all(waits);
  }

  private expect(backend: Backend): void {
    const { backends, clock } = this.options;
    if (this.pending.has(backend) || backends.length === 1) return;
    let end = () => {};
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.pending.set(backend, { sinceMs: clock.now(), done, end });
  }

  private release(backend: Backend): void {
    this.pending.get(backend)?.end();
    this.pending.delete(backend);
  }

  private learn(backend: Backend, outcome: UnaryOutcome): void {
    const { clock } = this.options;
    const { snapshot } = backend;
    if (outcome.kind === 'answered') snapshot.keep('RuntimeConfig', outcome.message, clock.now());
    else if (outcome.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED)
      snapshot.keep('RuntimeConfig', SAYS_NOTHING, clock.now());
    else return;
    this.reportOddWord(backend);
    this.judge();
  }

  /** What is odd in what a backend says: once, until it says something else. */
  private reportOddWord(backend: Backend): void {
    const { log, backends } = this.options;
    const { config, name } = backend;
    const driver = this.driverOf(backend);
    const isFirst = !this.heard.has(backend) || this.heard.get(backend) !== driver;
    this.heard.set(backend, driver);
    if (!isFirst) return;
    if (config.cgroupDriver !== undefined && driver !== config.cgroupDriver) {
      log.error(
        { backend: name, says: driver, configured: config.cgroupDriver, hint: 'Its own word counts' },
        'a backend does not use the cgroup driver that the config says',
      );
    }
    if (driver === undefined && backends.length > 1) {
      const hint = `If it uses another, set cgroupDriver of backend ${name} in the config`;
      log.warn(
        { backend: name, hint },
        "a backend cannot say which cgroup driver it uses: it is assumed to use the node's",
      );
    }
  }

  /** Who leads, and who differs. */
  private judge(): void {
    const { backends, keep, log } = this.options;
    const known = backends.map((one) => ({ backend: one.name, driver: this.driverOf(one) }));
    const before = this.leader;
    const leader = findLeader(known, this.leaderBefore);
    this.leader = leader;
    if (leader === undefined) return;
    if (leader.backend !== this.leaderBefore) keep(Buffer.from(leader.backend));
    this.leaderBefore = leader.backend;
    const wasInUse = this.isDriverInUse;
    this.isDriverInUse ||= this.hasSaid(leader.backend);
    if (wasInUse && before !== undefined && before.driver !== leader.driver) {
      const change = { backend: leader.backend, from: before.driver, to: leader.driver };
      log.error({ ...change, hint: 'Restart the kubelet' }, "the node's cgroup driver has changed");
    }
    for (const backend of backends) this.compare(backend, leader);
  }

  /** Whether the backend has said its driver, in this run or an earlier one. */
  private hasSaid(name: string): boolean {
    const kept = this.options.backends.find((one) => one.name === name)?.snapshot.kept('RuntimeConfig');
    return kept !== undefined && driverIn(kept.message) !== undefined;
  }

  private compare(
    backend: Backend,
    leader: { readonly backend: string; readonly driver: CgroupDriver },
  ): void {
    const { log } = this.options;
    const driver = this.driverOf(backend);
    const known = this.mismatches.get(backend);
    if (driver === undefined || driver === leader.driver) {
      if (this.mismatches.delete(backend))
        log.info({ backend: backend.name }, "a backend uses the node's cgroup driver again");
      return;
    }
    const mismatch = { driver, agreed: leader.driver, leader: leader.backend };
    this.mismatches.set(backend, mismatch);
    if (known?.driver === driver && known.leader === mismatch.leader) return;
    log.error(
      { backend: backend.name, hint: HINT, ...mismatch },
      `a backend takes no new pods: ${describeMismatch(mismatch)}`,
    );
  }
}

const HINT =
  'Configure the same cgroup driver in both runtimes and in the kubelet, and restart what was changed';

/** Undefined for bytes that are no RuntimeConfig: they say nothing. */
function driverIn(reply: Buffer): CgroupDriver | undefined {
  try {
    return saidDriver(reply);
  } catch {
    return undefined;
  }
}

/** The mismatch as a clause about the backend, for people. */
export function describeMismatch({ driver, agreed, leader }: Mismatch): string {
  return `it uses the cgroup driver ${driver}, and the node that of backend ${leader}, ${agreed}`;
}
