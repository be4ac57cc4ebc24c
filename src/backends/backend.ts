// A container runtime behind us: who it is, what it last said, and the ways to it.
import type { Clock } from '../clock.ts';
import type { BackendConfig } from '../config/config.ts';
import type { ServiceName } from '../cri/methods.ts';
import { readVersionResponse } from '../cri/own-messages.ts';
import type { ApiVersion } from '../cri/versions.ts';
import type { BackendUnavailableError } from '../errors.ts';
import type { BackendCall, BackendRequest, OwnCall } from './backend-call.ts';
import { Endpoint } from './endpoint.ts';
import type { BackendVersion } from './probe.ts';
import { BackendSnapshot } from './snapshot.ts';
import type { BackendState } from './state.ts';
import type { StatusBudget } from './status-memory.ts';
import type { UnaryOutcome } from './unary-call.ts';

export interface BackendOptions {
  readonly config: BackendConfig;
  readonly clock: Clock;
  /** Path of Switchyard's own socket. */
  readonly ownSocket: string;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  /** Calls it may hold at once; more are refused, so that one that hangs cannot take the calls of all others. */
  readonly callsInFlight: number;
  /** What the statuses of all backends may take in snapshots; default: of this one alone. */
  readonly statusBudget?: StatusBudget;
  readonly events: BackendEvents;
}

/** What a backend tells those that watch it. */
export interface BackendEvents {
  /** Every change of state. */
  onState(backend: Backend, state: BackendState): void;
  /** Every change of state of an image service that has a socket of its own. */
  onImageState(backend: Backend, state: BackendState): void;
  /** A bug: what receives an answer has thrown. */
  onError(backend: Backend, error: unknown): void;
}

/** State, version and absence are those of its runtime service; its images may be another endpoint's. */
export class Backend {
  readonly name: string;
  readonly messageName: string; // for errors
  readonly config: BackendConfig;
  /** What it last said, to answer for it while it can't. */
  readonly snapshot: BackendSnapshot;
  /** The way to its image service: mostly the way to all of it. */
  readonly images: Endpoint;
  private readonly runtime: Endpoint;

  constructor({ config, events, statusBudget, ...options }: BackendOptions) {
    this.config = config;
    this.snapshot = new BackendSnapshot(statusBudget);
    this.name = config.name;
    this.messageName = `a message of backend ${this.name}`;
    const shared = {
      ...options,
      backendName: this.name,
      ...config.timeouts,
      heldCalls: () => this.callsInFlight,
      onError: (error: unknown) => events.onError(this, error),
    };
    this.runtime = new Endpoint({
      ...shared,
      subject: `backend ${this.name}`,
      socket: config.socket,
      service: 'RuntimeService',
      onState: (state) => events.onState(this, state),
    });
    const { imageSocket } = config;
    this.images =
      imageSocket === undefined
        ? this.runtime
        : new Endpoint({
            ...shared,
            subject: `the image service of backend ${this.name}`,
            socket: imageSocket,
            service: 'ImageService',
            onState: (state) => events.onImageState(this, state),
          });
  }

  /** Where calls of a service go. */
  endpointOf(service: ServiceName): Endpoint {
    return service === 'ImageService' ? this.images : this.runtime;
  }

  /** Whether its image service has a socket of its own. */
  get hasOwnImages(): boolean {
    return this.images !== this.runtime;
  }

  get state(): BackendState {
    return this.runtime.state;
  }

  /** What it said of itself when it was last connected; undefined before the first time. */
  get version(): BackendVersion | undefined {
    return this.runtime.version;
  }

  /** What the runtime that has its images is called, also over a restart; '' where nobody says. */
  get imageRuntimeName(): string {
    // An image service has no Version: what it makes of a request is not known.
    if (this.hasOwnImages) return '';
    if (this.version !== undefined) return this.version.runtimeName;
    const kept = this.snapshot.kept('Version');
    return kept === undefined ? '' : readVersionResponse(kept.message).runtimeName;
  }

  /** The CRI version it speaks; v1 until it was first connected. */
  get apiVersion(): ApiVersion {
    return this.runtime.apiVersion;
  }

  /** True when calls fail at once. A backend that is still connecting is not absent: calls wait for it. */
  get isAbsent(): boolean {
    return this.runtime.isAbsent;
  }

  /**
   * Whether its part of a list of pods is never missing: it has answered one, in this run or in one that the journal
   * has on record. A matter of the snapshot alone, so it does not change when the backend goes.
   */
  get isListed(): boolean {
    return this.snapshot.has('ListPodSandbox') && this.snapshot.has('ListContainers');
  }

  /** How long calls have been failing at once; 0 while they do not. */
  get absentMs(): number {
    return this.runtime.absentMs;
  }

  /** Calls sent and not answered yet, and calls that wait to be sent. */
  get callsInFlight(): number {
    const { runtime, images } = this;
    return images === runtime ? runtime.callsInFlight : runtime.callsInFlight + images.callsInFlight;
  }

  /** Those of them that wait. */
  get callsWaiting(): number {
    const { runtime, images } = this;
    return images === runtime ? runtime.callsWaiting : runtime.callsWaiting + images.callsWaiting;
  }

  /** Calls it allows at once. */
  get maxCalls(): number {
    return this.runtime.maxCalls;
  }

  start(): void {
    this.runtime.start();
    if (this.hasOwnImages) this.images.start();
  }

  stop(): void {
    this.runtime.stop();
    if (this.hasOwnImages) this.images.stop();
  }

  /** The error for a call that needs this backend while it is absent. */
  absenceError(): BackendUnavailableError {
    return this.runtime.absenceError();
  }

  /** Hands a call over: it is sent, waits, or is refused (endpoint.ts). */
  call(call: BackendCall, request: BackendRequest): void {
    this.endpointOf(request.service).call(call, request);
  }

  /** A unary call of Switchyard's own. Never rejects: trouble is an outcome. */
  ask(own: OwnCall): Promise<UnaryOutcome> {
    return this.endpointOf(own.service).ask(own);
  }

  /** A call waits suspiciously long: whether the backend answers anything else is found out within `timeoutMs`. */
  suspect(timeoutMs: number): void {
    this.runtime.suspect(timeoutMs);
  }
}
