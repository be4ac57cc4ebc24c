// Where a pod goes: the pure decision of routing/, held against what is known of the pod and of the backends now.
import type { Backend } from '../backends/backend.ts';
import { isWeaker } from '../config/config.ts';
import { NoRouteError, type SwitchyardError, UnresolvedIdError } from '../errors.ts';
import { excerpt, quote } from '../quote.ts';
import type { PodAttributes } from '../routing/attributes.ts';
import { type Decision, decide } from '../routing/decide.ts';
import type { DecisionOutcome } from '../telemetry/metrics.ts';
import type { ProxyParts } from './parts.ts';

/** Where a pod goes. */
export interface Placement {
  readonly kind: 'placed';
  readonly backend: Backend;
  /** The runtime handler to send to it. */
  readonly handler: string;
  /** Name of the rule that decided, or `sticky`, `annotation`, `handler`, `default`. */
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
 * may have changed since, and sandboxes on two backends make the kubelet recreate the pod for ever.
 */
export function choose(parts: ProxyParts, pod: PodAttributes): Placement | Refusal {
  const { config, registry, ledger, placements, cgroupDrivers } = parts;
  const decision = decide(config, pod);
  const home = placements.backendOf(pod.uid) ?? homeOf(ledger.backendsOfPod(pod.uid), decision);
  if (home !== undefined && !(decision.kind === 'placed' && home.name === decision.backend)) {
    return stay(parts, pod, home);
  }
  const { rule } = decision;
  if (decision.kind === 'refused') {
    const message = `pod ${excerpt(pod.namespace)}/${excerpt(pod.name)} is refused: ${decision.reason}`;
    return { kind: 'refused', rule, error: new NoRouteError(message, { hint: decision.hint }) };
  }
  const backend = registry.get(decision.backend);
  const { fallback, handler } = decision;
  const cannotTake = backend.isAbsent || cgroupDrivers.mismatchOf(backend) !== undefined;
  if (home === undefined && cannotTake && fallback !== undefined) {
    const second = registry.get(fallback.backend);
    const choice = { backend: second, handler: fallback.handler, rule, outcome: 'fallback' } as const;
    return inDoubt(parts, pod, choice) ?? { kind: 'placed', ...choice };
  }
  const choice = { backend, handler, rule, outcome: 'placed' } as const;
  const refusal = home === undefined ? inDoubt(parts, pod, choice) : undefined;
  return refusal ?? { kind: 'placed', ...choice };
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
