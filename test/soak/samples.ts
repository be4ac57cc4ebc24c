// What a soak looks like over time: one line each second, for a plot.
import { appendFileSync, writeFileSync } from 'node:fs';
import { latencies, quantile } from '../faults/call-record.ts';
import type { SimulatedStage } from '../faults/stage.ts';

const EVERY_MS = 1_000;
const LISTS = ['ListPodSandbox', 'ListContainers'];
const OWNED = ['PodSandboxStatus', 'ContainerStatus', 'ExecSync'];

/** Writes samples to a CSV file until it is told to end. An empty field: there was nothing to measure. */
export class Samples {
  private readonly stage: SimulatedStage;
  private readonly file: string;
  private readonly startedMs = performance.now();
  private isEnding = false;
  private readonly sampling: Promise<void>;
  /** What is being done to the stage now. */
  fault = '';
  mostResidentMib = 0;

  constructor(stage: SimulatedStage, file: string) {
    this.stage = stage;
    this.file = file;
    const ages = stage.backends.map(({ name }) => `snapshot_age_${name}_s`);
    const absent = stage.backends.map(({ name }) => `absent_${name}`);
    const head = [
      'second',
      'fault',
      'calls',
      'failed',
      'wrong_so_far',
      'list_p50_ms',
      'list_slowest_ms',
      'status_slowest_ms',
      'object_p50_ms',
      'object_slowest_ms',
      'rss_mib',
      'heap_mib',
      'journal_kib',
      'containers',
      ...ages,
      ...absent,
    ];
    writeFileSync(file, `${head.join(',')}\n`);
    this.sampling = this.run();
  }

  async end(): Promise<void> {
    this.isEnding = true;
    await this.sampling;
  }

  private async run(): Promise<void> {
    let fromMs = this.startedMs;
    while (!this.isEnding) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      const toMs = performance.now();
      await this.sample(fromMs, toMs);
      fromMs = toMs;
    }
  }

  private async sample(fromMs: number, toMs: number): Promise<void> {
    const { switchyard, load, backends } = this.stage;
    const { record, check } = load.calls;
    const ended = record.ended.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs);
    const tookMs = (rpcs: readonly string[]) => latencies(ended.filter(({ rpc }) => rpcs.includes(rpc)));
    // Switchyard itself may be away.
    const metrics = await switchyard.metrics().catch(() => '');
    const gauge = (series: string) => {
      const line = metrics.split('\n').find((one) => one.startsWith(`${series} `));
      return line === undefined ? Number.NaN : Number(line.slice(series.length));
    };
    const rssMib = gauge('process_resident_memory_bytes') / 2 ** 20;
    this.mostResidentMib = Math.max(this.mostResidentMib, Number.isNaN(rssMib) ? 0 : rssMib);
    const fields = [
      (toMs - this.startedMs) / 1_000,
      `"${this.fault}"`,
      ended.length,
      ended.filter(({ isOk }) => !isOk).length,
      check.wrongCount,
      quantile(tookMs(LISTS), 0.5),
      quantile(tookMs(LISTS), 1),
      quantile(tookMs(['Status']), 1),
      quantile(tookMs(OWNED), 0.5),
      quantile(tookMs(OWNED), 1),
      rssMib,
      gauge('nodejs_heap_size_used_bytes') / 2 ** 20,
      gauge('switchyard_journal_bytes') / 1_024,
      gauge('switchyard_ledger_containers'),
      ...backends.map(({ name }) =>
        gauge(`switchyard_snapshot_age_seconds{backend="${name}",method="ListPodSandbox"}`),
      ),
      ...backends.map(({ name }) => 1 - gauge(`switchyard_backend_up{backend="${name}"}`)),
    ];
    appendFileSync(this.file, `${fields.map(toField).join(',')}\n`);
  }
}

function toField(value: number | string): string {
  if (typeof value === 'string') return value;
  return Number.isNaN(value) ? '' : String(Math.round(value * 100) / 100);
}
