// Statistics of one container or pod: what sets them apart from other calls that go to their owner.
import type { Backend } from '../../backends/backend.ts';
import type { OwnedMethod } from '../../cri/methods.ts';
import type { Path } from '../../cri/wire.ts';
import { MalformedMessageError } from '../../errors.ts';
import type { Call } from '../call.ts';
import { collect, replyWith } from '../collect.ts';
import type { ProxyParts } from '../parts.ts';
import type { Statistics } from '../statistics.ts';

/**
 * Why there are no statistics of pods, for a call that no backend can answer: whether it is UNIMPLEMENTED must not depend
 * on who is away. Undefined for any other call, and where all these backends have them.
 */
export function gapFor(
  { statistics: { podStats }, registry }: ProxyParts,
  method: OwnedMethod,
  backends: readonly Backend[] = registry.all,
): Error | undefined {
  return method.setsMode ? podStats.knownGapOf(backends) : undefined;
}

/** Whether the reply has statistics of containers that have to be looked at. */
export function mustMend(
  { statistics: { mountpoints } }: ProxyParts,
  method: OwnedMethod,
  owner: Backend,
): boolean {
  return method.containerStatsPath !== undefined && mountpoints.mayDiffer(owner);
}

/** Answers it with mount points that clients know; all else as it came. */
export function mendStats(parts: ProxyParts, call: Call, method: OwnedMethod, owner: Backend): void {
  const { statistics, config } = parts;
  const options = { body: call.body, limitBytes: config.limits.messageSizeBytes, isRetryable: true };
  collect(call, owner, options, (outcome) => {
    const path = method.containerStatsPath;
    if (outcome.kind !== 'answered' || path === undefined) replyWith(call, owner, outcome);
    else replyWith(call, owner, { ...outcome, message: mended(statistics, owner, outcome.message, path) });
  });
}

/** What cannot be read is the client's to judge, as from a backend that is only relayed. */
function mended({ mountpoints }: Statistics, owner: Backend, message: Buffer, path: Path): Buffer {
  try {
    return mountpoints.mend(owner, message, path);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return message;
  }
}
