// Who is told, and how often, that a backend shows what another one owns.
import { expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { TwinAlarm } from '../../../src/proxy/twin-alarm.ts';
import { Metrics, type MetricsSources } from '../../../src/telemetry/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { tempDir } from '../../support/temp-dir.ts';

it('a backend that shows foreign ids in every list is reported once a minute, each backend for itself', async () => {
  await using dir = await tempDir();
  const clock = new FakeClock();
  const lines: LogLine[] = [];
  const config = configOf(dir, [{ name: 'one', profile: 'reference' }]);
  const metrics = new Metrics({} as MetricsSources);
  const alarm = new TwinAlarm(config, recorder(lines), metrics, clock);
  const [one, other] = ['one', 'other'].map((name) => ({ name }) as Backend) as [Backend, Backend];
  const reported = () => lines.splice(0).map(({ fields }) => [fields['backend'], fields['count']]);

  alarm.foreignIds(one, 3);
  expect(reported()).toEqual([['one', 3]]);
  for (let second = 1; second < 60; second++) {
    clock.advance(1_000);
    alarm.foreignIds(one, 3);
  }
  expect(reported()).toEqual([]);
  alarm.foreignIds(other, 1);
  expect(reported()).toEqual([['other', 1]]);
  clock.advance(1_000);
  alarm.foreignIds(one, 4);
  alarm.foreignIds(other, 1);
  expect(reported()).toEqual([['one', 4]]);
  expect(metrics.foreign.get('one')?.value).toBe(60 * 3 + 4);
});
