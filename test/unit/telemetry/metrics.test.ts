import { describe, expect, it } from 'vitest';
import { METHODS } from '../../../src/cri/methods.ts';
import { createExposition } from '../../../src/telemetry/exposition.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';

const nothing = {
  backends: () => [],
  ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
  journal: () => ({ sizeBytes: 0, isFailing: false }),
  lostLogLines: () => 0,
};

const aCall = {
  method: 'PodSandboxStatus',
  backend: 'containerd',
  code: 'OK',
  durationMs: 0.7,
  requestBytes: 70,
  responseBytes: 900,
} as const;

async function scrape(metrics: Metrics): Promise<string[]> {
  return (await createExposition(metrics).metrics()).split('\n');
}

describe('Metrics', () => {
  it('counts a finished call by method, backend and code, with its bytes and duration', async () => {
    const metrics = new Metrics(nothing);
    for (const durationMs of [0.75, 0.5, 3, 200_000]) {
      metrics.callStarted('PodSandboxStatus');
      metrics.callFinished({ ...aCall, durationMs });
    }
    const labels = 'method="PodSandboxStatus",backend="containerd",code="OK"';
    const lines = await scrape(metrics);
    expect(lines).toContain(`switchyard_calls_total{${labels}} 4`);
    expect(lines).toContain(`switchyard_request_bytes_total{${labels}} 280`);
    expect(lines).toContain(`switchyard_response_bytes_total{${labels}} 3600`);
    expect(lines).toContain(`switchyard_call_duration_seconds_bucket{le="0.0005",${labels}} 1`);
    expect(lines).toContain(`switchyard_call_duration_seconds_bucket{le="0.001",${labels}} 2`);
    expect(lines).toContain(`switchyard_call_duration_seconds_bucket{le="0.005",${labels}} 3`);
    expect(lines).toContain(`switchyard_call_duration_seconds_bucket{le="120",${labels}} 3`);
    expect(lines).toContain(`switchyard_call_duration_seconds_bucket{le="+Inf",${labels}} 4`);
    expect(lines).toContain(`switchyard_call_duration_seconds_count{${labels}} 4`);
    expect(lines).toContain(`switchyard_call_duration_seconds_sum{${labels}} 200.00425`);
  });

  it('keeps calls apart whose backend or code differs', async () => {
    const metrics = new Metrics(nothing);
    metrics.callStarted('ListContainers');
    metrics.callStarted('ListContainers');
    metrics.callFinished({ ...aCall, method: 'ListContainers', backend: 'several' });
    metrics.callFinished({ ...aCall, method: 'ListContainers', backend: 'none', code: 'UNAVAILABLE' });
    const lines = await scrape(metrics);
    expect(lines).toContain('switchyard_calls_total{method="ListContainers",backend="several",code="OK"} 1');
    expect(lines).toContain(
      'switchyard_calls_total{method="ListContainers",backend="none",code="UNAVAILABLE"} 1',
    );
  });

  it('shows calls in flight until they finish', async () => {
    const metrics = new Metrics(nothing);
    metrics.callStarted('PodSandboxStatus');
    metrics.callStarted('PodSandboxStatus');
    metrics.callFinished(aCall);
    expect(await scrape(metrics)).toContain('switchyard_calls_in_flight{method="PodSandboxStatus"} 1');
  });

  it('counts what a client invents together, and each RPC of CRI by its name also after that', async () => {
    const metrics = new Metrics(nothing);
    for (let n = 0; n < 1000; n++) {
      metrics.callStarted(`Invented${n}`);
      metrics.callFinished({ ...aCall, method: `Invented${n}` });
    }
    for (const { name } of METHODS) {
      metrics.callStarted(name);
      metrics.callFinished({ ...aCall, method: name });
    }
    const lines = await scrape(metrics);
    const calls = lines.filter((line) => line.startsWith('switchyard_calls_total{'));
    expect(calls.sort()).toEqual(
      [['other', 1000] as const, ...METHODS.map(({ name }) => [name, 1] as const)]
        .map(
          ([method, count]) =>
            `switchyard_calls_total{method="${method}",backend="containerd",code="OK"} ${count}`,
        )
        .sort(),
    );
    expect(lines).toContain('switchyard_calls_in_flight{method="other"} 0');
  });

  it('reads the state of backends and ledger at each scrape', async () => {
    let isUp = true;
    const metrics = new Metrics({
      backends: () => [
        {
          name: 'gvisor',
          isUp,
          state: isUp ? 'ready' : 'hanging',
          absentMs: isUp ? 0 : 2_500,
          isImageServiceUp: false,
          hasOddCgroupDriver: true,
          sandboxes: 3,
          containers: 5,
          callsInFlight: 2,
          snapshotAgesMs: [['ListContainers', 1_500]],
        },
      ],
      ledgerSize: () => ({ sandboxes: 7, containers: 11 }),
      journal: () => ({ sizeBytes: 4096, isFailing: true }),
      lostLogLines: () => 12,
    });
    const registry = createExposition(metrics);
    expect(await registry.metrics()).toContain('switchyard_backend_up{backend="gvisor"} 1');
    isUp = false;
    const lines = (await registry.metrics()).split('\n');
    expect(lines).toContain('switchyard_backend_up{backend="gvisor"} 0');
    expect(lines).toContain('switchyard_backend_sandboxes{backend="gvisor"} 3');
    expect(lines).toContain('switchyard_backend_containers{backend="gvisor"} 5');
    expect(lines).toContain('switchyard_backend_calls_in_flight{backend="gvisor"} 2');
    expect(lines).toContain('switchyard_ledger_sandboxes 7');
    expect(lines).toContain('switchyard_log_lines_dropped_total 12');
    expect(lines).toContain('switchyard_ledger_containers 11');
    expect(lines).toContain('switchyard_backend_state{backend="gvisor",state="hanging"} 1');
    expect(lines).toContain('switchyard_backend_absent_seconds{backend="gvisor"} 2.5');
    expect(lines).toContain('switchyard_backend_cgroup_driver_mismatch{backend="gvisor"} 1');
    expect(lines).toContain('switchyard_snapshot_age_seconds{backend="gvisor",method="ListContainers"} 1.5');
    expect(lines).toContain('switchyard_journal_bytes 4096');
    expect(lines).toContain('switchyard_journal_failing 1');
  });

  it('counts decisions, searches for ids, turns of backends, parts of calls and unknown RPCs', async () => {
    const metrics = new Metrics(nothing);
    metrics.decision('ci builds', 'placed');
    metrics.decision('ci builds', 'placed');
    metrics.decision('handler', 'refused');
    metrics.locate('found');
    metrics.locate('found');
    metrics.backendTurned('docker', 'down');
    metrics.partFinished('docker', 'UNAVAILABLE', 2000);
    metrics.unknownRpc();
    metrics.snapshotAnswered('docker', 'ListImages');
    const lines = await scrape(metrics);
    expect(lines).toContain('switchyard_decisions_total{rule="ci builds",outcome="placed"} 2');
    expect(lines).toContain('switchyard_decisions_total{rule="handler",outcome="refused"} 1');
    expect(lines).toContain('switchyard_locates_total{outcome="found"} 2');
    expect(lines).toContain('switchyard_backend_turns_total{backend="docker",state="down"} 1');
    expect(lines).toContain('switchyard_part_duration_seconds_sum{backend="docker",code="UNAVAILABLE"} 2');
    expect(lines).toContain('switchyard_unknown_rpcs_total 1');
    expect(lines).toContain('switchyard_snapshot_answers_total{backend="docker",method="ListImages"} 1');
  });

  it('shows rules before their first decision', async () => {
    const metrics = new Metrics(nothing);
    metrics.expectRules(['canary']);
    const lines = await scrape(metrics);
    expect(lines).toContain('switchyard_decisions_total{rule="canary",outcome="refused"} 0');
    expect(lines).toContain('switchyard_decisions_total{rule="default",outcome="placed"} 0');
  });

  it('shows the process and the build', async () => {
    const lines = await scrape(new Metrics(nothing));
    expect(lines.some((line) => line.startsWith('process_resident_memory_bytes '))).toBe(true);
    expect(lines).toContain(`switchyard_build_info{version="dev",node="${process.version}"} 1`);
  });

  it('gives the same numbers as JSON', async () => {
    const metrics = new Metrics(nothing);
    metrics.callStarted('Version');
    metrics.callFinished({ ...aCall, method: 'Version' });
    const all = await createExposition(metrics).getMetricsAsJSON();
    const histogram = all.find((metric) => metric.name === 'switchyard_call_duration_seconds');
    const labels = { method: 'Version', backend: 'containerd', code: 'OK' };
    expect(histogram?.values).toContainEqual(expect.objectContaining({ labels, value: 1 }));
  });
});
