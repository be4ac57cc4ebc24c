// One backend of ours without a proxy in front of it, for tests of calls on it.
import { Backend } from '../../src/backends/backend.ts';
import type { Clock } from '../../src/clock.ts';
import { configOf } from './proxy-world.ts';
import type { TempDir } from './temp-dir.ts';

export interface LoneBackendOptions {
  readonly callsInFlight?: number;
  /** Where its images are served, if not with all else. */
  readonly imageSocket?: string | undefined;
}

/** The backend of the runtime at `one.sock` in the directory; it is not started. */
export function loneBackend(dir: TempDir, clock: Clock, options: LoneBackendOptions = {}): Backend {
  const { callsInFlight = 100, imageSocket } = options;
  const [config] = configOf(dir, [
    { name: 'one', profile: 'reference', ...(imageSocket !== undefined && { runtime: { imageSocket } }) },
  ]).backends;
  if (config === undefined) throw new Error('no backend');
  return new Backend({
    ...{ config, clock, ownSocket: dir.file('cri.sock'), messageSizeBytes: 1_000_000, callsInFlight },
    events: {
      onState: () => undefined,
      onImageState: () => undefined,
      onError: (_, error) => {
        throw error;
      },
    },
  });
}
