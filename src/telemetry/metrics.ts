// What Switchyard counts. proxy/layers/observe.ts calls callStarted and callFinished around every call; the other
// methods are called where the thing happens. Nothing here knows Prometheus: a scrape reads through exposition.ts.
import { METHODS } from '../cri/methods.ts';
import type { StatusName } from '../errors.ts';
import { type Count, DurationTally, MethodTally, TallyTree } from './tally.ts';

/** One backend as a scrape sees it. */
export interface BackendSample {
  readonly name: string;
  readonly isUp: boolean;
  /** connecting, ready, not-ready, unreachable, hanging or closed. */
  readonly state: string;
  /** Undefined when its image service has no socket of its own. */
  readonly isImageServiceUp: boolean | undefined;
  /** It uses another cgroup driver than the node, so it gets no new pods. */
  readonly hasOddCgroupDriver: boolean;
  /** How long calls to it have been failing at once; 0 while they don't. */
  readonly absentMs: number;
  /** For each list that its snapshot holds, the time since it was last taken in full. */
  readonly snapshotAgesMs: readonly (readonly [method: string, ageMs: number])[];
  /** Pod sandboxes and containers that are known to live there. */
  readonly sandboxes: number;
  readonly containers: number;
  /** Calls that were sent there and are not answered yet. */
  readonly callsInFlight: number;
}

/** Where a scrape reads what is a state and not an event. Called at every scrape, never on a call's way. */
export interface MetricsSources {
  backends(): Iterable<BackendSample>;
  /** Size of the journal's file, and whether entries are being lost. */
  journal(): { readonly sizeBytes: number; readonly isFailing: boolean };
  /** Lines of the log that could not be written. */
  lostLogLines(): number;
  ledgerSize(): { readonly sandboxes: number; readonly containers: number };
}

/** A call that has ended. */
export interface FinishedCall {
  /** As given to callStarted. */
  readonly method: string;
  /** Name of the backend that answered, or that the call was refused for; 'several' for more, 'none' for our own answer. */
  readonly backend: string;
  readonly code: StatusName;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What became of a decision. */
export type DecisionOutcome = 'placed' | 'refused' | 'fallback' | 'sticky';
/** What became of the search for an id that the ledger did not know. */
export type LocateOutcome = 'found' | 'absent' | 'unresolved' | 'ambiguous';

/** What CreateContainer had from another backend's image, and what was done about it. */
export type StrayImage = 'replaced' | 'missing' | 'other-user';

/** What became of a client's connection to the relay of streams. */
export type StreamOutcome = 'upgraded' | 'answered' | 'failed' | 'left' | 'refused';

/** What clients connect to. */
export type Listener = 'cri' | 'admin' | 'streams';
/**
 * Why a connection was closed by us: there was no room for it, it made room for another, or it did not say what it wants.
 */
export type TurnedAway = 'refused' | 'evicted' | 'silent';

/**
 * Methods that have series of their own: those of CRI, and what stands for a path that names none. A client may invent
 * others without end, and what is younger than this build looks no different: those share one.
 */
const OWN_METHODS: ReadonlySet<string> = new Set([...METHODS.map(({ name }) => name), 'unknown']);
const OTHER_METHOD = 'other';

/** What decides on a pod besides the rules of the config. */
const OTHER_DECIDERS = ['annotation', 'handler', 'default', 'sticky', 'checkpoint', 'guard'];

/** All counts of one Switchyard. */
export class Metrics {
  readonly sources: MetricsSources;
  /** By method: calls in flight, and those that ended. */
  readonly calls = new Map<string, MethodTally>();
  /** By backend and code: the parts of calls that ask several backends at once. */
  readonly parts = new TallyTree(() => new DurationTally());
  /** By rule and outcome. */
  readonly decisions = new TallyTree<Count>(() => ({ value: 0 }));
  /** By outcome. */
  readonly locates = new Map<LocateOutcome, Count>();
  /** By outcome. */
  readonly strayImages = new Map<StrayImage, Count>();
  /** By backend: times its state turned, by the state it turned to. */
  readonly backendTurns = new TallyTree<Count>(() => ({ value: 0 }));
  /** By backend and method: lists and statuses that its snapshot answered. */
  readonly snapshotAnswers = new TallyTree<Count>(() => ({ value: 0 }));
  /** By backend and method: lists of stats or metrics that were given without it. */
  readonly partialAnswers = new TallyTree<Count>(() => ({ value: 0 }));
  /** By backend: records that were not shown because another backend owns their ids. */
  readonly foreign = new Map<string, Count>();
  /** By kind, backend and outcome: connections that came for a stream. */
  readonly streamRequests = new TallyTree<Count>(() => ({ value: 0 }));
  /** By kind and backend: streams that the relay carries now. */
  readonly streamsOpen = new TallyTree<Count>(() => ({ value: 0 }));
  /** By backend and kind: events told to the clients of GetContainerEvents. */
  readonly events = new TallyTree<Count>(() => ({ value: 0 }));
  /** By listener: connections that are open. */
  readonly connections = new Map<Listener, Count>();
  /** By listener and reason: connections that we closed for the sake of others. */
  readonly turnedAway = new TallyTree<Count>(() => ({ value: 0 }));
  slowEventClients = 0;
  unknownRpcs = 0;

