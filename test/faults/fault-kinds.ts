// The faults that simulated runtimes and Switchyard itself are put to, as drills.
import { renameSync } from 'node:fs';
import { until } from '../support/until.ts';
import { type Drill, lists } from './drill.ts';
import { absentBackends, type SimulatedStage } from './stage.ts';

const isAbsent = (stage: SimulatedStage, name: string) => async () =>
  (await absentBackends(stage.switchyard)).includes(name);

/** Resolves when Switchyard knows of the absence, ten rounds of lists later. */
export async function noticed(stage: SimulatedStage, name: string): Promise<void> {
  await until(isAbsent(stage, name), `${name} is absent`);
  await lists(stage, 10, performance.now());
}

/** A backend is stopped by SIGSTOP, and goes on. */
export function standstill(stage: SimulatedStage, name: string): Drill {
  const { runtime } = stage.backend(name);
  return {
    fault: `SIGSTOP and SIGCONT of ${name}`,
    backend: name,
    async strike() {
      await runtime.pause();
      stage.load.calls.check.down(name);
    },
    hold: () => noticed(stage, name),
    async heal() {
      stage.load.calls.check.up(name);
      runtime.resume();
    },
  };
}

/** A backend is killed, and an empty one comes in its place. */
export function killing(stage: SimulatedStage, name: string): Drill {
  const { runtime } = stage.backend(name);
  return {
    fault: `kill -9 of ${name}, an empty one after a while`,
    backend: name,
    async strike() {
      await runtime.kill();
      stage.load.calls.check.down(name);
    },
    hold: () => noticed(stage, name),
    heal: () => comeBackEmpty(stage, name),
  };
}

async function comeBackEmpty(stage: SimulatedStage, name: string): Promise<void> {
  const { load } = stage;
  // What was answered before it died is on record.
  await load.calls.record.settled(performance.now(), 10_000);
  load.calls.check.up(name, true);
  load.forgetStaying(name);
  await stage.backend(name).runtime.startAgain();
}

/** A backend is replaced by an empty one at once. */
export function replacement(stage: SimulatedStage, name: string): Drill {
  const { runtime } = stage.backend(name);
  return {
    fault: `${name} replaced by an empty one`,
    backend: name,
    strike: () => runtime.stop(),
    hold: () => Promise.resolve(),
    heal: () => comeBackEmpty(stage, name),
  };
}

/** The socket file of a backend goes away and comes again; the process lives on. */
export function movedSocket(stage: SimulatedStage, name: string): Drill {
  const { runtime } = stage.backend(name);
  const away = `${runtime.socket}.away`;
  return {
    fault: `socket file of ${name} moved away and back`,
    backend: name,
    strike: async () => renameSync(runtime.socket, away),
    heal: async () => renameSync(away, runtime.socket),
  };
}

/** Switchyard is killed and started again. */
export function proxyKilled(stage: SimulatedStage): Drill {
  const { switchyard } = stage;
  return {
    fault: 'kill -9 of Switchyard',
    strike: () => switchyard.kill(),
    hold: () => Promise.resolve(),
    heal: () => switchyard.startAgain(),
    cutsClients: true,
  };
}

/** As `drill`, and while it lasts Switchyard is killed and started again: what it knows must have outlived it. */
export function proxyKilledDuring(stage: SimulatedStage, drill: Drill): Drill {
  return {
    ...drill,
    fault: `${drill.fault}; meanwhile kill -9 of Switchyard`,
    async strike() {
      await drill.strike();
      await lists(stage, 2, performance.now());
      await stage.switchyard.kill();
      await stage.switchyard.startAgain('serving');
    },
    cutsClients: true,
  };
}
