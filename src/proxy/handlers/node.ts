// Calls about the node as a whole. The kubelet must see one runtime that stays the same, also while a backend is away,
// and Status must be answered quickly whatever the backends do: 30 s without one makes the node NotReady.
import type { Backend } from '../../backends/backend.ts';
import { describeState } from '../../backends/state.ts';
import type { UnaryOutcome } from '../../backends/unary-call.ts';
import { sleep } from '../../clock.ts';
import type { NodeMethod } from '../../cri/methods.ts';
import { encodeVersionResponse } from '../../cri/own-messages.ts';
import { readVarint } from '../../cri/wire.ts';
import { MalformedMessageError, UnimplementedError } from '../../errors.ts';
import { STATUS } from '../../grpc/status.ts';
import { isReadableStatus, mergeStatus, type StatusPart } from '../../merge/status.ts';
import { excerpt } from '../../quote.ts';
import { reachableHandlers } from '../../routing/reach.ts';
import type { Call } from '../call.ts';
import { describeMismatch } from '../cgroup-drivers.ts';
import { collect, replyWith } from '../collect.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { reply, replyEmpty } from '../replies.ts';

/** StatusRequest. */
const VERBOSE = [1];

/** How long an UpdateRuntimeConfig waits for others than the default backend. */
const OTHERS_MS = 2_000;
/** How long a backend's Status is waited for in the background, to be its last word at the next call. */
const LATE_STATUS_MS = 10_000;
/** How long a kubelet goes by the last good Status of a runtime that gives none any more. */
const LAST_WORD_MS = 30_000;

/** Stands for an answer that cannot be read. */
const BROKEN: UnaryOutcome = {
  kind: 'failed',
  error: new MalformedMessageError('it is broken', { from: 'backend' }),
  loss: 'other',
};

/** How long Version and RuntimeConfig wait for a backend that is being connected. */
const FIRST_CONTACT_MS = 5_000;

export function nodeHandler(parts: ProxyParts): Handler<NodeMethod> {
  return (call, method) => {
    switch (method.op) {
      case 'version':
        return version(parts, call);
      case 'status':
        return status(parts, call);
      case 'runtime-config':
        return runtimeConfig(parts, call);
      case 'update-runtime-config':
        return updateRuntimeConfig(parts, call);
      case 'metric-descriptors':
        return metricDescriptors(parts, call);
      default:
        return method.op satisfies never;
    }
  };
}

/** Answered from memory: the name the kubelet puts before container ids must not change with the backends. */
async function version(parts: ProxyParts, call: Call): Promise<void> {
  const { identity, registry } = parts;
  if (identity.version === undefined) {
    // Never met: the first contact is waited for, since the probe of the connection asks for the same.
    const { message: request } = call;
    const timeoutMs = call.remainingMs(FIRST_CONTACT_MS);
    await registry.default.ask({ service: 'RuntimeService', rpc: 'Version', request, timeoutMs });
    if (call.isOver) return;
  }
  if (identity.version === undefined) throw registry.default.absenceError();
  const { runtimeName, runtimeVersion } = identity.version;
  reply(call, [Buffer.from(encodeVersionResponse(runtimeName, runtimeVersion, call.route?.version ?? 'v1'))]);
}

/**
 * Asks every backend within its Status budget. For one that does not answer in time its last word counts: its features
 * for ever, for pods are refused when one goes; its readiness as long as a kubelet would bear a silent runtime itself.
 */
async function status(parts: ProxyParts, call: Call): Promise<void> {
  const isVerbose = (readVarint(call.message, 0, call.message.length, VERBOSE) ?? 0) !== 0;
  const statusParts = await Promise.all(
    parts.registry.all.map((backend) => statusPart(parts, call, backend, isVerbose)),
  );
  if (call.isOver) return;
  call.backendName = 'several';
  reply(call, [mergeStatus(statusParts, reachableHandlers(parts.config))]);
}

async function statusPart(
  { registry, clock, cgroupDrivers }: ProxyParts,
  call: Call,
  backend: Backend,
  isVerbose: boolean,
): Promise<StatusPart> {
  const { snapshot, name } = backend;
  const { statusMs } = backend.config.timeouts;
  // Whether it lives is found out meanwhile, so that the next call need not wait.
  const watch = clock.after(statusMs / 2, () => backend.suspect(statusMs / 2));
  const request = call.message;
  const asked = backend.ask({ service: 'RuntimeService', rpc: 'Status', request, timeoutMs: LATE_STATUS_MS });
  const answered = asked.then((outcome) => {
    watch.cancel();
    if (outcome.kind !== 'answered') return outcome;
    if (!isReadableStatus(name, outcome.message)) return BROKEN;
    // Also one that comes after the client has its answer makes the last word younger.
    if (!isVerbose) snapshot.keep('Status', outcome.message, clock.now());
    return outcome;
  });
  const late = sleep(clock, call.remainingMs(statusMs)).then(() => undefined);
  const outcome = await Promise.race([answered, late]);
  const said = outcome?.kind === 'answered' ? outcome.message : undefined;
  const kept = snapshot.kept('Status');
  const isFresh = said !== undefined || (kept !== undefined && clock.now() - kept.atMs <= LAST_WORD_MS);
  const mismatch = cgroupDrivers.mismatchOf(backend);
  return {
    name,
    isDefault: backend === registry.default,
    reply: said ?? kept?.message,
    isFresh,
    isUp: said !== undefined,
    detail: detailOf(backend, outcome),
    fault: mismatch && {
      reason: 'CgroupDriverMismatch',
      message: `switchyard: backend ${name} takes no new pods: ${describeMismatch(mismatch)}`,
    },
  };
}

