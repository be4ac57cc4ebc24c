// Calls about the node as a whole. The kubelet must see one runtime that stays the same, also while a backend is away,
// and Status must be answered quickly whatever the backends do: 30 s without one makes the node NotReady.
import type { Backend } from '../../backends/backend.ts';
import { describeState } from '../../backends/state.ts';
import type { NodeMethod } from '../../cri/methods.ts';
import { encodeVersionResponse } from '../../cri/own-messages.ts';
import { readBytes, readVarint } from '../../cri/wire.ts';
import { STATUS } from '../../grpc/status.ts';
import { agreedRuntimeConfig, type SaidCgroupDriver } from '../../merge/runtime-config.ts';
import { mergeStatus } from '../../merge/status.ts';
import { mayReach } from '../../routing/reach.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { type BackendOutcome, fanOut } from '../fan-out.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { reply } from '../replies.ts';

// RuntimeConfigResponse: linux 1 > cgroup_driver 1.
const LINUX = [1];
const CGROUP_DRIVER = [1, 1];
const CGROUPFS = 1;
/** StatusRequest. */
const VERBOSE = [1];

/** How long a version call waits for the default backend when it was never met. */
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
  const known = identity.version ?? registry.default.version;
  if (known === undefined) throw registry.default.absenceError();
  const version = call.route?.version ?? 'v1';
  reply(call, [Buffer.from(encodeVersionResponse(known.runtimeName, known.runtimeVersion, version))]);
}

/** Asks every backend within its Status budget; for one that does not answer, its last word and its absence count. */
async function status(parts: ProxyParts, call: Call): Promise<void> {
  const { registry, config, clock } = parts;
  const { message: request } = call;
  const isVerbose = (readVarint(request, 0, request.length, VERBOSE) ?? 0) !== 0;
  const statusParts = await Promise.all(
    registry.all.map(async (backend) => {
      const { statusMs } = backend.config.timeouts;
      const timeoutMs = call.remainingMs(statusMs);
      // Whether it lives is found out meanwhile, so that the next call need not wait.
      const watch = clock.after(statusMs / 2, () => backend.suspect(statusMs / 2));
      const outcome = await backend.ask({ service: 'RuntimeService', rpc: 'Status', request, timeoutMs });
      watch.cancel();
      const isUp = outcome.kind === 'answered';
      if (isUp && !isVerbose) backend.snapshot.keep('Status', outcome.message, clock.now());
      return {
        name: backend.name,
        isDefault: backend === registry.default,
        isUp,
        detail: detailOf(backend, outcome),
        reply: isUp ? outcome.message : backend.snapshot.kept('Status')?.message,
        handlers: backend.config.handlers,
      };
    }),
  );
  if (call.isOver) return;
  call.backendName = 'several';
  reply(call, [mergeStatus(statusParts, (handler, name) => mayReach(config, handler, name))]);
}

function detailOf(backend: Backend, outcome: BackendOutcome['outcome']): string {
  if (outcome.kind === 'failed') return `gives no status: ${outcome.error.message}`;
  if (outcome.kind === 'status') return `gives no status: ${outcome.text}`;
  return describeState(backend.state);
}

/**
 * The backends' cgroup drivers must agree; those that cannot say (containerd 1.x) are left out. For one that is absent
 * its last word counts, so that a kubelet can start without it.
 */
function runtimeConfig(parts: ProxyParts, call: Call): void {
  const { registry, clock } = parts;
  const present = registry.all.filter((backend) => !backend.isAbsent);
  fanOut(parts, call, present, { isRetryable: true }, (outcomes) => {
    const said: SaidCgroupDriver[] = [];
    for (const backend of registry.all) {
      const outcome = outcomes.find((result) => result.backend === backend)?.outcome;
      if (outcome?.kind === 'answered') backend.snapshot.keep('RuntimeConfig', outcome.message, clock.now());
      if (outcome?.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED) continue;
      const kept = backend.snapshot.kept('RuntimeConfig');
      if (kept !== undefined) said.push(...driverOf(backend, kept.message));
      else if (outcome !== undefined && outcome.kind !== 'answered') {
        replyWith(call, backend, outcome);
        return;
      }
    }
    const agreed = agreedRuntimeConfig(said);
    const [first] = outcomes;
    call.backendName = 'several';
    if (agreed !== undefined) reply(call, [agreed]);
    else if (first === undefined) throw registry.default.absenceError();
    else replyWith(call, first.backend, first.outcome);
  });
}

function driverOf(backend: Backend, reply: Buffer): SaidCgroupDriver[] {
  // An empty `linux` says systemd, the 0 of its enum; without it the backend says nothing.
  if (readBytes(reply, 0, reply.length, LINUX) === undefined) return [];
  const driver = readVarint(reply, 0, reply.length, CGROUP_DRIVER) === CGROUPFS ? 'cgroupfs' : 'systemd';
  return [{ backend: backend.name, driver, reply }];
}

/** Told to every backend, and again to one that comes back. The default backend's answer is the client's. */
function updateRuntimeConfig(parts: ProxyParts, call: Call): void {
  const { registry, replay, log } = parts;
  replay.remember(call.message);
  const present = registry.all.filter((backend) => !backend.isAbsent);
  if (!present.includes(registry.default)) throw registry.default.absenceError();
  fanOut(parts, call, present, { isRetryable: false }, (outcomes) => {
    for (const { backend, outcome } of outcomes) {
      if (outcome.kind === 'answered' || backend === registry.default) continue;
      const reason = outcome.kind === 'status' ? outcome.text : outcome.error.message;
      log.warn({ backend: backend.name, reason }, 'UpdateRuntimeConfig was refused');
    }
    const own = outcomes.find(({ backend }) => backend === registry.default);
    if (own !== undefined) replyWith(call, own.backend, own.outcome);
    call.backendName = 'several';
  });
}

/** The kubelet asks once and drops metrics that were not described, so all that can be had go in. */
function metricDescriptors(parts: ProxyParts, call: Call): void {
  const { registry, metricLabels } = parts;
  const present = registry.all.filter((backend) => !backend.isAbsent);
  if (present.length === 0) throw registry.default.absenceError();
  fanOut(parts, call, present, { isRetryable: true }, (outcomes) => {
    for (const { backend, outcome } of outcomes) {
      if (outcome.kind === 'answered') metricLabels.learn(backend, outcome.message);
    }
    const [first] = outcomes;
    call.backendName = 'several';
    if (outcomes.some(({ outcome }) => outcome.kind === 'answered'))
      reply(call, [metricLabels.descriptors()]);
    else if (first !== undefined) replyWith(call, first.backend, first.outcome);
  });
}
