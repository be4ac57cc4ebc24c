// Checks of the rules of the config: what each says for itself. Which pods they take is in reach-checks.ts.

import { quote } from '../quote.ts';
import { isWeaker } from './config.ts';
import { checkMatchNames } from './name-checks.ts';
import { type ConfigPath, errorAt, type Finding } from './problems.ts';
import { checkReach, type EarlierRule, type Place, placesOf } from './reach-checks.ts';
import type { ConfigFile, RuleEntry } from './schema.ts';
import { exposedHandlers, toMatch } from './snapshot.ts';
import { suggest } from './suggestion.ts';

/** What stands in the place of a rule's name when no rule decided. */
const RESERVED_NAMES = ['annotation', 'handler', 'default', 'sticky', 'checkpoint', 'guard', 'none'];

/** What is wrong with the rules, in the order of the file. */
export function checkRules({ backends, rules }: ConfigFile): Finding[] {
  const places = new Map<string, Place>();
  for (const backend of backends) {
    const handlers = exposedHandlers(backend, backend.default || backends.length === 1);
    places.set(backend.name, { name: backend.name, isolation: backend.isolation, handlers });
  }
  const earlier: EarlierRule[] = [];
  return rules.flatMap((rule, i) => {
    const path = ['rules', i];
    const match = toMatch(rule.match);
    const findings = [
      ...checkName(rules, i),
      ...checkMatchNames([...path, 'match'], rule.match),
      ...checkTarget(rule, path, places),
      ...checkFallback(rule, path, places),
    ];
    // Which pods a rule takes is told only of rules that are sound in themselves.
    if (findings.every((finding) => finding.severity === 'warning')) {
      findings.push(...checkReach({ rule, match, path, places, earlier }));
    }
    earlier.push({ rule, match });
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
  return [errorAt(path, `two rules are named ${quote(name)}`, 'Give each a name of its own')];
}

function checkTarget(rule: RuleEntry, path: ConfigPath, places: ReadonlyMap<string, Place>): Finding[] {
  const name = quote(rule.name);
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
  const message = `rule ${quote(rule.name)} names backend ${backend}, which is not among the backends`;
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
    const message = `rule ${quote(rule.name)} falls back to backend ${rule.fallback}, which it places pods on`;
    return [errorAt(at, message, 'Name another backend, or remove fallback')];
  }
  const stronger = targets.find(
    (target) => fallback !== undefined && isWeaker(fallback.isolation, target.isolation),
  );
  if (stronger === undefined) return [];
  const message = `rule ${quote(rule.name)} falls back from ${stronger.name} (isolation ${stronger.isolation}) to ${rule.fallback} (${fallback?.isolation}), which is weaker`;
  return [
    errorAt(at, message, 'Fall back only to a backend of the same isolation or more, or remove fallback'),
  ];
}
