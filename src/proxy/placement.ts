// Where a pod goes: the pure decision of routing/, held against what is known of the pod and of the backends now.
import type { Backend } from '../backends/backend.ts';
import { isWeaker } from '../config/config.ts';
import { NoRouteError, type SwitchyardError, UnresolvedIdError } from '../errors.ts';
import { excerpt, quote } from '../quote.ts';
import type { PodAttributes } from '../routing/attributes.ts';
import { type Decision, decide } from '../routing/decide.ts';
import { permit } from '../routing/permit.ts';
import { routerOf } from '../routing/router.ts';
import type { DecisionOutcome } from '../telemetry/metrics.ts';
import type { ProxyParts } from './parts.ts';

/** Where a pod goes. */
export interface Placement {
  readonly kind: 'placed';
  readonly backend: Backend;
  /** The runtime handler to send to it. */
  readonly handler: string;
  /** Name of the rule that decided, or `sticky`, `checkpoint`, `annotation`, `handler`, `default`. */
  readonly rule: string;
  readonly outcome: Exclude<DecisionOutcome, 'refused'>;
}

/** Why a pod goes nowhere. */
export interface Refusal {
  readonly kind: 'refused';
  /** As of Placement: who refused it. */
  readonly rule: string;
  readonly error: SwitchyardError;
}

/**
 * The backend for a new pod sandbox; it may be absent, or take no new pods. A pod that already has one stays where it is: its annotations
 * may have changed since, and sandboxes on two backends make the kubelet recreate the pod for ever. One that is restored
 * from a checkpoint goes to the backend that wrote it, if that is known: no other one can read it.
 */
export function choose(
  parts: ProxyParts,
  pod: PodAttributes,
  checkpoint: string | undefined,
): Placement | Refusal {
  const { config, registry, ledger, placements, cgroupDrivers, checkpoints } = parts;
  const decision = decide(config, pod);
  const writer = checkpoint === undefined ? undefined : checkpoints.writerOf(checkpoint);
  if (checkpoint !== undefined && writer !== undefined)
    return restore(parts, pod, decision, { path: checkpoint, writer });
  const home = placements.backendOf(pod.uid) ?? homeOf(ledger.backendsOfPod(pod.uid), decision);
  if (home !== undefined && !(decision.kind === 'placed' && home.name === decision.backend)) {
    return stay(parts, pod, home);
  }
  const { rule } = decision;
  if (decision.kind === 'refused') return refusal(pod, rule, decision.reason, decision.hint);
  const backend = registry.get(decision.backend);
  const { fallback, handler } = decision;
  const cannotTake = backend.isAbsent || cgroupDrivers.mismatchOf(backend) !== undefined;
  if (home === undefined && cannotTake && fallback !== undefined) {
    const second = registry.get(fallback.backend);
    const choice = { backend: second, handler: fallback.handler, rule, outcome: 'fallback' } as const;
    return inDoubt(parts, pod, choice) ?? { kind: 'placed', ...choice };
  }
  const choice = { backend, handler, rule, outcome: 'placed' } as const;
  const doubt = home === undefined ? inDoubt(parts, pod, choice) : undefined;
  return doubt ?? { kind: 'placed', ...choice };
}

/** A pod of which nothing is known is made only where it may not have a sandbox elsewhere that the journal has lost. */
function inDoubt(
  { placements }: ProxyParts,
  { namespace, name, uid }: PodAttributes,
  { backend, rule }: Omit<Placement, 'kind'>,
): Refusal | undefined {
  const other = uid === '' ? undefined : placements.doubtBeside(backend);
  if (other === undefined) return undefined;
  const error = new UnresolvedIdError(
    `cannot tell whether pod ${excerpt(namespace)}/${excerpt(name)} has a sandbox on backend ${other.name} already: entries of the journal are lost, and the backend has not been listed since`,
    { hint: 'Try again when the backend is back' },
  );
  return { kind: 'refused', rule, error };
}

