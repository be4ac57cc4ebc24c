// The connection limits of all listeners of one Switchyard, made from the descriptors of its process.
import type { Clock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Listener, Metrics } from '../telemetry/metrics.ts';
import { ConnectionLimit } from './connection-limit.ts';
import {
  descriptorLimit,
  type ListenerLimits,
  shareDescriptors,
  warnOfFew,
  watchDescriptors,
} from './descriptors.ts';

export interface ListenerPlan {
  readonly atMost: ListenerLimits;
  /** The limit of one listener; made once for each. */
  limit(listener: Listener, counts: Metrics): ConnectionLimit;
  /** Ends the look for descriptors that run out. */
  stop(): void;
}

/** Shares the descriptors out, says when there are few, and begins to look whether there are any left. */
export function planListeners(backends: number, hasRelay: boolean, clock: Clock, log: Logger): ListenerPlan {
  const descriptors = descriptorLimit();
  const atMost = shareDescriptors(descriptors, backends, hasRelay);
  warnOfFew(descriptors, atMost, log);
  return {
    atMost,
    limit: (listener, counts) =>
      new ConnectionLimit({ listener, atMost: atMost[listener], clock, log, counts }),
    stop: watchDescriptors(clock, log),
  };
}
