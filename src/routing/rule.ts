// One rule as decide.ts asks it: its match keys as a list of conditions, made once per config.
import type { MatchConfig, RuleConfig } from '../config/config.ts';
import { describePattern, matchesHandler, matchesPattern, type Pattern } from '../config/pattern.ts';
import type { PodAttributes } from './attributes.ts';

/** The first condition of a rule that does not hold for a pod. */
export interface Mismatch {
  /** The match key, e.g. `namespaces` or `labels.app`. */
  readonly key: string;
  /** As a person would write it. */
  readonly wanted: string;
  /** What the pod has; undefined when it has nothing there. */
  readonly found: string | boolean | undefined;
}

/** One thing that must hold. */
interface Condition {
  readonly key: string;
  readonly wanted: string;
  read(pod: PodAttributes): string | boolean | undefined;
  holds(found: string | boolean | undefined): boolean;
}

/** A rule that pods can be held against. */
export interface CompiledRule {
  readonly config: RuleConfig;
  readonly conditions: readonly Condition[];
}

/** Makes the conditions, in an order of its own: what differs most between pods first. */
export function compileRule(config: RuleConfig): CompiledRule {
  const { match } = config;
  const conditions: Condition[] = [];
  if (match.handler !== undefined) {
    const pattern = match.handler;
    conditions.push({
      key: 'handler',
      wanted: describePattern(pattern),
      read: (pod) => pod.handler,
      holds: (found) => matchesHandler(pattern, String(found)),
    });
  }
  if (match.namespaces !== undefined)
    conditions.push(textCondition('namespaces', match.namespaces, (pod) => pod.namespace));
  if (match.names !== undefined) conditions.push(textCondition('names', match.names, (pod) => pod.name));
  for (const [key, pattern] of match.labels)
    conditions.push(textCondition(`labels.${key}`, [pattern], (pod) => pod.labels.get(key)));
  for (const [key, pattern] of match.annotations)
    conditions.push(textCondition(`annotations.${key}`, [pattern], (pod) => pod.annotations.get(key)));
  for (const key of FLAGS) {
    const wanted = match[key];
    if (wanted !== undefined) conditions.push(flagCondition(key, wanted));
  }
  return { config, conditions };
}

/** The first condition that does not hold, or undefined: the rule matches. */
export function findMismatch(rule: CompiledRule, pod: PodAttributes): Mismatch | undefined {
  for (const condition of rule.conditions) {
    const found = condition.read(pod);
    if (!condition.holds(found)) return { key: condition.key, wanted: condition.wanted, found };
  }
  return undefined;
}

type FlagKey = 'privileged' | 'hostNetwork' | 'hostPID' | 'hostIPC';
const FLAGS: readonly (FlagKey & keyof MatchConfig)[] = ['privileged', 'hostNetwork', 'hostPID', 'hostIPC'];

function textCondition(
  key: string,
  patterns: readonly Pattern[],
  read: (pod: PodAttributes) => string | undefined,
): Condition {
  return {
    key,
    wanted: patterns.map(describePattern).join(' or '),
    read,
    holds: (found) =>
      typeof found !== 'boolean' && patterns.some((pattern) => matchesPattern(pattern, found)),
  };
}

function flagCondition(key: FlagKey, wanted: boolean): Condition {
  return { key, wanted: String(wanted), read: (pod) => pod[key], holds: (found) => found === wanted };
}
