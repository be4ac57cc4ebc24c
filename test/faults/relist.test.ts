// A kubelet's relist while one of three backends stands still: it waits until that one is known to hang, and no longer.
// That it does so for no longer than it should is asserted on a clock that a test turns
// (integration/proxy/late-backends.test.ts); what it comes to here is printed.
import { beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { until } from '../support/until.ts';
import { latencies, quantile } from './call-record.ts';
import { onlyCriErrors } from './checked-calls.ts';
import { absentBackends, type SimulatedStage, simulatedStage } from './stage.ts';

const STOPS = 2;
const FIRST_LISTS = 10;
const LATER_RELISTS = 150;
const STATUS_EVERY_MS = 100;
const LISTS = ['ListPodSandbox', 'ListContainers'];
beforeEach((context) => skipWhen(context, whyNoProgram()));

const relist = ({ load: { calls } }: SimulatedStage) =>
  Promise.all([calls.listSandboxes(), calls.listContainers()]);

/** Asks for Status again and again until told to end; resolves to how often. */
function askStatus({ load: { calls } }: SimulatedStage): { end(): Promise<void> } {
  let isEnding = false;
  const asking = (async () => {
    while (!isEnding) {
      await calls.call('Status', {}).catch(onlyCriErrors);
      await new Promise((resolve) => setTimeout(resolve, STATUS_EVERY_MS));
    }
  })();
  return {
    end() {
      isEnding = true;
      return asking;
    },
  };
}

/** Lists of pods and containers that its snapshot has answered for a backend. */
async function snapshotAnswers({ switchyard }: SimulatedStage, backend: string): Promise<number> {
  const metrics = await switchyard.metrics();
  const counts = LISTS.map((list) =>
    new RegExp(`^switchyard_snapshot_answers_total{backend="${backend}",method="${list}"} (\\d+)$`, 'm').exec(
      metrics,
    ),
  );
  return counts.reduce((sum, count) => sum + Number(count?.[1] ?? 0), 0);
}

describe('a relist while one of three backends stands still', () => {
  it('is whole: the backend is represented by its snapshot, which needs no question once it is known', async () => {
    await using stage = await simulatedStage({ load: { stayingPods: 20 } });
    const { load, switchyard } = stage;
    const { check, record } = load.calls;
    const { runtime, name } = stage.backend('second');
    await load.settle();
    const firstMs: number[] = [];
    const laterMs: number[] = [];
    const statusMs: number[] = [];
    for (let stop = 0; stop < STOPS; stop++) {
      await runtime.pause();
      check.down(name);
      const stoppedMs = performance.now();
      const status = askStatus(stage);
      await Promise.all(Array.from({ length: FIRST_LISTS }, () => relist(stage)));
      const answeredMs = performance.now();
      expect(await absentBackends(switchyard)).toEqual([name]);
      const answersBefore = await snapshotAnswers(stage, name);
      for (let nth = 0; nth < LATER_RELISTS; nth++) await relist(stage);
      const answers = (await snapshotAnswers(stage, name)) - answersBefore;
      expect(answers).toBe(LISTS.length * LATER_RELISTS);
      await status.end();
      firstMs.push(...latencies(record.between(LISTS, stoppedMs, answeredMs)));
      laterMs.push(...latencies(record.between(LISTS, answeredMs)));
      statusMs.push(...latencies(record.between(['Status'], stoppedMs)));
      expect(await absentBackends(switchyard)).toEqual([name]);
      check.up(name);
      runtime.resume();
      await until(async () => (await absentBackends(switchyard)).length === 0, `${name} is back`);
    }
    const row = (what: string, all: readonly number[]) =>
      `${what}: ${all.length} calls, p50 ${quantile(all, 0.5).toFixed(1)} ms, p99 ${quantile(all, 0.99).toFixed(1)} ms, slowest ${quantile(all, 1).toFixed(1)} ms\n`;
    process.stdout.write(
      `\nrelist with one of three backends stopped, ${load.staying.length} pods, ${STOPS} times\n` +
        row('  first lists', firstMs) +
        row('  later lists', laterMs) +
        row('  Status', statusMs),
    );
    expect(check.wrongs).toEqual([]);
    expect(record.ended.filter(({ isOk }) => !isOk)).toEqual([]);
  }, 60_000);
});
