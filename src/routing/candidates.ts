// Where the rules may have placed a pod of which only annotations, and perhaps the runtime handler, are known: all that
// an image look-up tells of its pod. A rule that asks for anything else may match or not, so both ways are followed.
import type { Config } from '../config/config.ts';
import { matchesPattern, type Pattern } from '../config/pattern.ts';
import { NO_POD, type PodAttributes } from './attributes.ts';
import { type Router, routerOf } from './router.ts';
import type { CompiledRule } from './rule.ts';

/**
 * The names of the backends that decide() could give for a pod with these annotations; the fallbacks of rules are among
 * them. `handler` is '' when it is not known. Exactly one: whatever else the pod is, it belongs there.
 */
export function candidatesOf(
  config: Config,
  annotations: ReadonlyMap<string, string>,
  handler: string,
): ReadonlySet<string> {
  const router = routerOf(config);
  const pod = { ...NO_POD, annotations, handler };
  const found = new Set<string>();
  if (addAnnotated(config, router, pod, found) || addByRules(router, pod, found)) return found;
  if (handler === '') {
    // Not known, so any; a pod that asks for none goes to the default.
    found.add(router.default.name);
    for (const backend of router.exposing.values()) found.add(backend.name);
  } else {
    const exposing = router.exposing.get(handler);
    if (exposing !== undefined) found.add(exposing.name);
  }
  return found;
}

/** True when the annotation decides for certain. */
function addAnnotated(
  { annotation }: Config,
  router: Router,
  pod: PodAttributes,
  found: Set<string>,
): boolean {
  const value = annotation === undefined ? '' : (pod.annotations.get(annotation.key) ?? '');
  if (annotation === undefined || value === '' || annotation.namespaces.length === 0) return false;
  const backend = router.backends.get(value);
  if (backend !== undefined) found.add(backend.name);
  return annotation.namespaces.some(fitsEverything);
}

/** True when a rule matches for certain. */
function addByRules(router: Router, pod: PodAttributes, found: Set<string>): boolean {
  for (const rule of router.rules) {
    const verdict = verdictOf(rule, pod);
    if (verdict === 'differs') continue;
    const { target, fallback } = rule.config;
    // A split goes by the pod's UID, which is not known.
    const shares = target.kind === 'split' ? target.shares.filter(({ weight }) => weight > 0) : [target];
    for (const { backend } of shares) found.add(backend);
    if (fallback !== undefined) found.add(fallback);
    if (verdict === 'matches') return true;
  }
  return false;
}

function verdictOf(rule: CompiledRule, pod: PodAttributes): 'matches' | 'differs' | 'may match' {
  let isSure = true;
  for (const { key, read, holds } of rule.conditions) {
    const isKnown = key.startsWith('annotations.') || (key === 'handler' && pod.handler !== '');
    if (!isKnown) isSure = false;
    else if (!holds(read(pod))) return 'differs';
  }
  return isSure ? 'matches' : 'may match';
}

/** Whatever the namespace of a pod is, it fits. */
function fitsEverything(pattern: Pattern): boolean {
  return pattern.kind !== 'exact' && matchesPattern(pattern, '') && matchesPattern(pattern, 'any');
}
