// Checks of which pods the rules take: that no rule is out of reach, and that none takes pods only to have them refused,
// as far as that is plain to see before any pod comes. What only the pod itself shows is left to routing/permit.ts.
import { type BackendConfig, isOnlyOfHandlers, isWeaker, type MatchConfig, targetsOf } from './config.ts';
import { matchesHandler, type Pattern } from './pattern.ts';
import { type ConfigPath, errorAt, type Finding, warningAt } from './problems.ts';
import type { RuleEntry } from './schema.ts';
import { targetOf } from './snapshot.ts';

/** What the checks need of a backend. */
export type Place = Pick<BackendConfig, 'name' | 'isolation' | 'handlers'>;

/** A rule among the others. */
interface RuleInPlace {
  readonly rule: RuleEntry;
  readonly match: MatchConfig;
  readonly path: ConfigPath;
  readonly places: ReadonlyMap<string, Place>;
  /** The matches of the rules before it. */
  readonly earlier: readonly MatchConfig[];
}

/** The most important thing that is wrong with the pods this rule takes. */
export function checkReach(one: RuleInPlace): Finding[] {
  const { rule, match, path, earlier } = one;
  if (isUnreachable(match, earlier)) {
    const message = `rule ${JSON.stringify(rule.name)} never gets a pod: an earlier rule takes all that it matches`;
    return [warningAt(path, message, 'Move it up, or remove it')];
  }
  for (const check of [checkIsolation, checkExposure, checkSilence]) {
    const finding = check(one);
    if (finding !== undefined) return [finding];
  }
  return [];
}

/** The backends a rule places pods on, as far as they exist. */
export function placesOf(rule: RuleEntry, places: ReadonlyMap<string, Place>): Place[] {
  const target = targetOf(rule);
  return target === undefined ? [] : targetsOf(target).flatMap((name) => places.get(name) ?? []);
}

/**
 * A rule must not take a pod away from the isolation its handler stands for. Where the match names such a handler, or
 * holds for all pods there are, the rule can only refuse them: an error. Where it speaks of other things, only some
 * pods will be refused, and perhaps none ever comes: a warning.
 */
function checkIsolation({ rule, match, path, places, earlier }: RuleInPlace): Finding | undefined {
  for (const own of places.values()) {
    const weaker = placesOf(rule, places).find((target) => isWeaker(target.isolation, own.isolation));
    const handlers = matchedHandlers(own, match, earlier);
    if (weaker === undefined || handlers.length === 0) continue;
    const of = `pods that ask for ${handlers.map((handler) => JSON.stringify(handler)).join(', ')}`;
    const from = `(backend ${own.name}, isolation ${own.isolation})`;
    const to = `on ${weaker.name} (isolation ${weaker.isolation}): they are refused`;
    if (match.handler !== undefined) {
      const message = `rule ${JSON.stringify(rule.name)} would place ${of} ${from} ${to}`;
      const hint = `Place them on a backend whose isolation is ${own.isolation} or more, or match other handlers`;
      return errorAt([...path, 'match', 'handler'], message, hint);
    }
    const message = `rule ${JSON.stringify(rule.name)} also matches ${of} ${from} and would place them ${to}`;
    const hint = 'To leave them where they belong, let it match only pods without a handler: handler: ""';
    return isOnlyOfHandlers(match)
      ? errorAt([...path, 'match'], message, hint)
      : warningAt([...path, 'match'], message, hint);
  }
  return undefined;
}

/** A backend refuses the handlers it does not expose, unless the rule says what to send instead. */
function checkExposure({ rule, match, path, places, earlier }: RuleInPlace): Finding | undefined {
  if (rule.handler !== undefined || match.handler === undefined) return undefined;
  const fallback = places.get(rule.fallback ?? '');
  const targets = [...placesOf(rule, places), ...(fallback === undefined ? [] : [fallback])];
  const isExact = match.handler.kind === 'exact';
  const handlers =
    match.handler.kind === 'exact'
      ? [match.handler.text].filter((handler) => handler !== '')
      : [...places.values()].flatMap((place) => matchedHandlers(place, match, earlier));
  for (const handler of handlers) {
    const lacking = targets.find((target) => !target.handlers.has(handler));
    if (lacking === undefined) continue;
    const message = `rule ${JSON.stringify(rule.name)} places pods that ask for ${JSON.stringify(handler)} on backend ${lacking.name}, which does not expose it`;
    const hint = `Add it to the handlers of ${lacking.name}, or add handler: with the name to send instead`;
    const at = [...path, 'match', 'handler'];
    return isExact ? errorAt(at, message, hint) : warningAt(at, message, hint);
  }
  return undefined;
}

/** A pod without a handler gets the backend's own default, which need not be what the backend's isolation speaks of. */
function checkSilence({ rule, match, path, places }: RuleInPlace): Finding | undefined {
  if (rule.handler !== undefined) return undefined;
  if (match.handler !== undefined && !matchesHandler(match.handler, '')) return undefined;
  const vague = placesOf(rule, places).find(({ isolation, handlers }) => {
    const sent = [...handlers.values()];
    return isolation !== 'shared' && sent.length > 0 && !sent.includes('');
  });
  if (vague === undefined) return undefined;
  const message = `rule ${JSON.stringify(rule.name)} sends pods without a runtime handler to the default of backend ${vague.name}, which may not be its ${vague.isolation} one`;
  return warningAt(path, message, `Say which to send: handler: ${[...vague.handlers.values()][0]}`);
}

/** The handlers of `place` that the match holds for, without those that earlier rules take wholly. */
function matchedHandlers(place: Place, match: MatchConfig, earlier: readonly MatchConfig[]): string[] {
  return [...place.handlers.keys()].filter(
    (handler) =>
      handler !== '' &&
      (match.handler === undefined || matchesHandler(match.handler, handler)) &&
      !earlier.some((other) => takesAllOf(other, handler)),
  );
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