  constructor(sources: MetricsSources) {
    this.sources = sources;
  }

  /** A call was taken. `method` is the RPC's name, without its service. */
  callStarted(method: string): void {
    this.#tallyOf(method).inFlight++;
  }

  /** The call was answered, failed or was left by its client. Exactly once for each callStarted. */
  callFinished(call: FinishedCall): void {
    const method = this.#tallyOf(call.method);
    method.inFlight--;
    const tally = method.at(call.backend, call.code);
    tally.add(call.durationMs);
    tally.requestBytes += call.requestBytes;
    tally.responseBytes += call.responseBytes;
  }

  /** One of several backends answered its part of a call (a merged list, a search for an id), or failed to. */
  partFinished(backend: string, code: StatusName, durationMs: number): void {
    this.parts.at(backend, code).add(durationMs);
  }

  /** Shows these rules, and what else decides, with zero decisions: so the first refusal is seen as an increase. */
  expectRules(rules: readonly string[]): void {
    for (const rule of [...rules, ...OTHER_DECIDERS]) {
      this.decisions.at(rule, 'placed');
      this.decisions.at(rule, 'refused');
    }
  }

  /** A pod was placed or refused. `rule` is the name of a rule, or one of OTHER_DECIDERS. */
  decision(rule: string, outcome: DecisionOutcome): void {
    this.decisions.at(rule, outcome).value++;
  }

  /** Backends were asked for an id that the ledger did not know. */
  locate(outcome: LocateOutcome): void {
    const count = this.locates.get(outcome);
    if (count === undefined) this.locates.set(outcome, { value: 1 });
    else count.value++;
  }

  /** A container was to be made with the id or the user of another backend's image. */
  strayImage(outcome: StrayImage): void {
    const count = this.strayImages.get(outcome);
    if (count === undefined) this.strayImages.set(outcome, { value: 1 });
    else count.value++;
  }

  /** A backend came up or went away. */
  backendTurned(backend: string, to: 'up' | 'down'): void {
    this.backendTurns.at(backend, to).value++;
  }

  /** A list or status was answered from the snapshot of a backend that gave no answer of its own in time. */
  snapshotAnswered(backend: string, method: string): void {
    this.snapshotAnswers.at(backend, method).value++;
  }

  /** A list of stats or metrics was given without a backend that gave no answer. */
  leftOut(backend: string, method: string): void {
    this.partialAnswers.at(backend, method).value++;
  }

  /** Records of a backend were not shown, because another one owns their ids. */
  foreignIds(backend: string, count: number): void {
    const total = this.foreign.get(backend);
    if (total === undefined) this.foreign.set(backend, { value: count });
    else total.value += count;
  }

  /** A client connected to the relay; `kind` and `backend` are 'none' where its request names no stream. */
  streamRequested(kind: string, backend: string, outcome: StreamOutcome): void {
    this.streamRequests.at(kind, backend, outcome).value++;
  }

  /** The relay began to carry a stream. */
  streamOpened(kind: string, backend: string): void {
    this.streamsOpen.at(kind, backend).value++;
  }

  /** That stream is over. Exactly once for each streamOpened. */
  streamClosed(kind: string, backend: string): void {
    this.streamsOpen.at(kind, backend).value--;
  }

  /** An event was told to all clients that listen: a backend's own, or one made from its lists. */
  eventTold(backend: string, kind: 'native' | 'synthesised'): void {
    this.events.at(backend, kind).value++;
  }

  /** A client read its events so slowly that its stream was ended. */
  slowEventClient(): void {
    this.slowEventClients++;
  }

  /** A client connected. */
  connectionOpened(listener: Listener): void {
    const count = this.connections.get(listener);
    if (count === undefined) this.connections.set(listener, { value: 1 });
    else count.value++;
  }

  /** Its connection is gone. Exactly once for each connectionOpened. */
  connectionClosed(listener: Listener): void {
    const count = this.connections.get(listener);
    if (count !== undefined) count.value--;
  }

  /** A connection was closed for the sake of others. */
  connectionTurnedAway(listener: Listener, reason: TurnedAway): void {
    this.turnedAway.at(listener, reason).value++;
  }

  /** A call came for an RPC that has no row in the method table. Its name is for the log, not for a label. */
  unknownRpc(): void {
    this.unknownRpcs++;
  }

  #tallyOf(method: string): MethodTally {
    const found = this.calls.get(method);
    if (found !== undefined) return found;
    const name = OWN_METHODS.has(method) ? method : OTHER_METHOD;
    const tally = this.calls.get(name) ?? new MethodTally();
    this.calls.set(name, tally);
    return tally;
  }
}