function refusal(pod: PodAttributes, rule: string, reason: string, hint: string): Refusal {
  const message = `pod ${excerpt(pod.namespace)}/${excerpt(pod.name)} is refused: ${reason}`;
  return { kind: 'refused', rule, error: new NoRouteError(message, { hint }) };
}

/**
 * The backend that wrote the pod's checkpoint, unless the rules refuse the pod, or that would weaken the isolation that
 * its handler or the rules give it, or it has a sandbox elsewhere.
 */
function restore(
  parts: ProxyParts,
  pod: PodAttributes,
  decision: Decision,
  { path, writer }: { readonly path: string; readonly writer: Backend },
): Placement | Refusal {
  const { config, ledger, placements } = parts;
  const rule = 'checkpoint';
  const refuse = (reason: string, hint: string) => refusal(pod, rule, reason, hint);
  if (decision.kind === 'refused') return refusal(pod, decision.rule, decision.reason, decision.hint);
  const pinned = placements.backendOf(pod.uid);
  const homes = pinned === undefined ? ledger.backendsOfPod(pod.uid) : [pinned];
  const wrote = `its checkpoint ${quote(path)} was written by backend ${writer.name}`;
  const [home] = homes;
  if (home !== undefined && !homes.includes(writer)) {
    const hint = 'Delete the pod, so that its sandbox goes, and restore it again';
    return refuse(`${wrote}, but it has a sandbox on backend ${home.name}`, hint);
  }
  const answer = permit(routerOf(config), pod, writer.config, { stage: 'checkpoint', path });
  if (answer.kind === 'denied') return refuse(answer.reason, answer.hint);
  const named = config.backends.find(({ name }) => name === decision.backend);
  if (named !== undefined && isWeaker(writer.config.isolation, named.isolation)) {
    const isByRule = config.rules.some(({ name }) => name === decision.rule);
    const belongs = isByRule ? `rule ${quote(decision.rule)} places it on` : 'it belongs on';
    return refuse(
      `${wrote} (isolation ${writer.config.isolation}), but ${belongs} backend ${named.name} (isolation ${named.isolation})`,
      `Restore it from a checkpoint that backend ${named.name} wrote`,
    );
  }
  const choice = { backend: writer, handler: answer.handler, rule, outcome: 'placed' } as const;
  const doubt = home === undefined ? inDoubt(parts, pod, choice) : undefined;
  return doubt ?? { kind: 'placed', ...choice };
}

/** Of several, the one that the rules name: a backend that lists another's pod as its own does not get it so. Else the newest. */
function homeOf(backends: readonly Backend[], decision: Decision): Backend | undefined {
  const named = decision.kind === 'placed' ? decision.backend : undefined;
  return backends.find(({ name }) => name === named) ?? backends.at(-1);
}

/** The pod's own backend takes it again, unless that would weaken the isolation its handler stands for. */
function stay(parts: ProxyParts, pod: PodAttributes, home: Backend): Placement | Refusal {
  const rule = 'sticky';
  const handler = home.config.handlers.get(pod.handler) ?? (pod.handler === '' ? '' : undefined);
  const exposing = parts.config.backends.find((backend) => backend.handlers.has(pod.handler));
  const weakens = exposing !== undefined && isWeaker(home.config.isolation, exposing.isolation);
  if (handler !== undefined && !weakens)
    return { kind: 'placed', backend: home, handler, rule, outcome: 'sticky' };
  const why = weakens
    ? `which is less isolated than ${exposing.name}, the backend of its runtime handler`
    : 'which does not expose its runtime handler';
  const error = new NoRouteError(
    `pod ${excerpt(pod.namespace)}/${excerpt(pod.name)} asks for runtime handler ${quote(pod.handler)} but already has a sandbox on backend ${home.name}, ${why}`,
    { hint: 'Delete the pod, so that its sandbox goes, and create it again' },
  );
  return { kind: 'refused', rule, error };
}
