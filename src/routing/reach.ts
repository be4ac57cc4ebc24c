// Which runtime handlers pods can ask for, and everywhere a pod with each could be placed, whatever else it asks for. A
// node may claim a feature for a handler only when all of these places have it. A pod that stays where it is because it
// has a sandbox there is left out: it was let in by what was claimed then.
import { type Config, isOnlyOfHandlers, type RuleConfig } from '../config/config.ts';
import { matchesHandler } from '../config/pattern.ts';
import { type Chooser, permit } from './permit.ts';
import { backendNamed, type Router, routerOf } from './router.ts';

/** Where a pod may land: the backend, and the runtime handler it is sent. */
export interface HandlerPlace {
  readonly backend: string;
  readonly handler: string;
}

/** A runtime handler that some pod can ask for. */
export interface ReachableHandler {
  readonly name: string;
  /** At least one; none twice. */
  readonly places: readonly HandlerPlace[];
}

/** The handlers that backends expose and rules name, with their places; '' is among them. */
export function reachableHandlers(config: Config): readonly ReachableHandler[] {
  const exposed = config.backends.flatMap((backend) => [...backend.handlers.keys()]);
  const named = config.rules.flatMap(({ match: { handler } }) =>
    handler?.kind === 'exact' ? [handler.text] : [],
  );
  return [...new Set([...exposed, ...named])]
    .map((name) => ({ name, places: placesOf(config, name) }))
    .filter(({ places }) => places.length > 0);
}

/** The stages of decide.ts, each with all that it might choose. */
function placesOf(config: Config, handler: string): HandlerPlace[] {
  const router = routerOf(config);
  const places = new Map<string, HandlerPlace>();
  const add = (place: HandlerPlace) => places.set(JSON.stringify([place.backend, place.handler]), place);
  const tryOn = (name: string, chooser: Chooser) => {
    const answer = permit(router, { handler }, backendNamed(router, name), chooser);
    if (answer.kind === 'denied') return;
    add({ backend: name, handler: answer.handler });
    if (answer.fallback !== undefined) add(answer.fallback);
  };

  const { annotation } = config;
  if (annotation !== undefined && annotation.namespaces.length > 0) {
    for (const { name } of config.backends) tryOn(name, { stage: 'annotation', key: annotation.key });
  }
  for (const rule of router.rules) {
    const { match } = rule.config;
    if (match.handler !== undefined && !matchesHandler(match.handler, handler)) continue;
    for (const name of targetsWithPods(rule.config)) tryOn(name, { stage: 'rule', rule });
    // It takes every such pod: what comes after gets none.
    if (isOnlyOfHandlers(match)) return [...places.values()];
  }
  const own = ownBackend(router, handler);
  if (own !== undefined) tryOn(own, { stage: handler === '' ? 'default' : 'handler' });
  return [...places.values()];
}

function targetsWithPods({ target }: RuleConfig): string[] {
  if (target.kind === 'backend') return [target.backend];
  return target.shares.filter(({ weight }) => weight > 0).map(({ backend }) => backend);
}

function ownBackend(router: Router, handler: string): string | undefined {
  return (handler === '' ? router.default : router.exposing.get(handler))?.name;
}
