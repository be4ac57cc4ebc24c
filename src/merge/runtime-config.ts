// One RuntimeConfig out of those of all backends: they must agree, for one kubelet has one cgroup driver.
import { DisagreementError } from '../errors.ts';

/** What a backend says its cgroup driver is. `reply` is its message as it came. */
export interface SaidCgroupDriver {
  readonly backend: string;
  readonly driver: 'systemd' | 'cgroupfs';
  readonly reply: Buffer;
}

/**
 * The reply that stands for all: the first one. Undefined when no backend can say (old containerds answer
 * UNIMPLEMENTED, and the kubelet then takes its own setting). Throws DisagreementError when two differ.
 */
export function agreedRuntimeConfig(said: readonly SaidCgroupDriver[]): Buffer | undefined {
  const [first] = said;
  const other = said.find(({ driver }) => driver !== first?.driver);
  if (first !== undefined && other !== undefined) {
    throw new DisagreementError(
      `backend ${first.backend} uses the cgroup driver ${first.driver} and backend ${other.backend} uses ${other.driver}`,
      { hint: 'Configure the same cgroup driver in all runtimes: one kubelet can use only one' },
    );
  }
  return first?.reply;
}
