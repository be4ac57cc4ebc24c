// Two backends that are two endpoints of one runtime. The config loader refuses what it can see; this notices the rest
// while Switchyard runs: a socket that came up later, or ids that another backend owns.
import type { Backend } from '../backends/backend.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { findSameSockets, identifySocketFile } from '../config/sockets.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** A list shows the same foreign ids every second; people are told this often. */
const TELL_AGAIN_MS = 60_000;

export class TwinAlarm {
  private readonly config: Config;
  private readonly log: Logger;
  private readonly metrics: Metrics;
  private readonly clock: Clock;
  private readonly toldSockets = new Set<string>();
  private readonly toldAtMs = new Map<Backend, number>();

  constructor(config: Config, log: Logger, metrics: Metrics, clock: Clock) {
    this.config = config;
    this.log = log;
    this.metrics = metrics;
    this.clock = clock;
  }

  /** A backend has just become ready: its socket may be one that another backend has. Each pair is reported once. */
  checkSockets(): void {
    for (const { message, hint } of findSameSockets(this.config, identifySocketFile)) {
      if (this.toldSockets.has(message)) continue;
      this.toldSockets.add(message);
      this.log.error({ hint }, `two backends are one runtime: ${message}`);
    }
  }

  /** A backend shows ids that another one owns; its records of them are not shown. */
  foreignIds(backend: Backend, count: number): void {
    this.metrics.foreignIds(backend.name, count);
    const now = this.clock.now();
    if (now - (this.toldAtMs.get(backend) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) return;
    this.toldAtMs.set(backend, now);
    this.log.error(
      {
        backend: backend.name,
        count,
        hint: 'Are they two endpoints of one runtime? Then remove one from the config',
      },
      'a backend shows ids that another backend owns',
    );
  }
}
