// The wall clock jumps, for Switchyard alone: by days forward and back, while a backend stands still and over a restart.
// Nothing that is decided may hang on it.
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Drill, type DrillResult, lists, tableOf } from './drill.ts';
import { noticed, standstill } from './fault-kinds.ts';
import { InsideProcess } from './inside-process.ts';
import { rehearse } from './rehearse.ts';
import type { SimulatedStage } from './stage.ts';

const DAY_MS = 24 * 3_600_000;
const NEAR_MS = 60_000;
const results: DrillResult[] = [];

beforeEach((context) => skipWhen(context, whyNoProgram()));
afterAll(() => {
  if (results.length > 0) process.stdout.write(`\n${tableOf(results)}\n\n`);
});

describe('a wall clock that jumps', () => {
  it('changes no answer, also while a backend stands still and over a restart', async () => {
    await using dir = await tempDir();
    const inside = new InsideProcess(dir);
    const jump = async ({ switchyard }: SimulatedStage, shiftMs: number) => {
      const { wallMs } = await inside.look(switchyard.pid, shiftMs);
      expect(Math.abs(wallMs - Date.now() - shiftMs)).toBeLessThan(NEAR_MS);
    };
    const jumps = (stage: SimulatedStage): Drill => {
      const standing = standstill(stage, 'second');
      return {
        ...standing,
        fault: 'wall clock +1 day, second stands still, -1 day, +2 days',
        async strike() {
          await jump(stage, DAY_MS);
          await standing.strike();
        },
        async hold() {
          await noticed(stage, 'second');
          for (const days of [-1, 2]) {
            await jump(stage, days * DAY_MS);
            await lists(stage, 5, performance.now());
            const [, seconds] =
              /^switchyard_backend_absent_seconds{backend="second"} (.+)$/m.exec(
                await stage.switchyard.metrics(),
              ) ?? [];
            expect.soft(Number(seconds)).toBeGreaterThan(0);
            expect.soft(Number(seconds)).toBeLessThan(NEAR_MS / 1_000);
          }
        },
      };
    };
    // What was written down two days ahead is read with the right clock.
    const restart = (stage: SimulatedStage): Drill => {
      const standing = standstill(stage, 'third');
      return {
        ...standing,
        fault: 'wall clock -2 days over a kill -9 of Switchyard, third stands still',
        async strike() {
          await standing.strike();
          await noticed(stage, 'third');
          await stage.switchyard.kill();
          await stage.switchyard.startAgain();
        },
        cutsClients: true,
      };
    };
    results.push(...(await rehearse((stage) => [jumps(stage), restart(stage)], { dir, env: inside.env })));
  });
});
