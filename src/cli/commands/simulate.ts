// `switchyard simulate`: one simulated runtime on a socket, for trying things out.
import type { ProfileName } from '../../simulator/profile.ts';
import { startSimulatedRuntime } from '../../simulator/runtime.ts';
import type { CliContext } from '../context.ts';
import { StopSignals } from '../stop.ts';
import { SIMULATE } from '../text.ts';

export interface SimulateFlags {
  readonly profile: ProfileName;
  readonly socket: string;
  readonly handlers: readonly string[] | undefined;
}

/** Plays the runtime until a signal asks to stop. */
export async function simulate(
  this: CliContext,
  { profile, socket, handlers }: SimulateFlags,
): Promise<void> {
  using stop = new StopSignals(this, ['SIGHUP']);
  const runtime = await startSimulatedRuntime({
    profile,
    socket,
    ...(handlers === undefined ? {} : { handlers }),
  });
  this.process.stdout.write(SIMULATE.serves(profile, socket));
  await stop.first;
  await stop.unlessTwice(this, runtime.close());
}
