// A container runtime behind us: who it is, what it last said, and the way to it.
import type { Clock } from '../clock.ts';
import type { BackendConfig } from '../config/config.ts';
import type { ApiVersion } from '../cri/versions.ts';
import type { BackendUnavailableError } from '../errors.ts';
import type { BackendCall, BackendRequest, OwnCall } from './backend-call.ts';
import { Endpoint } from './endpoint.ts';
import type { BackendVersion } from './probe.ts';
import { BackendSnapshot } from './snapshot.ts';
import type { BackendState } from './state.ts';
import type { UnaryOutcome } from './unary-call.ts';

export interface BackendOptions {
  readonly config: BackendConfig;
  readonly clock: Clock;
  /** Longest message taken from the backend. */
  readonly messageSizeBytes: number;
  /** Calls it may hold at once; more are refused, so that one that hangs cannot take the calls of all others. */
  readonly callsInFlight: number;
  readonly events: BackendEvents;
}

/** What a backend tells those that watch it. */
export interface BackendEvents {
  /** Every change of state. */
  onState(backend: Backend, state: BackendState): void;
  /** A bug: what receives an answer has thrown. */
  onError(backend: Backend, error: unknown): void;
}

export class Backend {
  readonly name: string;
  readonly messageName: string; // for errors
  readonly config: BackendConfig;
  /** What it last said, to answer for it while it can't. */
  readonly snapshot = new BackendSnapshot();
  private readonly endpoint: Endpoint;

  constructor({ config, events, ...options }: BackendOptions) {
    this.config = config;
    this.name = config.name;
    this.messageName = `a message of backend ${this.name}`;
    this.endpoint = new Endpoint({
      ...options,
      backendName: this.name,
      socket: config.socket,
      statusMs: config.timeouts.statusMs,
      onState: (state) => events.onState(this, state),
      onError: (error) => events.onError(this, error),
    });
  }

  get state(): BackendState {
    return this.endpoint.state;
  }

  /** What it said of itself when it was last connected; undefined before the first time. */
  get version(): BackendVersion | undefined {
    return this.endpoint.version;
  }

  /** The CRI version it speaks; v1 until it was first connected. */
  get apiVersion(): ApiVersion {
    return this.endpoint.apiVersion;
  }

  /** True when calls fail at once. A backend that is still connecting is not absent: calls wait for it. */
  get isAbsent(): boolean {
    return this.endpoint.isAbsent;
  }

  /** How long calls have been failing at once; 0 while they do not. */
  get absentMs(): number {
    return this.endpoint.absentMs;
  }

  /** Calls sent and not answered yet, and calls that wait to be sent. */
  get callsInFlight(): number {
    return this.endpoint.callsInFlight;
  }

  /** Those of them that wait. */
  get callsWaiting(): number {
    return this.endpoint.callsWaiting;
  }

  /** Calls it allows at once. */
  get maxCalls(): number {
    return this.endpoint.maxCalls;
  }

  start(): void {
    this.endpoint.start();
  }

  stop(): void {
    this.endpoint.stop();
  }

  /** The error for a call that needs this backend while it is absent. */
  absenceError(): BackendUnavailableError {
    return this.endpoint.absenceError();
  }

  /** Hands a call over: it is sent, waits, or is refused (endpoint.ts). */
  call(call: BackendCall, request: BackendRequest): void {
    this.endpoint.call(call, request);
  }

  /** A unary call of Switchyard's own. Never rejects: trouble is an outcome. */
  ask(own: OwnCall): Promise<UnaryOutcome> {
    return this.endpoint.ask(own);
  }

  /** A call waits suspiciously long: whether the backend answers anything else is found out within `timeoutMs`. */
  suspect(timeoutMs: number): void {
    this.endpoint.suspect(timeoutMs);
  }
}
