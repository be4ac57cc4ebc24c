// What the handlers work with: one object, made by app.ts, with everything that lives as long as the proxy.
import type { Backend } from '../backends/backend.ts';
import type { Identity } from '../backends/identity.ts';
import type { BackendRegistry } from '../backends/registry.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Method } from '../cri/methods.ts';
import type { Census } from '../ledger/census.ts';
import type { Checkpoints } from '../ledger/checkpoints.ts';
import type { ImageMemory } from '../ledger/image-memory.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Locator } from '../ledger/locate.ts';
import type { Placements } from '../ledger/placements.ts';
import type { Streams } from '../streaming/streams.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Call } from './call.ts';
import type { CgroupDrivers } from './cgroup-drivers.ts';
import type { EventHub } from './event-hub.ts';
import type { Health } from './health.ts';
import type { LateLists } from './late-lists.ts';
import type { ListSizeAlarm } from './list-size-alarm.ts';
import type { RuntimeConfigReplay } from './runtime-config-replay.ts';
import type { Statistics } from './statistics.ts';

/** Everything a handler may use. */
export interface ProxyParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly registry: BackendRegistry;
  readonly ledger: Ledger;
  readonly placements: Placements;
  readonly checkpoints: Checkpoints;
  readonly census: Census;
  readonly locator: Locator;
  readonly imageMemory: ImageMemory;
  readonly identity: Identity;
  readonly replay: RuntimeConfigReplay;
  readonly statistics: Statistics;
  readonly cgroupDrivers: CgroupDrivers;
  readonly streams: Streams;
  readonly listSizes: ListSizeAlarm;
  readonly lateLists: LateLists;
  readonly events: EventHub;
  readonly health: Health;
  /** Puts all that was learnt on record; before a reply that reveals a new id. */
  record(): void;
  /** Told when a backend shows ids that another one owns. */
  onForeignIds(backend: Backend, count: number): void;
}

/** Serves the calls of one kind. It answers the call itself, now or later; what it throws or rejects with is answered too. */
export type Handler<M extends Method> = (call: Call, method: M) => void | Promise<void>;
