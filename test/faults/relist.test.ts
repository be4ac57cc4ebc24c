// How long a kubelet waits for its relist while one of three backends stands still: at first the time it takes to tell
// hanging from slow, after that nothing worth mentioning.
import { beforeEach, describe, expect, it } from 'vitest';
import { skipWhen } from '../support/e2e-requirements.ts';
import { whyNoProgram } from '../support/switchyard-process.ts';
import { until } from '../support/until.ts';
import { latencies, quantile } from './call-record.ts';
import { onlyCriErrors } from './checked-calls.ts';
import { absentBackends, type SimulatedStage, simulatedStage } from './stage.ts';

const STOPS = 2;
const FIRST_LISTS = 10;
const LATER_RELISTS = 150;
const STATUS_EVERY_MS = 100;
/** The limits that Switchyard promises. */
const FIRST_P99_MS = 2_500;
const LATER_P99_MS = 50;
const STATUS_MS = 2_000;

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

describe('a relist while one of three backends stands still', () => {
  it('takes less than 2.5 s at first and less than 50 ms later, and Status less than 2 s', async () => {
    await using stage = await simulatedStage({ load: { stayingPods: 20 } });
    const { load, switchyard } = stage;
    const { check, record } = load.calls;
    const { runtime, name } = stage.backend('second');
    await load.settle();
    const firstMs: number[] = [];
    const laterMs: number[] = [];
    const statusMs: number[] = [];
    const lists = ['ListPodSandbox', 'ListContainers'];
    for (let stop = 0; stop < STOPS; stop++) {
      await runtime.pause();
      check.down(name);
      const stoppedMs = performance.now();
      const status = askStatus(stage);
      await Promise.all(Array.from({ length: FIRST_LISTS }, () => relist(stage)));
      const answeredMs = performance.now();
      for (let nth = 0; nth < LATER_RELISTS; nth++) await relist(stage);
      await status.end();
      firstMs.push(...latencies(record.between(lists, stoppedMs, answeredMs)));
      laterMs.push(...latencies(record.between(lists, answeredMs)));
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
    expect(quantile(firstMs, 0.99)).toBeLessThan(FIRST_P99_MS);
    expect(quantile(laterMs, 0.99)).toBeLessThan(LATER_P99_MS);
    expect(quantile(statusMs, 1)).toBeLessThan(STATUS_MS);
  }, 60_000);
});
