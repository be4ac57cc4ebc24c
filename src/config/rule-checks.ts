// Checks of the rules of the config: what each says, and that no pod can be refused or weakened by what is plain to
// see before any pod comes. What only the pod itself shows is left to routing/permit.ts.
import { type BackendConfig, isWeaker, type MatchConfig, targetsOf } from './config.ts';
import { matchesHandler, type Pattern } from './pattern.ts';
import { type ConfigPath, errorAt, type Finding, warningAt } from './problems.ts';
import type { ConfigFile, RuleEntry } from './schema.ts';
import { checkNamespace } from './setting-checks.ts';
import { exposedHandlers, targetOf, toMatch } from './snapshot.ts';
import { suggest } from './suggestion.ts';

/** What stands in the place of a rule's name when no rule decided. */
const RESERVED_NAMES = ['annotation', 'handler', 'default', 'sticky', 'none'];

/** What the checks need of a backend. */
type Place = Pick<BackendConfig, 'name' | 'isolation' | 'handlers'>;

/** What is wrong with the rules, in the order of the file. */
export function checkRules({ backends, rules }: ConfigFile): Finding[] {
  const places = new Map<string, Place>();
  for (const backend of backends) {
    const handlers = exposedHandlers(backend, backend.default || backends.length === 1);
    places.set(backend.name, { name: backend.name, isolation: backend.isolation, handlers });
  }
  const earlier: MatchConfig[] = [];
  return rules.flatMap((rule, i) => {
    const path = ['rules', i];
    const match = toMatch(rule.match);
    const findings = [
      ...checkName(rules, i),
      ...(rule.match.namespaces ?? []).flatMap((namespace, j) =>
        checkNamespace([...path, 'match', 'namespaces', j], namespace),
      ),
      ...checkTarget(rule, path, places),
      ...checkFallback(rule, path, places),
    ];
    // Who takes what is told only of rules that are sound in themselves.
    if (findings.every((finding) => finding.severity === 'warning')) {
      if (isUnreachable(match, earlier)) {
        const message = `rule ${JSON.stringify(rule.name)} never gets a pod: an earlier rule takes all that it matches`;
        findings.push(warningAt(path, message, 'Move it up, or remove it'));
      } else {
        findings.push(...checkIsolation(rule, match, path, places, earlier));
        findings.push(...checkExposure(rule, match, path, places));
      }
    }
    earlier.push(match);
    return findings;
  });
}

function checkName(rules: readonly RuleEntry[], index: number): Finding[] {
  const name = rules[index]?.name ?? '';
  const path = ['rules', index, 'name'];
  if (RESERVED_NAMES.includes(name)) {
    const message = `${name} cannot be the name of a rule: it stands for a decision without one`;
    return [errorAt(path, message, 'Choose another name')];
  }
  if (rules.findIndex((other) => other.name === name) === index) return [];
  return [errorAt(path, `two rules are named ${JSON.stringify(name)}`, 'Give each a name of its own')];
}

function checkTarget(rule: RuleEntry, path: ConfigPath, places: ReadonlyMap<string, Place>): Finding[] {
  const name = JSON.stringify(rule.name);
  const { backend, split } = rule;
  if (backend === undefined && split === undefined) {
    return [errorAt(path, `rule ${name} does not say where to place pods`, 'Add backend: or split:')];
  }
  if (backend !== undefined && split !== undefined) {
    return [errorAt([...path, 'split'], `rule ${name} has backend and split`, 'Keep one of the two')];
  }
  if (backend !== undefined) return checkBackendName(backend, rule, [...path, 'backend'], places);
  const shares = split ?? [];
  const findings = shares.flatMap((share, i) => {
    const at = [...path, 'split', i, 'backend'];
    if (shares.findIndex((other) => other.backend === share.backend) < i) {
      return [
        errorAt(at, `the split of rule ${name} names backend ${share.backend} twice`, 'Add up the weights'),
      ];
    }
    return checkBackendName(share.backend, rule, at, places);
  });
  if (shares.some((share) => share.weight > 0)) return findings;
  const message = `the split of rule ${name} has no weight over 0`;
  return [...findings, errorAt([...path, 'split'], message, 'Give one backend a weight of 1')];
}

function checkBackendName(
  backend: string,
  rule: RuleEntry,
  path: ConfigPath,
  places: ReadonlyMap<string, Place>,
): Finding[] {
  if (places.has(backend)) return [];
  const message = `rule ${JSON.stringify(rule.name)} names backend ${backend}, which is not among the backends`;
  return [errorAt(path, message, suggest(backend, [...places.keys()], 'The backends are'))];
}

function checkFallback(rule: RuleEntry, path: ConfigPath, places: ReadonlyMap<string, Place>): Finding[] {
  if (rule.fallback === undefined) return [];
  const at = [...path, 'fallback'];
  const unknown = checkBackendName(rule.fallback, rule, at, places);
  if (unknown.length > 0) return unknown;
  const fallback = places.get(rule.fallback);
  const targets = placesOf(rule, places);
  if (targets.some((target) => target.name === rule.fallback)) {
    const message = `rule ${JSON.stringify(rule.name)} falls back to backend ${rule.fallback}, which it places pods on`;
    return [errorAt(at, message, 'Name another backend, or remove fallback')];
  }
  const stronger = targets.find(
    (target) => fallback !== undefined && isWeaker(fallback.isolation, target.isolation),
  );
  if (stronger === undefined) return [];
  const message = `rule ${JSON.stringify(rule.name)} falls back from ${stronger.name} (isolation ${stronger.isolation}) to ${rule.fallback} (${fallback?.isolation}), which is weaker`;
  return [
    errorAt(at, message, 'Fall back only to a backend of the same isolation or more, or remove fallback'),
  ];
}