function detailOf(backend: Backend, outcome: UnaryOutcome | undefined): string {
  if (backend.isAbsent) return describeState(backend.state);
  if (outcome === undefined) return `gives no status within ${backend.config.timeouts.statusMs} ms`;
  if (outcome.kind === 'failed') return `gives no status: ${outcome.error.message}`;
  if (outcome.kind === 'status') return `gives no status: ${excerpt(outcome.text)}`;
  return describeState(backend.state);
}

/**
 * The default backend's cgroup driver: what it says now, what it last said, or what the config says; the others count
 * only where nothing of that is to be had. A backend with another driver is no reason to fail: the kubelet asks three
 * times and then exits, so one wrongly configured secondary would take the whole node with it. That one gets no new pods
 * instead (proxy/cgroup-drivers.ts).
 */
async function runtimeConfig({ registry, cgroupDrivers }: ProxyParts, call: Call): Promise<void> {
  const { default: first } = registry;
  const others = registry.all.filter((backend) => backend !== first);
  const ask = (backend: Backend) =>
    backend.isAbsent
      ? undefined
      : cgroupDrivers.ask(backend, call.remainingMs(FIRST_CONTACT_MS), call.message);
  const outcome = await ask(first);
  if (cgroupDrivers.driverOf(first) === undefined) await Promise.all(others.map(ask));
  if (call.isOver) return;
  const message = cgroupDrivers.reply();
  call.backendName = 'several';
  if (message !== undefined) reply(call, [message]);
  else if (outcome !== undefined) replyWith(call, first, outcome);
  else if (cgroupDrivers.isUnable(first))
    throw new UnimplementedError('no backend can say which cgroup driver it uses', {
      hint: 'The kubelet takes the one of its own config; or say it here: cgroupDriver of a backend',
    });
  else throw first.absenceError();
}

/**
 * Told to every backend that is there, and again to each that comes back. The default backend's answer is the client's;
 * one that lacks the RPC does not matter as long as another takes it.
 */
function updateRuntimeConfig({ registry, replay, clock, config }: ProxyParts, call: Call): void {
  const { default: first } = registry;
  replay.remember(call.message);
  const others = registry.all.filter((backend) => backend !== first && !backend.isAbsent);
  const telling = Promise.all(others.map((backend) => replay.tell(backend)));
  if (first.isAbsent) throw first.absenceError();
  const limitBytes = config.limits.messageSizeBytes;
  const options = { body: call.body, limitBytes, isRetryable: false, hangClock: clock };
  collect(call, first, options, async (outcome) => {
    // The client need not wait for one that hangs.
    const waited = sleep(clock, OTHERS_MS).then(() => []);
    const taken = await Promise.race<readonly boolean[]>([telling, waited]);
    if (call.isOver) return;
    if (isUnimplemented(outcome) && taken.includes(true)) replyEmpty(call);
    else replyWith(call, first, outcome);
  });
}

/**
 * The kubelet asks once and drops metrics that were not described, so all that can be had goes in: of absent backends
 * their last word. One that lacks the RPC has no metrics either; that all lack it is for the client to know.
 */
async function metricDescriptors({ registry, statistics }: ProxyParts, call: Call): Promise<void> {
  const { metricLabels } = statistics;
  const outcomes = await Promise.all(
    registry.all.map(async (backend) => {
      const outcome = backend.isAbsent ? undefined : await metricLabels.ask(backend, call.message);
      return { backend, outcome };
    }),
  );
  if (call.isOver) return;
  call.backendName = 'several';
  const trouble = outcomes.find(
    ({ backend, outcome }) => !isUnimplemented(outcome) && !metricLabels.isLacking(backend),
  );
  const first = outcomes.find(({ outcome }) => isUnimplemented(outcome));
  if (metricLabels.areAnyKnown || outcomes.some(({ outcome }) => outcome?.kind === 'answered'))
    reply(call, [metricLabels.tell()]);
  else if (trouble?.outcome !== undefined) replyWith(call, trouble.backend, trouble.outcome);
  else if (trouble !== undefined) throw trouble.backend.absenceError();
  else if (first?.outcome !== undefined) replyWith(call, first.backend, first.outcome);
  else throw new UnimplementedError('no backend has metrics of pods');
}

function isUnimplemented(outcome: UnaryOutcome | undefined): boolean {
  return outcome?.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED;
}
