// Starts the way of streams that the config asks for. The relay is loaded only where it is wanted.
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { ConnectionLimit } from '../listeners/connection-limit.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { passingStreams, type Streams } from './streams.ts';

export interface StreamsOptions {
  readonly config: Pick<Config, 'streamRelay'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Connections that clients of the relay may have. */
  readonly limit: ConnectionLimit;
}

/** Throws StartError when the relay cannot listen. */
export async function startStreams({ config, clock, log, metrics, limit }: StreamsOptions): Promise<Streams> {
  if (config.streamRelay === undefined) return passingStreams;
  const { startStreamRelay } = await import('./stream-relay.ts');
  const relay = await startStreamRelay({ address: config.streamRelay, clock, log, counts: metrics, limit });
  log.info({ address: relay.address }, 'relaying streams');
  return relay;
}