function placesOf(rule: RuleEntry, places: ReadonlyMap<string, Place>): Place[] {
  const target = targetOf(rule);
  return target === undefined ? [] : targetsOf(target).flatMap((name) => places.get(name) ?? []);
}

/** Whether the match has no key but `handler`. */
function isOnlyOfHandlers(match: MatchConfig): boolean {
  const { handler: _, labels, annotations, ...others } = match;
  return labels.size + annotations.size === 0 && Object.values(others).every((value) => value === undefined);
}

/** Whether the match holds for every pod that asks for `handler`. */
function takesAllOf(match: MatchConfig, handler: string): boolean {
  return isOnlyOfHandlers(match) && (match.handler === undefined || matchesHandler(match.handler, handler));
}

function isUnreachable(match: MatchConfig, earlier: readonly MatchConfig[]): boolean {
  const text = JSON.stringify(toPlain(match));
  return earlier.some((other) => {
    if (JSON.stringify(toPlain(other)) === text) return true;
    if (!isOnlyOfHandlers(other)) return false;
    if (other.handler === undefined || isStar(other.handler)) return true;
    return match.handler?.kind === 'exact' && matchesHandler(other.handler, match.handler.text);
  });
}

function isStar(pattern: Pattern): boolean {
  return pattern.kind === 'glob' && pattern.text === '*';
}

function toPlain({ labels, annotations, ...others }: MatchConfig): object {
  return { ...others, labels: [...labels].sort(), annotations: [...annotations].sort() };
}

/**
 * A rule must not take a pod away from the isolation its handler stands for. Where the match names such a handler, or
 * holds for all pods there are, the rule can only refuse them: an error. Where it speaks of other things, only some
 * pods will be refused, and perhaps none ever comes: a warning.
 */
function checkIsolation(
  rule: RuleEntry,
  match: MatchConfig,
  path: ConfigPath,
  places: ReadonlyMap<string, Place>,
  earlier: readonly MatchConfig[],
): Finding[] {
  const targets = placesOf(rule, places);
  for (const own of places.values()) {
    const weaker = targets.find((target) => isWeaker(target.isolation, own.isolation));
    if (weaker === undefined) continue;
    const handlers = [...own.handlers.keys()].filter(
      (handler) =>
        handler !== '' &&
        (match.handler === undefined || matchesHandler(match.handler, handler)) &&
        !earlier.some((other) => takesAllOf(other, handler)),
    );
    if (handlers.length === 0) continue;
    const isNamed = match.handler !== undefined;
    const asked = handlers.map((handler) => JSON.stringify(handler)).join(', ');
    const message = `rule ${JSON.stringify(rule.name)} ${isNamed ? 'would place' : 'also matches'} pods that ask for ${asked} (backend ${own.name}, isolation ${own.isolation}) ${isNamed ? 'on' : 'and would place them on'} ${weaker.name} (isolation ${weaker.isolation}): they are refused`;
    const hint =
      'To leave them where they belong, let the rule match only pods without a handler: handler: ""';
    const isError = isNamed || isOnlyOfHandlers(match);
    const at = [...path, 'match', ...(isNamed ? ['handler'] : [])];
    return [isError ? errorAt(at, message, hint) : warningAt(at, message, hint)];
  }
  return [];
}

/** A backend that does not know the handler a rule sends there would refuse each pod. */
function checkExposure(
  rule: RuleEntry,
  match: MatchConfig,
  path: ConfigPath,
  places: ReadonlyMap<string, Place>,
): Finding[] {
  if (rule.handler !== undefined) return [];
  const targets = placesOf(rule, places);
  const fallback = places.get(rule.fallback ?? '');
  const name = JSON.stringify(rule.name);
  if (match.handler?.kind === 'exact' && match.handler.text !== '') {
    const handler = match.handler.text;
    const lacking = [...targets, ...(fallback === undefined ? [] : [fallback])].find(
      (target) => !target.handlers.has(handler),
    );
    if (lacking === undefined) return [];
    const message = `rule ${name} places pods that ask for ${JSON.stringify(handler)} on backend ${lacking.name}, which does not expose it`;
    const hint = `Add it to the handlers of ${lacking.name}, or add handler: with the name to send instead`;
    return [errorAt([...path, 'match', 'handler'], message, hint)];
  }
  // A pod without a handler gets the backend's own default, which need not be what its isolation speaks of.
  const vague = targets.find(
    (target) =>
      isWeaker('shared', target.isolation) &&
      target.handlers.size > 0 &&
      ![...target.handlers.values()].includes(''),
  );
  if (vague === undefined || (match.handler !== undefined && !matchesHandler(match.handler, ''))) return [];
  const sent = [...vague.handlers.values()][0];
  const message = `rule ${name} sends pods without a runtime handler to the default of backend ${vague.name}, which may not be its ${vague.isolation} one`;
  return [warningAt(path, message, `Say which to send: handler: ${sent}`)];
}
