// Faults of a real containerd under load: its pods go on while it is away, and it knows them when it comes back.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { skipWhen, whyNoContainers } from '../support/e2e-requirements.ts';
import { until } from '../support/until.ts';
import { audit } from './audit.ts';
import { type Drill, type DrillResult, lists, play, tableOf } from './drill.ts';
import { type RealStage, realStage } from './real-stage.ts';
import { absentBackends } from './stage.ts';

const skipReason = whyNoContainers() ?? whyNoProgram();
const NAME = 'second';
const HELD_ROUNDS = 5;
const results: DrillResult[] = [];
let stage: RealStage;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  stage = await realStage({ stayingPods: 2, workers: 1 });
  await stage.load.start();
});

afterAll(async () => {
  if (results.length > 0) process.stdout.write(`\n${tableOf(results)}\n\n`);
  await stage?.[Symbol.asyncDispose]();
});

const containerd = () => {
  const found = stage.backends.find(({ name }) => name === NAME);
  if (found === undefined) throw new Error(`no backend ${NAME}`);
  return found.runtime;
};

async function noticed(): Promise<void> {
  await until(async () => (await absentBackends(stage.switchyard)).includes(NAME), `${NAME} is absent`);
  await lists(stage, HELD_ROUNDS, performance.now());
}

async function comeBack(): Promise<void> {
  stage.load.calls.check.up(NAME);
  await containerd().startAgain();
}

const DRILLS: readonly Drill[] = [
  {
    fault: 'SIGSTOP and SIGCONT of a containerd',
    backend: NAME,
    async strike() {
      await containerd().pause();
      stage.load.calls.check.down(NAME);
    },
    hold: noticed,
    async heal() {
      stage.load.calls.check.up(NAME);
      containerd().resume();
    },
  },
  {
    fault: 'kill -9 of a containerd, started again',
    backend: NAME,
    async strike() {
      await containerd().kill();
      stage.load.calls.check.down(NAME);
    },
    hold: noticed,
    heal: comeBack,
  },
  {
    fault: 'socket file of a containerd removed, made again by its restart',
    backend: NAME,
    strike: async () => rmSync(containerd().socket),
    hold: () => lists(stage, HELD_ROUNDS, performance.now()),
    async heal() {
      await containerd().kill();
      await comeBack();
    },
  },
];

describe('Switchyard in front of real containerds, under load', () => {
  it.each(DRILLS)('lives through: $fault', async (drill) => {
    const result = await play(stage, drill);
    results.push(result);
    expect(stage.load.calls.check.wrongs).toEqual([]);
    expect(result).toMatchObject({ wrong: 0, listsFailed: 0, othersFailed: 0 });
  });

  it('has no wrong answer in the end, and no pod that stays was lost', async () => {
    await stage.load.stop();
    await audit(stage.load.calls, stage.backends);
    expect(stage.load.calls.check.wrongs).toEqual([]);
  });
});
