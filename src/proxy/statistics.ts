// What is known of the backends' statistics and metrics, each part of it learnt from their answers.
import type { Backend } from '../backends/backend.ts';
import type { BackendState } from '../backends/state.ts';
import { MetricLabels, type MetricLabelsOptions } from './metric-labels.ts';
import { Mountpoints } from './mountpoints.ts';
import { PodStatsAlarm } from './pod-stats-alarm.ts';
import { PodStatsSupport } from './pod-stats-support.ts';

export class Statistics {
  readonly metricLabels: MetricLabels;
  readonly mountpoints: Mountpoints;
  readonly podStats: PodStatsSupport;
  readonly podStatsAlarm: PodStatsAlarm;

  constructor(options: MetricLabelsOptions) {
    const { clock, log } = options;
    this.metricLabels = new MetricLabels(options);
    this.mountpoints = new Mountpoints(clock);
    this.podStats = new PodStatsSupport(clock, log);
    this.podStatsAlarm = new PodStatsAlarm(log);
  }

  /** A backend's state has turned. */
  onState(backend: Backend, state: BackendState): void {
    this.metricLabels.onState(backend, state);
    this.mountpoints.onState(backend, state);
    this.podStats.onState(backend, state);
  }
}
