// One call of a model test: made, timed, and judged by what holds for calls of every kind.
import { status } from '@grpc/grpc-js';
import { codecOf, type PodSandboxConfig, type Request, type Response, type Rpc } from './cri-codec.ts';
import { aPodSandboxConfig } from './cri-configs.ts';
import { Violation } from './kubelet-model.ts';
import type { ModelWorld } from './kubelet-model-world.ts';

/** What the client was told. */
export interface Outcome<R extends Rpc> {
  /** Undefined unless the status was OK. */
  readonly response: Response<R> | undefined;
  readonly code: number;
  readonly details: string;
  /** True when it was no answer: what became of the call is unknown, or it was not made at all. */
  readonly isUnanswered: boolean;
  /** True when the proxy refused it at once, so that no backend has seen it. */
  readonly isUntouched: boolean;
}

/** By the machine's clock, as the two below. The short one is for when something hangs. */
const DEADLINES_MS = { usual: 9_000, short: 1_000 };
/** What an answer may take that has nothing to wait for, on a machine with much else to do. */
const LONGEST_ANSWER_MS = 4_000;

const UNANSWERED: readonly number[] = [
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.RESOURCE_EXHAUSTED,
];
const BUGS: readonly number[] = [status.INTERNAL, status.UNIMPLEMENTED, status.DATA_LOSS];
/** A budget was over: on a busy machine that happens to a backend which is well. */
const OUT_OF_TIME = /hanging|did not answer/;
/** So does a call when the machine has no time for the test: a part of a budget. */
const LONG_STANDSTILL_MS = 30;
const REFUSED_AT_ONCE = /is (unreachable|not-ready|hanging|closed) since/;

/** A call that is ready to be made. Resolves to a line that tells what it was and how it ended. */
export interface PlannedCall {
  /** The pod it is about; undefined when that is none alone. */
  readonly pod: string | undefined;
  /** Whether it changes something of it. */
  readonly isChange: boolean;
  /** `isAlone`: no other call of the same moment changes the same pod. */
  make(isAlone: boolean): Promise<string>;
}

/** Counts of a run. */
export interface Tally {
  calls: number;
  /** Calls that had to be answered. */
  due: number;
  /** Those of them that were not, for want of time. */
  late: number;
}

/**
 * Makes a call. With `isDue` the proxy has all it needs to answer it: then it must, unless time ran out, which is
 * counted. A list can be asked for by the streaming RPC that gives the same records.
 * Throws Violation for what no call may end with.
 */
export async function makeCall<R extends Rpc>(
  world: ModelWorld,
  tally: Tally,
  rpc: R,
  request: Request<R>,
  isDue: boolean,
  streamedBy: Rpc = rpc,
): Promise<Outcome<R>> {
  const codec = codecOf(rpc);
  const { client, backends, tempo } = world;
  const deadlineMs = backends.some(({ mayHang }) => mayHang) ? DEADLINES_MS.short : DEADLINES_MS.usual;
  const startedAtMs = performance.now();
  const reply = await client.rawCall(client.pathOf(streamedBy), codec.encode(request), {
    deadlineMs: deadlineMs * tempo,
  });
  const elapsedMs = performance.now() - startedAtMs;
  const { code, details } = reply;
  const what = `${streamedBy} ends ${status[code]} after ${Math.round(elapsedMs)} ms: ${details}`;
  tally.calls++;
  if (BUGS.includes(code)) throw new Violation(what);
  if (code === status.DEADLINE_EXCEEDED && elapsedMs < 0.8 * deadlineMs) {
    throw new Violation(`${what}; the client's own deadline had not passed`);
  }
  const isUnanswered = UNANSWERED.includes(code);
  if (isDue) {
    tally.due++;
    const isExcused =
      OUT_OF_TIME.test(details) || world.lateLoop.longestSince(startedAtMs) > LONG_STANDSTILL_MS;
    if (isUnanswered && !isExcused) throw new Violation(`${what}; nothing was in its way`);
    if (isUnanswered) tally.late++;
    if (elapsedMs > LONGEST_ANSWER_MS) throw new Violation(`${what}; nothing was in its way for so long`);
  }
  const isUntouched = code === status.UNAVAILABLE && REFUSED_AT_ONCE.test(details);
  const response = code === status.OK ? codec.decode(Buffer.concat(reply.messages)) : undefined;
  return { response, code, details, isUnanswered, isUntouched };
}

/** The outcome in a few words. */
export function textOf({ code, details }: Outcome<Rpc>): string {
  return code === status.OK ? 'OK' : `${status[code]}: ${details}`;
}

/** The same pod always has the same config, as it has with a kubelet. */
export function configOf(uid: string, attempt: number): PodSandboxConfig {
  return aPodSandboxConfig({ uid, name: uid, attempt, annotations: { 'test.example/pod': uid } });
}
