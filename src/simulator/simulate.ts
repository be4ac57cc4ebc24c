// What `switchyard simulate` does: one simulated runtime on one socket, and a line in the log about it.

import type { Logger } from '../telemetry/log.ts';
import type { ProfileName } from './profile.ts';
import { type SimulatedRuntime, startSimulatedRuntime } from './runtime.ts';

/** What the command line says. */
export interface SimulateOptions {
  readonly profile: ProfileName;
  readonly socket: string;
  readonly log: Pick<Logger, 'info'>;
}

/** Starts the runtime without a journal, which only tests read. Close what it returns to end it. */
export async function simulate({ profile, socket, log }: SimulateOptions): Promise<SimulatedRuntime> {
  const runtime = await startSimulatedRuntime({ profile, socket, journalLimit: 0 });
  const { runtimeName, runtimeVersion, apis } = runtime.world.profile;
  log.info({ profile, socket, runtimeName, runtimeVersion, apis }, 'simulated runtime listens');
  return runtime;
}
