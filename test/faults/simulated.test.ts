// Faults of simulated runtimes and of Switchyard itself, each a process of its own, under a load like a kubelet's.
import { renameSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { skipWhen } from '../support/e2e-requirements.ts';
import { whyNoProgram } from '../support/switchyard-process.ts';
import { until } from '../support/until.ts';
import { audit } from './audit.ts';
import { type Drill, type DrillResult, lists, play, tableOf } from './drill.ts';
import { absentBackends, type SimulatedStage, type SimulatedStageOptions, simulatedStage } from './stage.ts';

const results: DrillResult[] = [];

beforeEach((context) => skipWhen(context, whyNoProgram()));
afterAll(() => {
  if (results.length > 0) process.stdout.write(`\n${tableOf(results)}\n\n`);
});

/** Plays drills on a stage of their own; nothing may have been wrong in the end. */
async function rehearse(
  drills: (stage: SimulatedStage) => readonly Drill[],
  options: SimulatedStageOptions = {},
): Promise<void> {
  await using stage = await simulatedStage(options);
  await stage.load.start();
  try {
    for (const drill of drills(stage)) {
      const result = await play(stage, drill);
      results.push(result);
      if (drill.cutsClients !== true)
        expect.soft(result, drill.fault).toMatchObject({ listsFailed: 0, othersFailed: 0 });
    }
    await stage.load.stop();
    await audit(stage.load.calls, stage.backends);
  } catch (error) {
    process.stderr.write(`${stage.switchyard.logTail(40)}\n${stage.load.calls.check.wrongs.join('\n')}\n`);
    throw error;
  }
  expect(stage.load.calls.check.wrongs).toEqual([]);
}

const isAbsent = (stage: SimulatedStage, name: string) => async () =>
  (await absentBackends(stage.switchyard)).includes(name);

/** Until Switchyard knows of the absence, and ten rounds of lists more. */
async function noticed(stage: SimulatedStage, name: string): Promise<void> {
  await until(isAbsent(stage, name), `${name} is absent`);
  await lists(stage, 10, performance.now());
}

/** A backend is stopped by SIGSTOP, and goes on. */
function standstill(stage: SimulatedStage, name: string): Drill {
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
function killing(stage: SimulatedStage, name: string): Drill {
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
function replacement(stage: SimulatedStage, name: string): Drill {
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
function movedSocket(stage: SimulatedStage, name: string): Drill {
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
function proxyKilled(stage: SimulatedStage): Drill {
  const { switchyard } = stage;
  return {
    fault: 'kill -9 of Switchyard',
    strike: () => switchyard.kill(),
    hold: () => Promise.resolve(),
    heal: () => switchyard.startAgain(),
    cutsClients: true,
  };
}

/** Switchyard is killed and started again while a backend stands still. */
function proxyKilledBeside(stage: SimulatedStage, name: string): Drill {
  const drill = standstill(stage, name);
  return {
    ...drill,
    fault: `kill -9 of Switchyard while ${name} stands still`,
    async strike() {
      await drill.strike();
      await lists(stage, 2, performance.now());
      await stage.switchyard.kill();
      await stage.switchyard.startAgain('serving');
    },
    cutsClients: true,
  };
}

describe('Switchyard in front of runtimes that fail, under load', () => {
  it(
    'lives through a backend that stands still, also the default one',
    () => rehearse((stage) => [standstill(stage, 'second'), standstill(stage, 'first')]),
    60_000,
  );

  it(
    'lives through a backend that is killed, and one that is replaced at once',
    () => rehearse((stage) => [killing(stage, 'third'), replacement(stage, 'second')]),
    60_000,
  );

  it(
    'lives through a socket file that goes away, and its own end',
    () =>
      rehearse((stage) => [
        movedSocket(stage, 'second'),
        proxyKilled(stage),
        proxyKilledBeside(stage, 'second'),
      ]),
    60_000,
  );
});
