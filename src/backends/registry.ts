// All backends of a config, in config order, by name, with the default one first where order matters.
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { Backend, type BackendEvents } from './backend.ts';
import { StatusBudget } from './status-memory.ts';

export class BackendRegistry {
  /** The default backend first, the others in config order: the order in which lists are joined. */
  readonly all: readonly Backend[];
  readonly default: Backend;
  private readonly byName: ReadonlyMap<string, Backend>;

  constructor(config: Config, clock: Clock, events: BackendEvents) {
    const { messageSizeBytes, callsInFlight } = config.limits;
    // A bulkhead: several backends never hold more than half of all calls each.
    const share = config.backends.length > 1 ? Math.ceil(callsInFlight / 2) : callsInFlight;
    const statusBudget = new StatusBudget();
    const shared = {
      clock,
      statusBudget,
      ownSocket: config.listen.socket,
      messageSizeBytes,
      callsInFlight: share,
      events,
    };
    const backends = config.backends.map((backend) => new Backend({ ...shared, config: backend }));
    const chosen = backends.find((backend) => backend.config.isDefault);
    if (chosen === undefined) throw new Error('a checked config has a default backend');
    this.default = chosen;
    this.all = [chosen, ...backends.filter((backend) => backend !== chosen)];
    this.byName = new Map(backends.map((backend) => [backend.name, backend]));
  }

  /** Whether lists of pods can be given. */
  get isListed(): boolean {
    return this.all.every((backend) => backend.isListed);
  }

  /** The backend of that name; throws when the name is not in the config, which a checked config rules out. */
  get(name: string): Backend {
    const backend = this.byName.get(name);
    if (backend === undefined) throw new Error(`no backend is named ${name}`);
    return backend;
  }

  start(): void {
    for (const backend of this.all) backend.start();
  }

  stop(): void {
    for (const backend of this.all) backend.stop();
  }
}
