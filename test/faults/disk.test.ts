// The folder where Switchyard keeps what must outlive it runs full. Calls go on, and people are told; what could not
// be written down must not make a later life of it lie.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { programPath, skipWhen } from '../support/e2e-requirements.ts';
import type { SwitchyardProcess } from '../support/switchyard-process.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { type Drill, type DrillResult, tableOf } from './drill.ts';
import { standstill } from './fault-kinds.ts';
import { rehearse } from './rehearse.ts';
import type { SimulatedStage } from './stage.ts';

/** Room for the journal of a few pods. */
const DISK_SIZE = '1m';
const FULL_LISTS = ['ListPodSandbox', 'ListContainers'];
const results: DrillResult[] = [];

beforeEach((context) => skipWhen(context, whyNoProgram() ?? whyNoDisk()));
afterAll(() => {
  if (results.length > 0) process.stdout.write(`\n${tableOf(results)}\n\n`);
});

function whyNoDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a small disk needs Linux and root';
  return undefined;
}

/** A disk of its own for the state directory of the stage that will be made in `dir`. */
function smallDisk(dir: TempDir): AsyncDisposable & { fill(): void; empty(): void } {
  const folder = dir.file('sy/state');
  mkdirSync(folder, { recursive: true });
  execFileSync(programPath('mount'), ['-t', 'tmpfs', '-o', `size=${DISK_SIZE},mode=0700`, 'tmpfs', folder]);
  const ballast = path.join(folder, 'ballast');
  return {
    fill() {
      for (let sizeBytes = 1024 * 1024; sizeBytes >= 1; sizeBytes = Math.floor(sizeBytes / 2)) {
        try {
          for (;;) writeFileSync(ballast, Buffer.alloc(sizeBytes), { flag: 'a' });
        } catch {
          // No room for so much: less may fit.
        }
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      execFileSync(programPath('umount'), [folder]);
    },
  };
}

const isFailing = (switchyard: SwitchyardProcess) => async () =>
  /^switchyard_journal_failing 1$/m.test(await switchyard.metrics());

async function toldOfTrouble({ switchyard }: SimulatedStage): Promise<void> {
  await until(isFailing(switchyard), 'the journal is told to fail');
  expect(JSON.parse(await switchyard.readiness())).toMatchObject({
    journal: expect.stringMatching(/cannot be written/),
  });
  expect(switchyard.logTail(1_000)).toContain('the state directory cannot be written');
}

describe('a state directory that is full', () => {
  it('stops no call, is told, and is written again once there is room', async () => {
    await using dir = await tempDir();
    await using disk = smallDisk(dir);
    const full = (stage: SimulatedStage): Drill => ({
      fault: 'disk of the state directory full',
      strike: async () => disk.fill(),
      hold: () => toldOfTrouble(stage),
      async heal() {
        disk.empty();
        await until(async () => !(await isFailing(stage.switchyard)()), 'the journal is well again');
      },
    });
    results.push(...(await rehearse((stage) => [full(stage)], { dir })));
  });

  it('never makes the next life lie about a backend that is absent then', async () => {
    await using dir = await tempDir();
    await using disk = smallDisk(dir);
    const fullAndKilled = (stage: SimulatedStage): Drill => {
      const standing = standstill(stage, 'second');
      return {
        ...standing,
        fault: 'disk full, then kill -9 of Switchyard while second stands still',
        cutsClients: true,
        async strike() {
          disk.fill();
          await toldOfTrouble(stage);
          // Much happens now that is written down nowhere.
          const fromMs = performance.now();
          const { record } = stage.load.calls;
          await until(
            () =>
              record.between(['RemovePodSandbox'], fromMs).filter(({ backend }) => backend === 'second')
                .length > 10,
            'pods come and go',
          );
          await standing.strike();
          await stage.switchyard.kill();
          await stage.switchyard.startAgain('serving');
        },
        // Lists may fail now, for the truth may be unknown; they may not be wrong.
        async hold() {
          const fromMs = performance.now();
          const { record } = stage.load.calls;
          await until(() => record.between(FULL_LISTS, fromMs).length > 20, 'lists were asked for');
        },
        async heal() {
          disk.empty();
          await standing.heal();
        },
      };
    };
    results.push(...(await rehearse((stage) => [fullAndKilled(stage)], { dir })));
  });
});
