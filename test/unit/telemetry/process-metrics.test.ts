import { collectDefaultMetrics, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { exposeProcess } from '../../../src/telemetry/process-metrics.ts';

const namesOf = (registry: Registry) => registry.getMetricsAsArray().map(({ name }) => name);

it('shows of a process what prom-client shows, apart from its garbage collections', () => {
  const theirs = new Registry();
  collectDefaultMetrics({ register: theirs });
  const ours = new Registry();
  exposeProcess(ours);
  expect(namesOf(ours)).toEqual(namesOf(theirs).filter((name) => name !== 'nodejs_gc_duration_seconds'));
  expect(namesOf(ours)).toContain('nodejs_eventloop_lag_p99_seconds');
});
