// Plays drills on a simulated stage of their own, and judges them: nothing may have been wrong in the end.
import { expect } from 'vitest';
import { audit } from './audit.ts';
import { type Drill, type DrillResult, play } from './drill.ts';
import { type SimulatedStage, type SimulatedStageOptions, simulatedStage } from './stage.ts';

/**
 * Resolves to what the load saw of each drill. Fails when any answer was wrong, or, except where Switchyard itself goes
 * away, when a list or a call of another backend failed.
 */
export async function rehearse(
  drills: (stage: SimulatedStage) => readonly Drill[],
  options: SimulatedStageOptions = {},
): Promise<DrillResult[]> {
  await using stage = await simulatedStage(options);
  await stage.load.start();
  const results: DrillResult[] = [];
  try {
    for (const drill of drills(stage)) {
      const result = await play(stage, drill);
      results.push(result);
      if (drill.cutsClients === true) continue;
      expect.soft(result, drill.fault).toMatchObject({ listsFailed: 0, othersFailed: 0 });
    }
    await stage.load.stop();
    await audit(stage.load.calls, stage.backends);
  } catch (error) {
    process.stderr.write(`${told(stage)}\n${stage.load.calls.check.wrongs.join('\n')}\n`);
    throw error;
  }
  expect(stage.load.calls.check.wrongs).toEqual([]);
  return results;
}

/** What Switchyard wrote, without the calls. */
function told({ switchyard }: SimulatedStage): string {
  const lines = switchyard.logTail(5_000).split('\n');
  return lines.filter((line) => !line.includes('"msg":"call"')).join('\n');
}
