// What decide.ts needs of a config for each pod, looked up once per config.
import type { BackendConfig, Config } from '../config/config.ts';
import { type CompiledRule, compileRule } from './rule.ts';

export interface Router {
  /** By name. */
  readonly backends: ReadonlyMap<string, BackendConfig>;
  readonly default: BackendConfig;
  /** Exposed runtime handler -> its backend. */
  readonly exposing: ReadonlyMap<string, BackendConfig>;
  readonly rules: readonly CompiledRule[];
}

const routers = new WeakMap<Config, Router>();

/** The router of this config; made at the first call. */
export function routerOf(config: Config): Router {
  const known = routers.get(config);
  if (known !== undefined) return known;
  const { backends } = config;
  const backend = backends.find((one) => one.isDefault);
  // load.ts lets no config through that lacks one.
  if (backend === undefined) throw new TypeError('a config without a default backend');
  const router: Router = {
    backends: new Map(backends.map((one) => [one.name, one])),
    default: backend,
    exposing: new Map(backends.flatMap((one) => [...one.handlers.keys()].map((name) => [name, one]))),
    rules: config.rules.map(compileRule),
  };
  routers.set(config, router);
  return router;
}

/** The backend of that name. Throws when there is none: only for names that load.ts has checked. */
export function backendNamed(router: Router, name: string): BackendConfig {
  const backend = router.backends.get(name);
  if (backend === undefined) throw new TypeError(`a config that lacks the backend ${name} it names`);
  return backend;
}
