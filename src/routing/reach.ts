// Which backends a pod with a runtime handler could be placed on, whatever else it asks for. A node may claim a
// feature for a handler only when all of these have it.
import { type Config, targetsOf } from '../config/config.ts';
import { matchesHandler } from '../config/pattern.ts';

/** Whether some rule, fallback or annotation could place a pod with this handler on `backend`. */
export function mayReach(config: Config, handler: string, backend: string): boolean {
  const exposes = (name: string) =>
    config.backends.some((candidate) => candidate.name === name && candidate.handlers.has(handler));
  if (exposes(backend)) return true;
  if (config.annotation !== undefined && (handler === '' || exposes(backend))) return true;
  return config.rules.some((rule) => {
    const wanted = rule.match.handler;
    if (wanted !== undefined && !matchesHandler(wanted, handler)) return false;
    const places = [...targetsOf(rule.target), ...(rule.fallback === undefined ? [] : [rule.fallback])];
    return places.includes(backend);
  });
}
