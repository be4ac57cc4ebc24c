// Checks of which pods the rules take: that no rule is out of reach, and that none takes pods only to have them refused,
// as far as that is plain to see before any pod comes. What only the pod itself shows is left to routing/permit.ts.
// Whoever follows a hint of these never gets less isolation for a pod than before.

import { quote } from '../quote.ts';
import { type BackendConfig, isOnlyOfHandlers, isWeaker, type MatchConfig, targetsOf } from './config.ts';
import { includesMatch } from './match-inclusion.ts';
import { matchesHandler, toPattern } from './pattern.ts';
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
  /** The rules before it. */
  readonly earlier: readonly EarlierRule[];
}

/** A rule that is asked before another one. */
export interface EarlierRule {
  readonly rule: RuleEntry;
  readonly match: MatchConfig;
}

/** What is wrong with the pods this rule takes. */
export function checkReach(one: RuleInPlace): Finding[] {
  const unreachable = checkReachable(one);
  if (unreachable !== undefined) return [unreachable];
  const refusal = checkIsolation(one) ?? checkExposure(one);
  return [refusal, checkSilence(one)].filter((finding) => finding !== undefined);
}

/** The backends a rule places pods on, as far as they exist. */
export function placesOf(rule: RuleEntry, places: ReadonlyMap<string, Place>): Place[] {
  const target = targetOf(rule);
  return target === undefined ? [] : targetsOf(target).flatMap((name) => places.get(name) ?? []);
}

/** A rule that comes too late. Its pods go where the earlier one says, which may be the better isolated place. */
function checkReachable({ rule, match, path, places, earlier }: RuleInPlace): Finding | undefined {
  const taker = earlier.find((other) => includesMatch(other.match, match))?.rule;
  if (taker === undefined) return undefined;
  const name = quote(taker.name);
  const message = `rule ${quote(rule.name)} never gets a pod: the earlier rule ${name} takes all that it matches`;
  const weakens = placesOf(rule, places).some((own) =>
    placesOf(taker, places).some((other) => isWeaker(own.isolation, other.isolation)),
  );
  return warningAt(path, message, weakens ? 'Remove it' : `Move it before rule ${name}, or remove it`);
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
    const of = `pods that ask for ${handlers.map((handler) => quote(handler)).join(', ')}`;
    const from = `(backend ${own.name}, isolation ${own.isolation})`;
    const to = `on ${weaker.name} (isolation ${weaker.isolation}): they are refused`;
    const hint =
      match.handler?.kind === 'exact'
        ? `Place them on a backend whose isolation is ${own.isolation} or more`
        : ruleBefore(own, handlers);
    if (match.handler !== undefined) {
      const message = `rule ${quote(rule.name)} would place ${of} ${from} ${to}`;
      return errorAt([...path, 'match', 'handler'], message, hint);
    }
    const message = `rule ${quote(rule.name)} also matches ${of} ${from} and would place them ${to}`;
    return isOnlyOfHandlers(match)
      ? errorAt([...path, 'match'], message, hint)
      : warningAt([...path, 'match'], message, hint);
  }
  return undefined;
}

/**
 * What lets pods have the backend they ask for. A narrower match of the rule itself would do as well, but with
 * `handler: ""` a rule that sandboxes pods also lets go those that ask for no sandbox.
 */
function ruleBefore({ name }: Place, handlers: readonly string[]): string {
  const [handler = '', ...others] = handlers;
  const each = others.length === 0 ? `handler: ${quote(handler)}` : 'one of these handlers, for each of them';
  return `To place them on ${name}, put before it a rule with the same match and ${each}, and backend: ${name}`;
}

/** A backend refuses the handlers it does not expose, unless the rule says what to send instead. */
function checkExposure({ rule, match, path, places, earlier }: RuleInPlace): Finding | undefined {
  if (rule.handler !== undefined || match.handler === undefined) return undefined;
  const targets = targetsAndFallback(rule, places);
  const isExact = match.handler.kind === 'exact';
  const handlers =
    match.handler.kind === 'exact'
      ? [match.handler.text].filter((handler) => handler !== '')
      : [...places.values()].flatMap((place) => matchedHandlers(place, match, earlier));
  for (const handler of handlers) {
    const lacking = targets.find((target) => !target.handlers.has(handler));
    if (lacking === undefined) continue;
    const message = `rule ${quote(rule.name)} places pods that ask for ${quote(handler)} on backend ${lacking.name}, which does not expose it`;
    const hint = sendInstead(handler, lacking, targets, places);
    const at = [...path, 'match', 'handler'];
    return isExact ? errorAt(at, message, hint) : warningAt(at, message, hint);
  }
  return undefined;
}

/** A name that the backend is known to be right about; any other one may run pods in less than its isolation. */
function sendInstead(
  handler: string,
  lacking: Place,
  targets: readonly Place[],
  places: ReadonlyMap<string, Place>,
): string {
  const known = [...lacking.handlers.values()][0] ?? '';
  const instead =
    targets.length === 1
      ? `Say what to send instead: handler: ${quote(known)}`
      : 'Say what to send instead: handler: with a name that all backends of the rule know';
  const isExposed = [...places.values()].some((place) => place.handlers.has(handler));
  if (isExposed || lacking.isolation !== 'shared') return instead;
  return `${instead}; or, if it knows this one, add it to the handlers of ${lacking.name}`;
}

/** A pod without a handler gets the backend's own default, which need not be what the backend's isolation speaks of. */
function checkSilence({ rule, match, path, places }: RuleInPlace): Finding | undefined {
  if (rule.handler !== undefined) return undefined;
  if (match.handler !== undefined && !matchesHandler(match.handler, '')) return undefined;
  const targets = targetsAndFallback(rule, places);
  const vague = targets.find(({ isolation, handlers }) => {
    const sent = [...handlers.values()];
    return isolation !== 'shared' && sent.length > 0 && !sent.includes('');
  });
  if (vague === undefined) return undefined;
  const { name, isolation, handlers } = vague;
  const message = `rule ${quote(rule.name)} sends pods without a runtime handler to the default of backend ${name}, which may not be its ${isolation} one`;
  const [exposed, sent] = [...handlers][0] ?? [];
  const hint =
    targets.length === 1
      ? `Say which to send: handler: ${sent}`
      : `Make ${sent} the default runtime of ${name}, and write handlers: { ${exposed}: "" }`;
  return warningAt(path, message, hint);
}

/** All backends that may get pods of the rule, as far as they exist. */
function targetsAndFallback(rule: RuleEntry, places: ReadonlyMap<string, Place>): Place[] {
  const fallback = places.get(rule.fallback ?? '');
  return [...placesOf(rule, places), ...(fallback === undefined ? [] : [fallback])];
}

/** The handlers of `place` that the match holds for, without those that an earlier rule takes from it. */
function matchedHandlers(place: Place, match: MatchConfig, earlier: readonly EarlierRule[]): string[] {
  return [...place.handlers.keys()].filter(
    (handler) =>
      handler !== '' &&
      (match.handler === undefined || matchesHandler(match.handler, handler)) &&
      !earlier.some((other) => includesMatch(other.match, { ...match, handler: toPattern(handler) })),
  );
}
