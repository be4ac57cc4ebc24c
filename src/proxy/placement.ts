// Where a pod goes: the pure decision of routing/, held against what is known of the pod and of the backends now.
import type { Backend } from '../backends/backend.ts';
import { isWeaker } from '../config/config.ts';
import { NoRouteError } from '../errors.ts';
import type { PodAttributes } from '../routing/attributes.ts';
import { decide } from '../routing/decide.ts';
import type { DecisionOutcome } from '../telemetry/metrics.ts';
import type { ProxyParts } from './parts.ts';

export interface Placement {
  readonly backend: Backend;
  /** The runtime handler to send to it. */
  readonly handler: string;
  /** Name of the rule that decided, or `sticky`, `annotation`, `handler`, `default`. */
  readonly rule: string;
  readonly outcome: DecisionOutcome;
}

/**
 * The backend for a new pod sandbox. A pod that already has one stays where it is: its annotations may have changed
 * since, and sandboxes on two backends make the kubelet recreate the pod for ever.
 * Throws NoRouteError when it is refused, BackendUnavailableError when its backend is absent.
 */
export function place(parts: ProxyParts, pod: PodAttributes): Placement {
  const { config, registry, ledger, placements } = parts;
  const decision = decide(config, pod);
  const home = placements.backendOf(pod.uid) ?? ledger.backendsOfPod(pod.uid).at(-1);
  const isHome = decision.kind === 'placed' && home?.name === decision.backend;
  if (home !== undefined && !isHome)
    return present({ ...stay(parts, pod, home), rule: 'sticky', outcome: 'sticky' });
  if (decision.kind === 'refused') {
    throw new NoRouteError(`pod ${pod.namespace}/${pod.name} is refused: ${decision.reason}`, {
      hint: decision.hint,
    });
  }
  const backend = registry.get(decision.backend);
  if (home === undefined && backend.isAbsent && decision.fallback !== undefined) {
    const fallback = registry.get(decision.fallback.backend);
    return present({
      backend: fallback,
      handler: decision.fallback.handler,
      rule: decision.rule,
      outcome: 'fallback',
    });
  }
  return present({ backend, handler: decision.handler, rule: decision.rule, outcome: 'placed' });
}

/** The pod's own backend takes it again, unless that would weaken the isolation its handler stands for. */
function stay(parts: ProxyParts, pod: PodAttributes, home: Backend): { backend: Backend; handler: string } {
  const handler = home.config.handlers.get(pod.handler) ?? (pod.handler === '' ? '' : undefined);
  const exposing = parts.config.backends.find((backend) => backend.handlers.has(pod.handler));
  const weakens = exposing !== undefined && isWeaker(home.config.isolation, exposing.isolation);
  if (handler !== undefined && !weakens) return { backend: home, handler };
  const why = weakens
    ? `which is less isolated than ${exposing?.name}, the backend of its runtime handler`
    : 'which does not expose its runtime handler';
  throw new NoRouteError(
    `pod ${pod.namespace}/${pod.name} asks for runtime handler "${pod.handler}" but already has a sandbox on backend ${home.name}, ${why}`,
    { hint: 'Delete the pod, so that its sandbox goes, and create it again' },
  );
}

function present(placement: Placement): Placement {
  if (placement.backend.isAbsent) throw placement.backend.absenceError();
  return placement;
}
